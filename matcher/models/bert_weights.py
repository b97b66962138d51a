"""BERT's weights under the names that Hugging Face gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.models.weights import Tensors, assign


def load_bert_weights(model: Any, tensors: Tensors, where: str) -> None:
    """Fill a model of ``build_bert``.

    Args:
        model: Filled in place.
        tensors: Arrays named as by Hugging Face, with or without the prefix ``bert.``; those
            of other parts, such as ``pooler``, are passed over.
        where: What to call the arrays in messages.

    Raises:
        StoreError: If an array is missing or of another shape.
    """
    variables = _name_variables(model)
    found = {_tidy(name): tensor for name, tensor in tensors.items()}
    for name, variable in variables.items():
        if name in found:
            found[name] = _turn(found[name], variable.name)
    assign(variables, found, where)


def export_bert_weights(model: Any) -> dict[str, NDArray[Any]]:
    """Copy the weights out of a model of ``build_bert``, named as by Hugging Face."""
    return {
        name: np.array(_turn(np.asarray(v), v.name), np.float32, order="C")
        for name, v in _name_variables(model).items()
    }


def _turn(tensor: NDArray[Any], name: str) -> NDArray[Any]:
    """PyTorch keeps dense kernels as (outputs, inputs), Keras the other way round."""
    return tensor.T if name == "kernel" else tensor


def _tidy(name: str) -> str:
    """Name without prefix, and as since 2020: old files call a norm's weights gamma and beta."""
    name = name.removeprefix("bert.")
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
        "LayerNorm.beta", "LayerNorm.bias"
    )


def _name_variables(model: Any) -> dict[str, Any]:
    """Keras variables by Hugging Face's names."""
    embedding = model.get_layer("embedding")
    variables = {
        "embeddings.word_embeddings.weight": embedding.words.embeddings,
        "embeddings.position_embeddings.weight": embedding.positions.embeddings,
        "embeddings.token_type_embeddings.weight": embedding.types.embeddings,
    }
    norms: dict[str, Any] = {"embeddings.LayerNorm": embedding.norm}
    denses: dict[str, Any] = {}
    for i in range(embedding.settings.num_hidden_layers):
        block, at = model.get_layer(f"block_{i}"), f"encoder.layer.{i}."
        denses |= {
            f"{at}attention.self.query": block.query,
            f"{at}attention.self.key": block.key,
            f"{at}attention.self.value": block.value,
            f"{at}attention.output.dense": block.mix,
            f"{at}intermediate.dense": block.widen,
            f"{at}output.dense": block.narrow,
        }
        norms |= {
            f"{at}attention.output.LayerNorm": block.mix_norm,
            f"{at}output.LayerNorm": block.narrow_norm,
        }
    for name, dense in denses.items():
        variables |= {f"{name}.weight": dense.kernel, f"{name}.bias": dense.bias}
    for name, norm in norms.items():
        variables |= {f"{name}.weight": norm.gamma, f"{name}.bias": norm.beta}
    return variables
