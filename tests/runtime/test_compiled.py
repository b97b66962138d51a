"""A model gives the same vectors whatever runs it."""

import gc
import json
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest

from matcher.errors import BackendError
from matcher.runtime import networks
from matcher.runtime.compiled import _compile_tensorflow, compile_model
from matcher.runtime.networks import ImpreciseError, compile_network, convert_model
from matcher.runtime.probes import title_probe

pytestmark = pytest.mark.keras
needs_openvino = pytest.mark.skipif(
    find_spec("openvino") is None, reason="the extra 'fast' is not installed"
)


@pytest.fixture(scope="module")
def build(root):
    from matcher.models.bert import build_bert, read_bert_config

    config = json.loads((root / "tests" / "fixtures" / "tiny_bert" / "config.json").read_text())
    return lambda: build_bert(read_bert_config(config, "tiny_bert"), pooling="mean")


@pytest.fixture(scope="module")
def bert(build):
    return build()


@pytest.fixture(scope="module")
def probe():
    return title_probe(50, 20)


@pytest.fixture(scope="module")
def dense():
    import keras

    keras.utils.set_random_seed(0)
    numbers = keras.Input((6,))
    return keras.Model(numbers, keras.layers.Dense(5)(numbers))


@pytest.fixture(scope="module")
def numbers():
    return ((np.random.default_rng(0).normal(size=(7, 6)).astype(np.float32),),)


@pytest.fixture(scope="module", params=["tensorflow", pytest.param("fast", marks=needs_openvino)])
def runner(bert, request):
    return _compile_tensorflow(bert) if request.param == "tensorflow" else compile_model(bert)


@pytest.fixture
def no_openvino(monkeypatch):
    monkeypatch.setattr(networks, "find_spec", lambda name: None)


def batch(rng, n, length):
    ids = rng.integers(1, 50, (n, length)).astype(np.int32)
    attended = np.ones_like(ids)
    attended[:1, length // 2 :] = 0
    return ids, attended


SIZES = [(4, 12), (1, 8), (0, 8), (4, 12), (9, 20), (2, 8), (3, 16), (7, 8)]


def test_any_number_of_rows(runner, rng):
    ids, attended = batch(rng, 4, 12)
    whole = runner(ids, attended)
    assert (whole.shape, whole.dtype) == ((4, 32), np.float32)
    np.testing.assert_allclose(runner(ids[:2], attended[:2]), whole[:2], atol=1e-6)


def test_a_stream_is_its_batches_one_by_one(runner, rng):
    batches = [batch(rng, *size) for size in SIZES]
    streamed = list(runner.stream(iter(batches)))
    assert [len(result) for result in streamed] == [n for n, _ in SIZES]
    for arrays, result in zip(batches, streamed, strict=True):
        np.testing.assert_array_equal(result, runner(*arrays))
    assert list(runner.stream([])) == []


def test_arrays_may_be_written_to_once_the_next_batch_is_asked_for(runner, rng):
    batches = [batch(rng, 5, 12) for _ in range(12)]
    ids, attended = batch(rng, 5, 12)

    def same_memory():
        for token_ids, where in batches:
            ids[:], attended[:] = token_ids, where
            yield ids, attended
        ids[:] = 0

    for arrays, result in zip(batches, runner.stream(same_memory()), strict=True):
        np.testing.assert_array_equal(result, runner(*arrays))


def test_few_batches_are_on_their_way_at_a_time(runner, rng):
    taken = 0

    def batches():
        nonlocal taken
        for _ in range(200):
            taken += 1
            yield batch(rng, 1, 8)

    ahead = [taken - i for i, _ in enumerate(runner.stream(batches()))]
    assert len(ahead) == 200
    assert max(ahead) < 100


def test_an_error_in_the_iterable_is_raised_and_nothing_hangs(runner, rng):
    def batches():
        for _ in range(5):
            yield batch(rng, 2, 8)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(runner.stream(batches()))
    assert len(runner(*batch(rng, 2, 8))) == 2


def test_a_stream_may_be_left_early(runner, rng):
    arrays = batch(rng, 2, 8)
    for _ in range(20):
        stream = runner.stream(batch(rng, 2, 8) for _ in range(50))
        next(stream)
        stream.close()
    assert len(runner(*arrays)) == 2


def test_several_threads_share_a_runner(runner, rng):
    tables = [[batch(rng, *size) for size in SIZES] for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda table: list(runner.stream(table)), tables))
    for table, results in zip(tables, found, strict=True):
        for arrays, result in zip(table, results, strict=True):
            np.testing.assert_allclose(result, runner(*arrays), atol=1e-6)


@needs_openvino
@pytest.mark.parametrize("rows", [1, 3, 8])
def test_pictures_go_through_in_parts_of_one_shape(rows, rng):
    import keras

    pixels = keras.Input((8, 8, 3))
    output = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(5, 3)(pixels))
    model = keras.Model(pixels, output)
    runner, plain = compile_model(model, "float32", rows=rows), _compile_tensorflow(model)
    pictures = [rng.integers(0, 256, (n, 8, 8, 3)).astype(np.uint8) for n in (0, 1, 4, 9, 2)]
    streamed = runner.stream((array,) for array in pictures)
    for array, result in zip(pictures, streamed, strict=True):
        np.testing.assert_allclose(result, plain(array), rtol=1e-4, atol=1e-3)


@needs_openvino
def test_openvino_gives_what_tensorflow_gives(bert, probe, rng):
    fast, plain = compile_model(bert, "float32", probe), _compile_tensorflow(bert)
    assert fast.precision == plain.precision == "float32"
    for size in SIZES:
        arrays = batch(rng, *size)
        np.testing.assert_allclose(fast(*arrays), plain(*arrays), atol=1e-5)


@pytest.mark.slow
@needs_openvino
def test_openvino_outlives_the_model(build, rng):
    arrays, kept = batch(rng, 3, 8), []
    for _ in range(3):
        model = build()
        kept.append((compile_model(model, "float32"), _compile_tensorflow(model)(*arrays)))
        del model
        gc.collect()
        _ = [np.full(100_000, np.nan, np.float32) for _ in range(50)]  # takes its memory
    for runner, wanted in kept:
        np.testing.assert_allclose(runner(*arrays), wanted, atol=1e-5)


def test_what_was_returned_is_not_overwritten(runner, rng):
    first = runner(*batch(rng, 4, 12))
    kept = first.copy()
    runner(*batch(rng, 4, 12))
    np.testing.assert_array_equal(first, kept)


def test_without_openvino_tensorflow_runs_the_model(bert, probe, no_openvino, rng):
    arrays = batch(rng, 4, 12)
    for precision in ("auto", "float32"):
        runner = compile_model(bert, precision, probe)
        assert runner.precision == "float32"
        np.testing.assert_array_equal(runner(*arrays), _compile_tensorflow(bert)(*arrays))
    with pytest.raises(BackendError, match=r"OpenVINO.*not installed.*pip install 'matcher\[fast"):
        compile_model(bert, "bfloat16", probe)


@needs_openvino
def test_a_processor_without_bfloat16(dense, numbers, monkeypatch):
    monkeypatch.setattr(networks, "_can_bfloat16", lambda: False)
    networks._is_fast_bfloat16.cache_clear()
    assert compile_model(dense, "auto", numbers).precision == "float32"
    networks._is_fast_bfloat16.cache_clear()
    with pytest.raises(BackendError, match=r"processor does not have it\. Set precision: auto"):
        compile_model(dense, "bfloat16", numbers)


@pytest.mark.parametrize(("rows", "fixed"), [(None, True), (3, True), (3, False)])
def test_other_backends_run_the_model_by_keras(bert, monkeypatch, rng, rows, fixed):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(networks, "find_spec", lambda name: True)
    monkeypatch.setattr(networks, "_can_bfloat16", lambda: True)
    arrays, plain = batch(rng, 5, 12), _compile_tensorflow(bert)
    runner = compile_model(bert, "auto", rows=rows, fixed=fixed)
    assert runner.precision == "float32 (jax)"
    seen = []
    monkeypatch.setattr(bert, "predict_on_batch", lambda x: seen.append(len(x[0])) or bert(x))
    np.testing.assert_allclose(runner(*arrays), plain(*arrays), atol=1e-5)
    assert seen == ([5] if rows is None else [3, 3])  # each number would be compiled
    with pytest.raises(BackendError, match=r"needs Keras on TensorFlow\. Received: jax"):
        compile_model(bert, "bfloat16")


@pytest.fixture
def broken(monkeypatch):
    """A processor whose results in bfloat16 are wrong."""

    class Broken(networks._OpenvinoRunner):
        def _results(self, parts):
            for result in super()._results(parts):
                yield result[:, ::-1] if self.precision == "bfloat16" else result

    monkeypatch.setattr(networks, "_OpenvinoRunner", Broken)
    monkeypatch.setattr(networks, "_can_bfloat16", lambda: True)
    monkeypatch.setattr(networks, "_is_fast_bfloat16", lambda: True)


@needs_openvino
def test_a_broken_precision_is_not_used(dense, numbers, broken, caplog):
    assert compile_model(dense, "auto", numbers).precision == "float32"
    assert "in bfloat16 the network's vectors have a cosine of" in caplog.text
    with pytest.raises(ImpreciseError, match=r"cosine of -?0\.\d{4} .* 0\.995\. Set precision: fl"):
        compile_model(dense, "bfloat16", numbers)


@needs_openvino
@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_where_nothing_else_is_right_tensorflow_runs_the_model(
    dense, numbers, monkeypatch, precision, caplog
):
    class Broken(networks._OpenvinoRunner):
        def _results(self, parts):
            yield from (np.full_like(result, np.nan) for result in super()._results(parts))

    monkeypatch.setattr(networks, "_OpenvinoRunner", Broken)
    runner = compile_model(dense, precision, numbers)
    assert runner.precision == "float32"
    np.testing.assert_array_equal(runner(*numbers[0]), _compile_tensorflow(dense)(*numbers[0]))
    assert "TensorFlow runs the model instead" in caplog.text


@needs_openvino
def test_a_network_is_checked_each_time_it_is_compiled(dense, numbers):
    network = convert_model(dense, numbers)
    assert network.expected.shape == (7, 5)
    compile_network(network, "float32", numbers)
    rolled = np.roll(network.expected, 1, axis=1)
    other = networks.Network(network.graph, network.weights, rolled)
    with pytest.raises(ImpreciseError, match="float32"):
        compile_network(other, "float32", numbers)
    compile_network(other, "float32")  # nothing to compare on


@needs_openvino
def test_batches_of_several_lengths_leave_openvino_its_shapes(bert, probe, rng):
    runner, plain = compile_model(bert, "float32", probe, 4, False), _compile_tensorflow(bert)
    for size in SIZES:
        arrays = batch(rng, *size)
        np.testing.assert_allclose(runner(*arrays), plain(*arrays), atol=1e-5)


@needs_openvino
@pytest.mark.parametrize("where", ["convert", "read", "run"])
def test_where_openvino_fails_tensorflow_runs_the_model(dense, numbers, monkeypatch, where, caplog):
    def fail(*args, **kwargs):
        raise RuntimeError("Exception from src/core.cpp:\nno plug-in. Sorry.")

    if where == "convert":
        monkeypatch.setattr("openvino.convert_model", fail)
    elif where == "read":
        monkeypatch.setattr(networks._OpenvinoRunner, "__init__", fail)
    else:
        monkeypatch.setattr(networks._OpenvinoRunner, "_results", fail)
    runner = compile_model(dense, "auto", numbers)
    np.testing.assert_array_equal(runner(*numbers[0]), _compile_tensorflow(dense)(*numbers[0]))
    assert "core.cpp: no plug-in. Sorry; TensorFlow runs the model instead" in caplog.text
    monkeypatch.setattr(networks, "_can_bfloat16", lambda: True)
    with pytest.raises(BackendError, match=r"core\.cpp: no plug-in\. Sorry\. Set precision: "):
        compile_model(dense, "bfloat16", numbers)


@needs_openvino
def test_a_processor_that_cannot_be_asked_has_no_bfloat16(monkeypatch):
    class Core:
        def get_property(self, *names):
            raise RuntimeError("no device")

    monkeypatch.setattr(networks, "_core", Core)
    with pytest.raises(BackendError, match="this processor does not have it"):
        networks.check_precision("bfloat16")
