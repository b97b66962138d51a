"""The command: one folder, whole or not at all, the same for a seed."""

import json
import subprocess
import sys

import numpy as np
import pytest

from matcher.errors import DataError, StoreError
from pipelines import base_listings
from pipelines._base_bert import SHAPE

pytestmark = [pytest.mark.slow, pytest.mark.long]


def run(root, *arguments):
    command = [sys.executable, "-m", "pipelines.base_listings", *map(str, arguments)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def written(sets, root, tmp_path_factory):
    """What two runs of the command write with one seed."""
    folder = tmp_path_factory.mktemp("written")
    done = [run(root, sets, "--out", folder / name, "--seed", 5) for name in ("a", "b")]
    for each in done:
        assert each.returncode == 0, each.stderr
    assert "made-up" in done[0].stdout
    assert "30,000" in done[0].stdout
    return folder


@pytest.mark.slow
def test_the_command_writes_the_same_bytes_for_the_same_seed(written):
    first, second = contents(written / "a"), contents(written / "b")
    assert first == second
    assert {str(path) for path in first if path.suffix == ".csv"} == {
        "image/listings.csv",
        "title/listings.csv",
        "title/pricerunner_held_out.csv",
    }
    assert sorted(p.name for p in written.iterdir()) == ["a", "b"]  # nothing is left aside


@pytest.mark.slow
@pytest.mark.keras
def test_a_training_starts_from_the_bert(written):
    pytest.importorskip("keras")
    from matcher.encoders._saved import start_title_embedder
    from matcher.models.settings import TitleArchitecture

    folder = written / "a" / "title" / "bert"
    given = TitleArchitecture(max_tokens=SHAPE["max_position_embeddings"])
    model, tokenizer, _ = start_title_embedder(given, str(folder))
    assert model.output_shape == (None, 256)
    config = json.loads((folder / "config.json").read_text())
    words = (folder / "vocab.txt").read_text("utf-8").splitlines()
    assert config["vocab_size"] == len(words) == len(tokenizer.tokenizer) <= 8000
    assert {c for c in "az09"} | {f"##{c}" for c in "az09"} <= set(words)
    (ids,) = tokenizer(["Masker qzx 100ml"])
    assert [words[i] for i in ids][:2] == ["[CLS]", "masker"]
    assert tokenizer.tokenizer.unk_token_id not in ids
    bert = model.get_layer("embedding")
    table = np.asarray(bert.words.embeddings)
    assert table.std() == pytest.approx(0.02, rel=0.02)


def test_a_folder_that_holds_something_is_not_touched(sets, tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(StoreError, match="holds something already"):
        base_listings.run(sets, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(DataError):
        base_listings.run(tmp_path / "nowhere", tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_what_is_missing_is_said_in_one_line(root, tmp_path):
    done = run(root, tmp_path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "grocery" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_help_is_quick(root):
    code = (
        "import sys, runpy; sys.argv = ['x', '--help']\n"
        "try: runpy.run_module('pipelines.base_listings', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "assert not {'keras', 'transformers', 'pyarrow', 'pandas', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True)
