"""ResNet18's weights under the names that PyTorch gives them.

Source: torchvision and timm name and shape the layers alike; ``timm/resnet18.a1_in1k`` on
huggingface.co is trained on ImageNet-1k and under the Apache licence 2.0. Its recipe: Wightman
et al., arXiv:2110.00476.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.errors import StoreError
from matcher.models.weights import Tensors

# A classifier, and how often a batch norm has been trained.
_PASSED_OVER = re.compile(r"fc\.|.*\.num_batches_tracked$")
_OURS = re.compile(r"(layer[1-4]\.[01]\.)?(conv|bn)[12]$|layer[2-4]\.0\.downsample\.[01]$")
_OF_NORMS = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def from_torch(tensors: Tensors, where: str = "the weights") -> dict[str, NDArray[Any]]:
    """Name and turn arrays of PyTorch as ``export_weights`` gives those of ``build_resnet18``.

    Args:
        tensors: Arrays named as by torchvision or timm, such as ``layer2.0.downsample.0.weight``;
            kernels of shape ``(outputs, inputs, height, width)``.
        where: What to call them in messages.

    Returns:
        Arrays by our names, such as ``layer2_0_downsample_0/kernel``; kernels of shape
        ``(height, width, inputs, outputs)``. The classifier is passed over, and what is neither
        kernel nor batch norm keeps its name, so that no layer of ours takes it.

    Raises:
        StoreError: If there are arrays of layers that ResNet18 does not have, such as those of a
            deeper network.

    Example:
        >>> kernel = np.zeros((64, 3, 7, 7), np.float32)
        >>> {name: a.shape for name, a in from_torch({"conv1.weight": kernel}).items()}
        {'conv1/kernel': (7, 7, 3, 64)}
    """
    found: dict[str, NDArray[Any]] = {}
    kept = {name: tensor for name, tensor in tensors.items() if not _PASSED_OVER.match(name)}
    others = sorted(name for name in kept if not _OURS.match(name.rpartition(".")[0]))
    if others:
        raise StoreError(
            f"{where} holds weights of another network than ResNet18, which has no {others[0]!r} "
            f"({len(others):,} such arrays). Take those of a resnet18, such as "
            "timm/resnet18.a1_in1k."
        )
    for name, tensor in kept.items():
        layer, _, part = name.rpartition(".")
        layer = layer.replace(".", "_")
        if tensor.ndim == 4 and part == "weight":
            found[f"{layer}/kernel"] = np.ascontiguousarray(tensor.transpose(2, 3, 1, 0))
        else:
            found[f"{layer}/{_OF_NORMS.get(part, part)}"] = tensor
    return found
