"""Networks are kept on disk; whatever befalls them there costs time and nothing else."""

import logging
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from matcher.encoders import _networks, make_encoder
from matcher.encoders._networks import load_runner
from matcher.errors import BackendError
from matcher.io import cache_place
from matcher.io.artifacts import TENSORS
from matcher.runtime import networks
from matcher.runtime.networks import Network
from matcher.types import Listings

pytestmark = pytest.mark.keras
pytest.importorskip("openvino", reason="the extra 'fast' is not installed")

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "fixtures" / "tiny_bert"
ORIGIN = {"weights": "tiny"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("MATCHER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "networks"


@pytest.fixture(scope="module")
def model():
    import keras

    keras.utils.set_random_seed(0)
    numbers = keras.Input((6,))
    return keras.Model(numbers, keras.layers.Dense(5)(numbers))


@pytest.fixture
def load(model):
    """Loads the network, and counts how often it was built."""

    def call(origin=ORIGIN, precision="float32"):
        def build():
            call.built += 1
            return model, {"rows": 4}

        return load_runner(origin, build, lambda facts: ((numbers(facts["rows"]),),), precision)

    call.built = 0
    return call


def numbers(n):
    return np.random.default_rng(0).normal(size=(n, 6)).astype(np.float32)


NUMBERS = numbers(7)


def test_a_network_is_built_once(load, place):
    first, facts = load()
    again, same_facts = load()
    assert load.built == 1
    assert facts == same_facts == {"rows": 4}
    np.testing.assert_array_equal(first(NUMBERS), again(NUMBERS))
    load(precision="auto")
    assert load.built == 1  # one is kept for every precision
    load({"weights": "other"})
    assert load.built == 2
    assert len(list(place.iterdir())) == 2


@pytest.mark.parametrize("what", ["code", "library"])
def test_other_code_and_other_libraries_make_another(load, place, monkeypatch, what):
    load()
    if what == "code":
        monkeypatch.setattr(_networks, "digest_of_code", lambda *patterns: "other")
    else:
        monkeypatch.setattr("matcher.io.versions.version", lambda name: "99")
    load()
    assert load.built == 2


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "flip":
        content[len(content) // 2] ^= 1
    path.write_bytes(b"" if how == "empty" else content[: 500 if how == "truncate" else None])


@pytest.mark.parametrize("how", ["flip", "truncate", "empty"])
def test_a_damaged_one_is_made_anew(load, place, how, caplog):
    wanted = load()[0](NUMBERS)
    (path,) = place.glob(f"*/{TENSORS}")
    damage(path, how)
    np.testing.assert_array_equal(load()[0](NUMBERS), wanted)
    assert load.built == 2
    assert "a kept network is made anew" in caplog.text
    load()
    assert load.built == 2


def test_one_that_was_written_by_something_else_is_made_anew(load, place):
    from matcher.io.artifacts import save_model

    load()
    save_model(next(place.iterdir()), {}, {"graph": np.zeros(3, np.uint8)})
    load()
    load()
    assert load.built == 2


def test_one_that_may_not_be_read_is_made_anew(load, place, monkeypatch, caplog):
    wanted = load()[0](NUMBERS)

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(_networks.Path, "is_file", refuse)
        np.testing.assert_array_equal(load()[0](NUMBERS), wanted)
    assert load.built == 2
    assert "a kept network is made anew: [Errno 13]" in caplog.text


def test_one_that_openvino_cannot_read_is_made_anew(load, place):
    wanted = load()[0](NUMBERS)
    folder = next(place.iterdir())
    network, facts = _networks._read(folder)
    _networks._write(folder, Network(b"<net/>", network.weights, network.expected), facts)
    for _ in range(2):
        np.testing.assert_array_equal(load()[0](NUMBERS), wanted)
        assert load.built == 2


def test_a_full_disk_costs_time_alone(load, place, caplog):
    resource = pytest.importorskip("resource")
    caplog.set_level(logging.INFO)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, limits[1]))
    try:
        with pytest.MonkeyPatch.context() as patch:  # OpenVINO writes aside, to another disk
            network = Network(b"", np.zeros(20_000, np.uint8), np.zeros((1, 1), np.float32))
            patch.setattr("matcher.runtime.compiled.convert_model", lambda *_: network)
            patch.setattr("matcher.runtime.compiled.compile_network", lambda *_: "compiled")
            assert load()[0] == "compiled"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "the network is not kept" in caplog.text


@pytest.mark.slow
def test_those_used_last_are_kept(load, place, monkeypatch):
    monkeypatch.setattr(cache_place, "MOST_NETWORKS", 2)
    for age, name in ((30, "a"), (20, "b")):
        known = set(place.glob("*"))
        load({"weights": name})
        (made,) = set(place.glob("*")) - known
        os.utime(made, (1e9 - age, 1e9 - age))
    load({"weights": "a"})  # used again
    load({"weights": "c"})
    assert len(list(place.iterdir())) == 2
    built = load.built
    load({"weights": "a"})
    assert load.built == built
    load({"weights": "b"})
    assert load.built == built + 1


def test_nothing_is_kept_within_a_block_that_does_without(load, place):
    with cache_place.caching(False):
        load()
        load()
    assert load.built == 2
    assert not place.exists()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_one_that_gives_other_vectors_is_made_anew(load, place, monkeypatch, precision):
    if precision == "bfloat16" and not networks._can_bfloat16():
        pytest.skip("OpenVINO has no bfloat16 here")
    load()
    folder = next(place.iterdir())
    network, facts = _networks._read(folder)
    rolled = np.roll(network.expected, 1, axis=1)
    _networks._write(folder, Network(network.graph, network.weights, rolled), facts)
    assert load(precision=precision)[0].precision == precision
    assert load.built == 2
    load(precision=precision)
    assert load.built == 2


def test_a_folder_that_cannot_be_written(load, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("MATCHER_CACHE", str(tmp_path / "file"))
    for n in (1, 2):
        assert load()[0](NUMBERS).shape == (7, 5)
        assert load.built == n
    assert "the network is not kept" in caplog.text


@pytest.mark.parametrize("nowhere", ["off", ""])
def test_nothing_is_kept_where_the_user_says_so(load, place, monkeypatch, nowhere):
    monkeypatch.setenv("MATCHER_CACHE", nowhere)
    load()
    load()
    assert load.built == 2
    assert not place.exists()


def test_what_is_not_known_beforehand_is_not_kept(load, place):
    load(None)
    assert not place.exists()


def test_without_openvino_nothing_is_kept(load, place, monkeypatch):
    with_openvino = load()[0](NUMBERS)
    shutil.rmtree(place)
    monkeypatch.setattr(networks, "find_spec", lambda name: None)
    without = load()[0](NUMBERS)
    np.testing.assert_allclose(without, with_openvino, atol=1e-5)
    assert not place.exists()
    with pytest.raises(BackendError, match="pip install 'matcher"):
        load(precision="bfloat16")
    assert load.built == 2  # refused before it was built


def test_several_write_and_read_at_once(load, place):
    load()
    folder = next(place.iterdir())
    network, facts = _networks._read(folder)

    def write_and_read(i):
        if i % 2:
            _networks._write(folder, network, facts)
        return _networks._read(folder)

    with ThreadPoolExecutor(8) as pool:
        found = [pair for pair in pool.map(write_and_read, range(80)) if pair is not None]
    assert found
    assert all(kept.graph == network.graph and about == facts for kept, about in found)
    assert _networks._read(folder) is not None
    assert [path.name for path in sorted(folder.iterdir())] == ["config.json", TENSORS]


START = """
import sys
from matcher.encoders import make_encoder
from matcher.types import Listings
encoder = make_encoder("bert", weights=sys.argv[1], max_tokens=20).fit(Listings((), (), ()))
vectors = encoder.encode(Listings(("a",), ("red shirt",), (None,))).vectors
print(encoder.source, vectors.tobytes().hex(), "keras" in sys.modules, "tensorflow" in sys.modules)
"""


@pytest.mark.slow
def test_processes_share_what_one_has_made(place):
    command = [sys.executable, "-c", START, str(TINY)]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    first, second = (process.communicate()[0].split() for process in both)
    third = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.split()
    assert first[:2] == second[:2] == third[:2]
    assert third[2:] == [b"False", b"False"]  # it started without them


@pytest.mark.slow
def test_a_trained_network_starts_without_keras(place, tmp_path, monkeypatch):
    from matcher.io.artifacts import save_model
    from matcher.models.backbones import build_backbone
    from matcher.models.weights import export_weights

    tensors = export_weights(build_backbone("mobilenet-v2", 32, seed=5))
    save_model(tmp_path / "trained", {"backbone": "mobilenet-v2", "size": 32}, tensors)
    nothing = Listings((), (), ())
    spec = make_encoder("mobilenet", weights=str(tmp_path / "trained"))
    made = spec.fit(nothing)

    def never():
        raise AssertionError("Keras is loaded")

    monkeypatch.setattr(_networks, "import_keras", never)
    kept = spec.fit(nothing)
    assert (kept.source, kept.size, kept.width) == (made.source, made.size, made.width)
