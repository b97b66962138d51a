"""Networks of a training: what they start from, and the artefact that they end as."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from matcher.encoders._artefacts import (
    OURS,
    Architecture,
    build_saved,
    check_backbone,
    check_length,
    load_saved,
    read_title,
)
from matcher.encoders._cards import describe
from matcher.encoders._hub import PICTURES, copy_tokenizer, find_folder
from matcher.encoders._tokens import TitleTokenizer, load_tokenizer
from matcher.errors import BackendError, ConfigError
from matcher.io.artifacts import CONFIG, TENSORS, Tensors, read_config, read_tensors, save_model
from matcher.io.atomic import write_atomically
from matcher.io.shipped import BASE, base_folder
from matcher.models.catalogue import find_backbone
from matcher.models.settings import ImageArchitecture, ModelCard, TitleArchitecture


def start_image_embedder(
    architecture: ImageArchitecture, weights: str | None = None, seed: int = 0
) -> Any:
    """Build a network for pictures with the weights that a training starts from.

    Args:
        architecture: Its parts.
        weights: ``imagenet``; a ``.weights.h5`` or ``.h5`` file for the backbone, or for
            resnet18 a ``.safetensors`` file with PyTorch's names; the folder of an artefact
            with the same backbone, whatever its size and neck; ``base``, the one that comes with
            the package; ``random`` or None.
        seed: Of what starts at random, and of dropout.

    Raises:
        BackendError: If weights are missing.
        ConfigError: If a folder holds another backbone.
        StoreError: If weights are damaged.
    """
    from matcher.models.embedder import build_image_embedder

    backbone = find_backbone(architecture.backbone)
    if weights == "imagenet" and backbone.hub:
        weights = str(find_folder(backbone.hub, PICTURES) / TENSORS)
    if weights in (None, "random", "imagenet"):
        start = "imagenet" if weights == "imagenet" else None
        return build_image_embedder(architecture, start, seed)
    folder = base_folder("image") if weights == BASE else Path(str(weights)).expanduser()
    if backbone.ours and folder.suffix == ".safetensors":
        return build_image_embedder(architecture, _read_torch(folder), seed, str(folder))
    if not folder.is_dir():
        return build_image_embedder(architecture, folder, seed)
    saved = load_saved(folder)
    check_backbone(saved, architecture.backbone, folder)
    return build_image_embedder(architecture, saved.tensors, seed, str(folder / TENSORS))


def start_title_embedder(
    architecture: TitleArchitecture, weights: str, seed: int = 0
) -> tuple[Any, TitleTokenizer, Path]:
    """Build a network for titles with the weights that a training starts from.

    Args:
        architecture: Its parts.
        weights: Folder of a Hugging Face BERT or of an artefact, or an id on huggingface.co;
            ``base`` is the artefact that comes with the package.
        seed: Of what starts at random, and of dropout.

    Returns:
        The model; its tokenizer; and the folder that both come from, for ``save_encoder``.

    Raises:
        BackendError: If weights are missing.
        ConfigError: If they are of no BERT, or one with too few positions.
        StoreError: If they are damaged.
    """
    from matcher.models.bert import read_bert_config
    from matcher.models.embedder import build_title_embedder

    folder = find_folder(weights)
    _, saved = read_title(folder)
    settings = read_bert_config(saved.config, str(folder / CONFIG))
    check_length(architecture.max_tokens, settings.max_position_embeddings, weights)
    tokenizer = load_tokenizer(folder, settings.vocab_size, architecture.max_tokens)
    where = str(folder / TENSORS)
    model = build_title_embedder(architecture, saved.config, saved.tensors, seed, where)
    return model, tokenizer, folder


def save_encoder(
    folder: Path,
    model: Any,
    architecture: Architecture,
    card: ModelCard,
    tokenizer_from: Path | None = None,
) -> str:
    """Write a trained network so that an encoder can load it.

    Args:
        folder: Made if it does not exist; other files in it stay.
        model: As ``start_image_embedder`` or ``start_title_embedder`` makes them.
        architecture: What it was built of.
        card: What people must know.
        tokenizer_from: For titles the folder whose tokenizer and settings it was trained with.

    Returns:
        The fingerprint stored with it.

    Raises:
        ConfigError: If a title network comes without ``tokenizer_from``.
        StoreError: If it cannot be written.
    """
    about = {
        "dimension": int(model.output_shape[-1]),
        "architecture": architecture.model_dump(mode="json"),
        "card": card.model_dump(mode="json"),
    }
    if isinstance(architecture, ImageArchitecture):
        about |= {"modality": "image", "preprocessing": picture_steps(architecture.pixels)}
        config, tensors = _describe_image(about, model)
    elif tokenizer_from is None:
        raise ConfigError("A title network is saved with a tokenizer: give tokenizer_from.")
    else:
        steps = {"tokens": architecture.max_tokens, "tokenizer": "in this folder"}
        about |= {"modality": "title", "preprocessing": steps}
        config, tensors = _describe_title(about, model, read_config(tokenizer_from))
        copy_tokenizer(tokenizer_from, folder)
    mark = save_model(folder, config, tensors)
    text = describe(about, mark)
    write_atomically(folder / "README.md", lambda path: path.write_text(text, encoding="utf-8"))
    return mark


def load_encoder_model(folder: Path) -> tuple[Any, Architecture]:
    """Load the network of an artefact, ready to run or to train further.

    Raises:
        StoreError: If it is damaged or of another package.
    """
    saved = load_saved(folder)
    return build_saved(saved, str(folder / TENSORS)), saved.architecture


def _read_torch(path: Path) -> Tensors:
    """Weights of PyTorch for a network of ours."""
    from matcher.models.resnet18_weights import from_torch

    if not path.is_file():
        raise BackendError(f"resnet18 needs its weights, but there is no {path}.")
    return from_torch(read_tensors(path)[1], str(path))


def _describe_image(about: dict[str, Any], model: Any) -> tuple[dict[str, Any], Tensors]:
    from matcher.models.weights import export_weights

    return {OURS: about}, export_weights(model)


def _describe_title(
    about: dict[str, Any], model: Any, bert: Mapping[str, Any]
) -> tuple[dict[str, Any], Tensors]:
    from matcher.models.bert_weights import export_bert_weights
    from matcher.models.embedder import HEAD_PREFIX, head_weights

    head = {HEAD_PREFIX + name: np.asarray(v).copy() for name, v in head_weights(model).items()}
    config = {**bert, "architectures": ["BertModel"], "dtype": "float32", OURS: about}
    config.pop("torch_dtype", None)
    return config, export_bert_weights(model) | head


def picture_steps(size: int) -> dict[str, Any]:
    """How pictures of a side are made ready, for the model card."""
    return {
        "color": "RGB, upright, on white",
        "resize": f"bilinear over all pixels, stretched to {size} x {size}",
        "range": [0, 255],
        "scaling": "inside the network",
    }
