"""BERT against what PyTorch computes with the same weights."""

import json
from pathlib import Path

import numpy as np
import pytest

from matcher.errors import ConfigError, StoreError
from matcher.io.artifacts import read_config, read_tensors

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.models.bert import TokenPooling, build_bert, read_bert_config  # noqa: E402
from matcher.models.bert_weights import load_bert_weights  # noqa: E402

TINY = Path(__file__).parents[1] / "fixtures" / "tiny_bert"


@pytest.fixture(scope="module")
def reference():
    with np.load(TINY / "reference.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def tensors():
    return read_tensors(TINY / "model.safetensors")[1]


def build(tensors, pooling=None, **changes):
    config = read_bert_config({**read_config(TINY), **changes}, "config.json")
    model = build_bert(config, pooling)
    load_bert_weights(model, tensors, "tiny")
    return model


def run(model, reference):
    return np.asarray(model([reference["token_ids"], reference["attended"]], training=False))


def at_tokens(states, reference):
    return states[reference["attended"] == 1]


def test_token_states_are_those_of_pytorch(tensors, reference):
    states = run(build(tensors), reference)
    expected = at_tokens(reference["states"], reference)
    np.testing.assert_allclose(at_tokens(states, reference), expected, atol=1e-5)
    assert expected.std() > 0.1


@pytest.mark.parametrize("activation", ["gelu_new", "relu"])
def test_other_activations_are_those_of_pytorch(tensors, reference, activation):
    states = run(build(tensors, hidden_act=activation), reference)
    expected = at_tokens(reference[activation], reference)
    np.testing.assert_allclose(at_tokens(states, reference), expected, atol=1e-5)
    assert np.abs(expected - at_tokens(reference["states"], reference)).max() > 1e-4


def test_poolings(tensors, reference):
    mean = run(build(tensors, "mean"), reference)
    np.testing.assert_allclose(mean, reference["mean"], atol=1e-5)
    first = run(build(tensors, "cls"), reference)
    np.testing.assert_allclose(first, reference["states"][:, 0], atol=1e-5)


def test_mean_of_two_tokens_by_hand():
    states = np.float32([[[1, 2], [3, 6], [100, 100]], [[5, 5], [5, 5], [5, 5]]])
    attended = np.int32([[1, 1, 0], [0, 0, 0]])
    mean = TokenPooling("mean")(states, attended)
    np.testing.assert_array_equal(np.asarray(mean), [[2, 4], [0, 0]])  # (1 + 3) / 2, (2 + 6) / 2


def test_padding_changes_nothing(tensors, reference):
    model = build(tensors, "mean")
    ids, attended = reference["token_ids"], reference["attended"]
    wide = [np.pad(a, ((0, 0), (0, 7)), constant_values=v) for a, v in ((ids, 9), (attended, 0))]
    np.testing.assert_allclose(np.asarray(model(wide)), run(model, reference), atol=1e-5)


def test_dropout_acts_in_training_only(tensors, reference):
    model = build(tensors, "mean")
    inputs = [reference["token_ids"], reference["attended"]]
    assert np.abs(np.asarray(model(inputs, training=True)) - run(model, reference)).max() > 1e-3


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: f"bert.{name}",
        lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma"),
        lambda name: name.replace("LayerNorm.bias", "LayerNorm.beta"),
    ],
)
def test_older_names_of_the_same_weights(tensors, reference, rename):
    renamed = {rename(name): tensor for name, tensor in tensors.items()}
    extra = {"cls.predictions.bias": np.zeros(3, np.float32)}
    states = run(build({**renamed, **extra}, "mean"), reference)
    np.testing.assert_allclose(states, reference["mean"], atol=1e-5)


def test_half_precision_weights(tensors, reference):
    halves = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    np.testing.assert_allclose(run(build(halves, "mean"), reference), reference["mean"], atol=0.02)


def test_saved_architecture_is_the_same(tensors, reference):
    model = build(tensors, "mean")
    config = json.loads(json.dumps(model.get_config()))
    again = keras.Model.from_config(config)
    load_bert_weights(again, tensors, "tiny")
    np.testing.assert_array_equal(run(again, reference), run(model, reference))


def test_missing_weights_are_named(tensors):
    name = "encoder.layer.1.attention.self.key.weight"
    some = {key: tensor for key, tensor in tensors.items() if key != name}
    with pytest.raises(StoreError, match=rf"tiny lacks the weights '{name}'\."):
        build(some)


def test_weights_of_another_shape_are_refused(tensors):
    name = "embeddings.position_embeddings.weight"
    with pytest.raises(StoreError, match=r"must have shape \(24, 32\)\. Received: \(12, 32\)"):
        build({**tensors, name: tensors[name][:12]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "distilbert"}, "only models of type 'bert'.*Received.*'distilbert'"),
        ({"model_type": None}, "only models of type 'bert'"),
        ({"hidden_act": "silu"}, "'hidden_act'.*'relu'.*Received: 'silu'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"is_decoder": True}, "is_decoder"),
        ({"num_attention_heads": 5}, "must divide hidden_size. Received: 5 and 32"),
        ({"hidden_size": "wide"}, "hidden_size"),
        ({"vocab_size": 0}, "vocab_size"),
    ],
)
def test_other_networks_are_refused(changes, message):
    with pytest.raises(ConfigError, match=rf"^folder: .*{message}"):
        read_bert_config({**read_config(TINY), **changes}, "folder")


def test_unknown_pooling_is_refused():
    with pytest.raises(ConfigError, match=r"'mean' or 'cls'\. Received: 'max'"):
        TokenPooling("max")
