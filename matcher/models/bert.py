"""BERT in pure Keras 3, for weights in the names that Hugging Face gives them.

Source: Devlin et al., NAACL 2019, arXiv:1810.04805.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import keras
from keras import layers, ops
from pydantic import ConfigDict, Field

from matcher.errors import ConfigError
from matcher.settings import Settings

Pooling = Literal["mean", "cls"]

# Taken from the logits of padding: exp(-FAR) is 0, and float16 still holds it.
FAR = 3e4


def _gelu(x: Any) -> Any:
    """Exact GELU (Hendrycks and Gimpel, arXiv:1606.08415); ``ops.gelu`` lets backends choose."""
    return 0.5 * x * (1.0 + ops.erf(x * math.sqrt(0.5)))


def _gelu_new(x: Any) -> Any:
    """Approximate GELU of the same paper."""
    return 0.5 * x * (1.0 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "gelu": _gelu,
    "gelu_new": _gelu_new,
    "relu": ops.relu,
}


class BertConfig(Settings):
    """What shapes the network, named as in Hugging Face's ``config.json``; the rest is ignored.

    Attributes:
        vocab_size: Number of tokens.
        hidden_size: Width of the token states.
        num_hidden_layers: Number of blocks.
        num_attention_heads: Heads of each block; they divide ``hidden_size``.
        intermediate_size: Width between the two dense layers of a block.
        max_position_embeddings: Longest text, in tokens.
        type_vocab_size: Number of segment types; a title has type 0.
        hidden_act: Activation between the dense layers.
        layer_norm_eps: Added to variances.
        hidden_dropout_prob: Share of states dropped in training.
        attention_probs_dropout_prob: Share of attention dropped in training.
    """

    model_config = ConfigDict(extra="ignore")

    vocab_size: int = Field(gt=0)
    hidden_size: int = Field(gt=0)
    num_hidden_layers: int = Field(ge=0)
    num_attention_heads: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    max_position_embeddings: int = Field(gt=0)
    type_vocab_size: int = Field(2, gt=0)
    hidden_act: Literal["gelu", "gelu_new", "relu"] = "gelu"
    layer_norm_eps: float = Field(1e-12, ge=0)
    hidden_dropout_prob: float = Field(0.1, ge=0, lt=1)
    attention_probs_dropout_prob: float = Field(0.1, ge=0, lt=1)
    position_embedding_type: Literal["absolute"] = "absolute"
    is_decoder: Literal[False] = False


def read_bert_config(config: Mapping[str, Any], where: str) -> BertConfig:
    """Check a ``config.json``.

    Args:
        config: Its content.
        where: What to call it in messages.

    Raises:
        ConfigError: If it describes no BERT, or one that is not supported.
    """
    kind = config.get("model_type")
    if kind != "bert":
        raise ConfigError(
            f"{where}: only models of type 'bert' can be read. Received: model_type {kind!r}. "
            "Choose weights of a BERT, e.g. sentence-transformers/all-MiniLM-L6-v2."
        )
    settings = BertConfig.read(config, where)
    if settings.hidden_size % settings.num_attention_heads:
        raise ConfigError(
            f"{where}: num_attention_heads must divide hidden_size. "
            f"Received: {settings.num_attention_heads} and {settings.hidden_size}."
        )
    return settings


class _BertLayer(layers.Layer):
    """A layer shaped by the settings of the whole network."""

    def __init__(self, config: BertConfig | Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = BertConfig.model_validate(config)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "config": self.settings.model_dump()}

    def _norm(self, name: str) -> Any:
        return layers.LayerNormalization(epsilon=self.settings.layer_norm_eps, name=name)

    def compute_output_shape(self, input_shape: Any, *others: Any) -> tuple[int | None, ...]:
        return (*input_shape[:2], self.settings.hidden_size)


@keras.saving.register_keras_serializable(package="matcher")
class BertEmbedding(_BertLayer):
    """Sum of what is learnt for a token, its position and segment type 0, normalised.

    Args:
        config: Settings of the network.

    Call arguments:
        token_ids: int32, shape ``(batch, tokens)``.

    Returns:
        Token states, shape ``(batch, tokens, hidden_size)``.
    """

    def __init__(self, config: BertConfig | Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        s = self.settings
        self.words = layers.Embedding(s.vocab_size, s.hidden_size, name="words")
        self.positions = layers.Embedding(
            s.max_position_embeddings, s.hidden_size, name="positions"
        )
        self.types = layers.Embedding(s.type_vocab_size, s.hidden_size, name="types")
        self.norm = self._norm("norm")
        self.dropout = layers.Dropout(s.hidden_dropout_prob)

    def build(self, token_ids_shape: tuple[int | None, ...]) -> None:
        for table in (self.words, self.positions, self.types):
            table.build(token_ids_shape)
        self.norm.build(self.compute_output_shape(token_ids_shape))

    def call(self, token_ids: Any, training: bool | None = None) -> Any:
        positions = ops.arange(ops.shape(token_ids)[1], dtype="int32")
        states = self.words(token_ids) + self.positions(positions) + self.types(positions * 0)
        return self.dropout(self.norm(states), training=training)


@keras.saving.register_keras_serializable(package="matcher")
class BertBlock(_BertLayer):
    """Self-attention, then two dense layers; each is added to its input and normalised.

    Args:
        config: Settings of the network.

    Call arguments:
        states: Shape ``(batch, tokens, hidden_size)``.
        attended: 1 where there is a token and 0 for padding, shape ``(batch, tokens)``.

    Returns:
        Token states of the same shape.
    """

    def __init__(self, config: BertConfig | Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        s = self.settings
        self.query = layers.Dense(s.hidden_size, name="query")
        self.key = layers.Dense(s.hidden_size, name="key")
        self.value = layers.Dense(s.hidden_size, name="value")
        self.mix = layers.Dense(s.hidden_size, name="mix")
        self.mix_norm = self._norm("mix_norm")
        self.widen = layers.Dense(s.intermediate_size, name="widen")
        self.narrow = layers.Dense(s.hidden_size, name="narrow")
        self.narrow_norm = self._norm("narrow_norm")
        self.dropout = layers.Dropout(s.hidden_dropout_prob)
        self.drop_attention = layers.Dropout(s.attention_probs_dropout_prob)

    def build(self, states_shape: tuple[int | None, ...], *others: Any) -> None:
        wide = (*states_shape[:2], self.settings.intermediate_size)
        for layer in (self.query, self.key, self.value, self.mix, self.mix_norm, self.widen):
            layer.build(states_shape)
        self.narrow.build(wide)
        self.narrow_norm.build(states_shape)

    def call(self, states: Any, attended: Any, training: bool | None = None) -> Any:
        mixed = self.mix(self._attend(states, attended, training))
        states = self.mix_norm(states + self.dropout(mixed, training=training))
        wide = ACTIVATIONS[self.settings.hidden_act](self.widen(states))
        return self.narrow_norm(states + self.dropout(self.narrow(wide), training=training))

    def _attend(self, states: Any, attended: Any, training: bool | None) -> Any:
        """Each token's mean of the values, weighted by softmax(query · key / sqrt(width))."""
        s = self.settings
        n_tokens, width = ops.shape(states)[1], s.hidden_size // s.num_attention_heads

        def split(x: Any) -> Any:
            heads = ops.reshape(x, (-1, n_tokens, s.num_attention_heads, width))
            return ops.transpose(heads, (0, 2, 1, 3))

        query = split(self.query(states)) * (1 / math.sqrt(width))
        key, value = split(self.key(states)), split(self.value(states))
        logits = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        padding = 1 - ops.cast(attended, logits.dtype)[:, None, None, :]
        weights = self.drop_attention(ops.softmax(logits - FAR * padding), training=training)
        heads = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        return ops.reshape(heads, (-1, n_tokens, s.hidden_size))


@keras.saving.register_keras_serializable(package="matcher")
class TokenPooling(layers.Layer):
    """One vector a text: the mean of its token states, or the state of the first ([CLS]).

    Args:
        pooling: ``"mean"`` or ``"cls"``.

    Call arguments:
        states: Shape ``(batch, tokens, d)``.
        attended: 1 where there is a token and 0 for padding, shape ``(batch, tokens)``.

    Returns:
        Shape ``(batch, d)``; not normalised.
    """

    def __init__(self, pooling: Pooling, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if pooling not in ("mean", "cls"):
            raise ConfigError(f"pooling must be 'mean' or 'cls'. Received: {pooling!r}.")
        self.pooling = pooling

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pooling": self.pooling}

    def call(self, states: Any, attended: Any) -> Any:
        if self.pooling == "cls":
            return states[:, 0]
        share = ops.cast(attended, states.dtype)[:, :, None]
        return ops.sum(states * share, axis=1) / ops.maximum(ops.sum(share, axis=1), 1)

    def compute_output_shape(self, states_shape: Any, *others: Any) -> tuple[int | None, ...]:
        return (states_shape[0], states_shape[2])


def build_bert(config: BertConfig, pooling: Pooling | None = None) -> keras.Model:
    """Build BERT with random weights.

    Args:
        config: Settings of the network.
        pooling: How to make one vector a text; None leaves the token states.

    Returns:
        A model of ``[token_ids, attended]``, both int32 of shape ``(batch, tokens)``; it gives
        ``(batch, tokens, hidden_size)``, or ``(batch, hidden_size)`` with a pooling.
    """
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    attended = keras.Input((None,), dtype="int32", name="attended")
    states = BertEmbedding(config, name="embedding")(token_ids)
    for i in range(config.num_hidden_layers):
        states = BertBlock(config, name=f"block_{i}")(states, attended)
    if pooling is not None:
        states = TokenPooling(pooling, name="pooling")(states, attended)
    return keras.Model([token_ids, attended], states, name="bert")
