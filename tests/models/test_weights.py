"""Weights out of a Keras model and back into another."""

import numpy as np
import pytest

from matcher.errors import StoreError
from matcher.models.weights import export_weights, import_weights

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")


def build(width: int = 3):
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Normalization(),
            keras.layers.Dense(width),
            keras.layers.Dense(2, name="last"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2),
        ]
    )


def test_names_do_not_depend_on_what_was_built_before():
    expected = [
        *("normalization_0/mean", "normalization_0/variance", "normalization_0/count"),
        *("dense_0/kernel", "dense_0/bias", "last/kernel", "last/bias"),
        *("dense_1/kernel", "dense_1/bias"),
    ]
    assert list(export_weights(build())) == expected
    assert list(export_weights(build())) == expected


def test_another_model_of_the_same_shape_becomes_the_same(rng):
    one, other = build(), build()
    tensors = export_weights(one)
    tensors["normalization_0/mean"] = np.float32([1, 2, 3, 4])
    tensors["normalization_0/variance"] = np.float32([4, 4, 4, 4])
    import_weights(one, tensors, "file")
    import_weights(other, tensors, "file")
    inputs = rng.normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(one(inputs)), np.asarray(other(inputs)))
    # Normalization keeps copies of its weights: ((1 + 2) - 1) / sqrt(4) = 1, and so on
    normal = one.layers[0](np.float32([[3, 4, 5, 6]]))
    np.testing.assert_allclose(np.asarray(normal), [[1, 1, 1, 1]], rtol=1e-5)


def test_exported_weights_are_copies():
    model = build()
    tensors = export_weights(model)
    before = tensors["last/kernel"].copy()
    model.get_layer("last").kernel.assign(np.zeros((3, 2)))
    np.testing.assert_array_equal(tensors["last/kernel"], before)


def test_weights_of_another_model_are_refused_and_nothing_changes():
    model = build()
    before = export_weights(model)
    other = export_weights(build(width=5))
    with pytest.raises(StoreError, match=r"'dense_0/kernel' must have shape \(4, 3\)\. Received"):
        import_weights(model, other, "file")
    more = {**before, "head/kernel": np.zeros(1), "head/bias": np.zeros(1)}
    with pytest.raises(StoreError, match="'head/bias' and 1 more are not part of this one"):
        import_weights(model, more, "file")
    less = {name: tensor for name, tensor in before.items() if "last" not in name}
    with pytest.raises(StoreError, match="file lacks the weights 'last/kernel' and 1 more"):
        import_weights(model, less, "file")
    for name, tensor in export_weights(model).items():
        np.testing.assert_array_equal(tensor, before[name])
