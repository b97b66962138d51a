"""Pictures as told, other answers refused, missing peers left out, the page is the results'."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.bench_encode import encode_lines
from benchmarks.encode_peers import available, in_best_batch
from benchmarks.encode_pictures import make_pictures
from benchmarks.encode_rows import check_same, cosine, figure, misses_its_bar, own_nearest, rows_of
from benchmarks.encode_worker import Worker
from benchmarks.timing import Timed, race
from benchmarks.try_int8 import int8_lines

# Vectors say what the model was told: the longest title in tokens, the threads, the precision.
FAKE = """
import sys, types
import numpy as np
torch = types.ModuleType("torch")
torch.bfloat16 = "bfloat16"
torch.set_num_threads = lambda n: setattr(torch, "n_threads", n)
fake = types.ModuleType("sentence_transformers")
class SentenceTransformer:
    max_seq_length, precision = 256, "float32"
    def __init__(self, weights, device): assert device == "cpu"
    def to(self, precision): self.precision = precision; return self
    def encode(self, titles, show_progress_bar):
        told = [self.max_seq_length, torch.n_threads, self.precision == "bfloat16"]
        return np.float32([told] * len(titles))
fake.SentenceTransformer = SentenceTransformer
sys.modules |= {"sentence_transformers": fake, "torch": torch}
"""


@pytest.mark.slow
def test_pictures_differ_and_are_the_same_again(tmp_path):
    paths = make_pictures(tmp_path / "a", 3, tmp_path, side=64)
    again = make_pictures(tmp_path / "b", 3, tmp_path, side=64)
    contents = [path.read_bytes() for path in paths]
    assert contents == [path.read_bytes() for path in again]
    assert len(set(contents)) == 3
    with Image.open(paths[0]) as picture:
        assert (picture.size, picture.format, picture.mode) == ((64, 64), "JPEG", "RGB")
    (later,) = make_pictures(tmp_path / "c", 1, tmp_path, side=64, first=2)
    assert (later.name, later.read_bytes()) == ("000002.jpg", contents[2])


def test_the_lowest_cosine_counts():
    truth = np.float32([[1, 0], [0, 2]])
    assert cosine(np.float32([[3, 0], [1, 1]]), truth) == pytest.approx(0.5**0.5)


def test_rows_are_nearest_to_their_own_unless_they_are_swapped():
    rng = np.random.default_rng(0)
    truth = 100 + rng.normal(size=(8, 16))  # nearly parallel
    found = truth + rng.normal(scale=0.01, size=truth.shape)
    swapped = found[[1, 0, *range(2, 8)]]
    assert cosine(swapped, truth) > 0.999
    assert own_nearest(found, truth) == 1
    assert own_nearest(found / 50, truth) == 1  # lengths do not count
    assert own_nearest(swapped, truth) == 6 / 8
    assert check_same("peer", found, truth, 0.99) == cosine(found, truth)
    with pytest.raises(SystemExit, match=r"peer: only 75\.00% of the rows"):
        check_same("peer", swapped, truth, 0.99)
    with pytest.raises(SystemExit, match=r"peer: the lowest cosine is -1\.0000"):
        check_same("peer", -found, truth, 0.99)


def test_equal_inputs_are_not_called_swapped():
    truth = np.float32([[1, 0], [1, 0], [0, 1]])
    assert own_nearest(truth, truth) == 1


def test_a_vector_that_is_no_number_is_another():
    truth = np.float32([[1, 0], [0, 1]])
    with pytest.raises(SystemExit):
        check_same("peer", truth * np.float32([[np.nan], [1]]), truth, 0.99)


def test_a_peer_gets_the_batch_in_which_it_is_fastest():
    def run(pixels, batch):
        time.sleep(0.02 if batch != 8 else 0)
        return pixels, batch

    best, encode = in_best_batch(run, "pixels")
    assert best == 8
    assert encode("others") == ("others", 8)


def test_a_missing_peer_is_left_out_and_named(capsys):
    def missing():
        raise ImportError("No module named 'peer'")

    assert available({"here": lambda: 1, "peer": missing}) == {"here": 1}
    assert "peer is left out: No module named 'peer'" in capsys.readouterr().out


def test_a_row_a_peer():
    timed = {
        "matcher": Timed([2.0, 1.0, 3.0], [4.0] * 3, [0.0] * 3, None),
        "matcher in float32": Timed([3.0] * 3, [4.0] * 3, [0.0] * 3, None),
        "peer": Timed([6.0] * 3, [4.0] * 3, [0.0] * 3, None),
    }
    about = {"case": "case", "unit": "titles", "n": 12, "ours": "bfloat16"}
    plain, row = rows_of(about, timed, {"peer": 2.5}, {"peer": 0.99})
    assert (row["ratio"], row["in_float32"], row["cpu_ratio"], row["bar"]) == (3, 2, 1, 2.5)
    assert (row["per_second"], row["peer_per_second"], row["cosine"]) == (6, 2, 0.99)
    assert (plain["peer"], plain["ratio"], plain["in_float32"]) == ("matcher in float32", 1.5, None)
    assert (plain["cosine"], plain["bar"]) == (None, None)


def test_what_misses_its_bar():
    assert misses_its_bar({"ratio": 2.4, "bar": 2.5})
    assert not misses_its_bar({"ratio": 2.5, "bar": 2.5})
    assert not misses_its_bar({"ratio": 0.1, "bar": None})
    assert misses_its_bar(figure("share", 1, 0.11, 0.1))
    assert not misses_its_bar(figure("share", 1, 0.1, 0.1))


def test_a_contender_that_measures_itself_is_believed():
    class Elsewhere:
        def __call__(self):
            return "answer"

        def measure(self):
            return 5.0, 6.0, 7.0

    timed = race({"peer": Elsewhere()}, 2)["peer"]
    assert (timed.wall, timed.cpu, timed.peak) == ([5.0] * 2, [6.0] * 2, [7.0] * 2)
    assert timed.answer == "answer"


def test_what_comes_before_a_turn_comes_before_each():
    done = []
    turns = {name: lambda name=name: done.append(name) or name for name in "ab"}
    timed = race(turns, 2, before=lambda: done.append("-"))
    assert "".join(done) == "-a-b" + "-a-b" + "-b-a"
    assert {name: t.answer for name, t in timed.items()} == {"a": "a", "b": "b"}


@pytest.fixture
def python(tmp_path, monkeypatch):
    """An interpreter whose sentence-transformers is the one above."""
    (tmp_path / "sitecustomize.py").write_text(FAKE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return sys.executable


def test_the_worker_takes_turns(tmp_path, python):
    worker = Worker(python, tmp_path, ["red cup", "blue cup"], tmp_path / "out.npy", threads=2)
    try:
        start = time.perf_counter()
        wall, cpu, peak = worker.measure()
        assert 0 <= wall <= time.perf_counter() - start
        assert cpu >= 0
        assert np.isnan(peak)
        assert worker().tolist() == [[256, 2, 0]] * 2
    finally:
        worker.close()


def test_the_worker_takes_settings(tmp_path, python):
    out = tmp_path / "out.npy"
    worker = Worker(
        python, tmp_path, ["red cup"], out, threads=3, max_tokens=70, precision="bfloat16"
    )
    try:
        assert worker().tolist() == [[70, 3, 1]]
    finally:
        worker.close()


def test_a_worker_without_the_package_is_a_missing_peer(tmp_path, monkeypatch):
    (tmp_path / "sentence_transformers.py").write_text("raise ImportError('none')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ImportError, match="has no sentence-transformers"):
        Worker(sys.executable, tmp_path, ["red cup"], tmp_path / "out.npy", threads=1)


@pytest.mark.parametrize(("name", "lines_of"), [("encode", encode_lines), ("int8", int8_lines)])
def test_the_tables_of_the_page_are_made_from_the_results(root, name, lines_of):
    page = Path(root / "docs" / "encoding.md").read_text(encoding="utf-8")
    content = json.loads((root / "benchmarks" / "results" / f"{name}.json").read_text("utf-8"))
    table = "\n".join([f"<!-- {name}:begin -->", *lines_of(content), f"<!-- {name}:end -->"])
    assert table in page


def test_cases_of_other_machines_are_told_apart():
    row = {"figure": "share", "n": 1, "value": 0.1, "bar": None}
    here = {"machine": "here", "threads": 2, "rounds": 5, "rows": [row]}
    cases = {"a": here, "b": here | {"machine": "there"}, "c": here}
    lines = encode_lines({"results": cases})
    assert lines[-2:] == [
        "`make bench-encode` on here, 2 threads each, 5 rounds: a, c.",
        "`make bench-encode` on there, 2 threads each, 5 rounds: b.",
    ]
