"""A model gives the same vectors whatever runs it."""

import gc
import json

import numpy as np
import pytest

pytestmark = pytest.mark.keras


@pytest.fixture(scope="module")
def build(root):
    from matcher.models.bert import build_bert, read_bert_config

    config = json.loads((root / "tests" / "fixtures" / "tiny_bert" / "config.json").read_text())
    return lambda: build_bert(read_bert_config(config, "tiny_bert"), pooling="mean")


@pytest.fixture(scope="module")
def bert(build):
    return build()


def batch(rng, n, length):
    ids = rng.integers(1, 50, (n, length)).astype(np.int32)
    attended = np.ones_like(ids)
    attended[0, length // 2 :] = 0
    return ids, attended


def test_tensorflow_takes_any_number_of_rows(bert, rng):
    from matcher.runtime.compiled import _compile_tensorflow

    run = _compile_tensorflow(bert)
    ids, attended = batch(rng, 4, 12)
    whole = run(ids, attended)
    np.testing.assert_allclose(run(ids[:2], attended[:2]), whole[:2], atol=1e-6)
    assert whole.dtype == np.float32


def test_openvino_gives_what_tensorflow_gives(bert, rng):
    pytest.importorskip("openvino", reason="the extra 'fast' is not installed")
    from matcher.runtime.compiled import _compile_openvino, _compile_tensorflow

    fast, plain = _compile_openvino(bert), _compile_tensorflow(bert)
    for n, length in ((4, 12), (1, 8), (4, 12)):
        arrays = batch(rng, n, length)
        np.testing.assert_allclose(fast(*arrays), plain(*arrays), atol=1e-5)


def test_openvino_outlives_the_model(build, rng):
    pytest.importorskip("openvino", reason="the extra 'fast' is not installed")
    from matcher.runtime.compiled import _compile_openvino, _compile_tensorflow

    arrays, kept = batch(rng, 3, 8), []
    for _ in range(5):
        model = build()
        kept.append((_compile_openvino(model), _compile_tensorflow(model)(*arrays)))
        del model
        gc.collect()
        _ = [np.full(100_000, np.nan, np.float32) for _ in range(50)]  # takes its memory
    for run, wanted in kept:
        np.testing.assert_allclose(run(*arrays), wanted, atol=1e-5)


def test_what_openvino_returned_is_not_overwritten(bert, rng):
    pytest.importorskip("openvino", reason="the extra 'fast' is not installed")
    from matcher.runtime.compiled import _compile_openvino

    run = _compile_openvino(bert)
    first = run(*batch(rng, 4, 12))
    kept = first.copy()
    run(*batch(rng, 4, 12))
    np.testing.assert_array_equal(first, kept)
