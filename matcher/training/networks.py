"""The network of a training with all around it: where it starts, what it reads, how it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matcher.encoders._artefacts import Architecture
from matcher.encoders._saved import save_encoder, start_image_embedder, start_title_embedder
from matcher.encoders._tokens import Tokens
from matcher.models.settings import ImageArchitecture, ModelCard
from matcher.training.feeding import Reader
from matcher.training.readers import PictureReader, TitleReader
from matcher.training.sampling import count_batches
from matcher.training.settings import TrainConfig
from matcher.types import Bool, Int64, Listings

# Names of what is learnt besides.
ALSO, TEACHER = "also", "teacher"

if TYPE_CHECKING:
    from matcher.training.learner import Learner
    from matcher.training.rows import Classes


@dataclass(frozen=True, slots=True)
class Network:
    """A network for pictures or for titles, with the weights that it starts from.

    Attributes:
        embedder: Keras model.
        architecture: What it is built of.
        listings: What it reads.
        usable: Whether a listing has something for it to read, shape ``(n,)``.
        tokens: Of the titles; empty for pictures.
        tokenizer_from: Folder of the tokenizer; None for pictures.
    """

    embedder: Any
    architecture: Architecture
    listings: Listings
    usable: Bool
    tokens: Tokens = field(default_factory=list)
    tokenizer_from: Path | None = None

    def reader(self, rows: Int64, side: int | None = None) -> Reader:
        """Reads some rows of the listings, which it counts from 0; pictures at another side."""
        if isinstance(self.architecture, ImageArchitecture):
            return PictureReader(self.listings, rows, side or self.architecture.pixels)
        return TitleReader(self.tokens, rows, self.architecture.max_tokens)

    def save(self, folder: Path, card: ModelCard) -> str:
        """Write it so that an encoder loads it; returns its fingerprint."""
        return save_encoder(folder, self.embedder, self.architecture, card, self.tokenizer_from)


def start_network(listings: Listings, config: TrainConfig) -> Network:
    """Build the network of a training, and see what it can read.

    Raises:
        BackendError: If weights are missing.
        ConfigError: If weights are of another network.
        StoreError: If weights are damaged.
    """
    from matcher.models.random_states import keep_paths

    with computing_in(config.precision):
        if config.image is not None:
            picture = config.image.architecture
            weights = str(config.init_from or config.image.weights)
            model = start_image_embedder(picture, weights, config.seed)
            if not config.image.drop_path:
                keep_paths(model)
            usable = np.array([ref is not None for ref in listings.images], np.bool_)
            return Network(model, picture, listings, usable)
        assert config.title is not None  # noqa: S101, a config has one of the two
        title = config.title.architecture
        weights = str(config.init_from or config.title.weights)
        model, tokenizer, folder = start_title_embedder(title, weights, config.seed)
    tokens = tokenizer(listings.titles)
    usable = np.array([len(ids) > 0 for ids in tokens], np.bool_)
    return Network(model, title, listings, usable, tokens, folder)


def make_learner(
    network: Network,
    classes: Classes,
    config: TrainConfig,
    reader: Reader,
    others: Mapping[str, NDArray[Any]] | None = None,
) -> Learner:
    """Put network, augmentation and losses together.

    Args:
        network: What is trained.
        classes: What its rows are to be taken for.
        config: The training's settings.
        reader: Reads a training row.
        others: As ``Task.others``: classes of the second loss, vectors of the teacher.

    Raises:
        ConfigError: If a loss does not fit its classes.
    """
    from matcher.training.learner import Learner

    width = int(network.embedder.output_shape[-1])
    teach = stages = None
    if config.teacher is not None and config.teacher.sees == "part":
        from matcher.training.part_teacher import PartTeacher

        teach = PartTeacher(config.teacher, reader, len(classes.classes), width)
        stages = _go_by_stages(network.embedder, teach, config, classes) if teach.shapes else None
    return Learner(
        network.embedder,
        config.loss.build(width, classes.sizes, config.seed, classes.parents),
        teach=teach,
        stages=stages,
        others=_make_others(width, config, others or {}, teach),
        **_make_changes(network, config),
    )


def _go_by_stages(
    embedder: Any, teach: Any, config: TrainConfig, classes: Classes
) -> tuple[Any, float]:
    """Layer that runs the network stage by stage, and the weight of its loss."""
    from matcher.training.stage_by_stage import StageByStage

    assert config.teacher is not None  # noqa: S101, or there would be none
    n_batches = count_batches(classes.classes, config.batches, classes.times)
    steps = round(config.teacher.forcing * config.epochs * n_batches)
    return StageByStage(embedder, teach.shapes, steps, config.seed), config.teacher.maps


def _make_changes(network: Network, config: TrainConfig) -> dict[str, Any]:
    """Layers that change pictures or titles at random."""
    if config.perturb is not None:
        from matcher.models.perturbation import build_perturbation

        return {"perturb": build_perturbation(config.perturb, config.seed)}
    if config.augment is None:
        return {}
    from matcher.models.augmentation import build_augmentation, build_cut_mix

    size = network.embedder.input_shape[1]
    mix = build_cut_mix(config.augment, config.seed) if config.augment.cut_mix else None
    return {"augment": build_augmentation(config.augment, size, config.seed), "mix": mix}


def _make_others(
    width: int, config: TrainConfig, others: Mapping[str, NDArray[Any]], teach: Any
) -> dict[str, tuple[Any, float]]:
    """Layers of what is learnt besides, with their weights."""
    made: dict[str, tuple[Any, float]] = {}
    if config.also is not None:
        sizes = np.bincount(others[ALSO]).tolist()
        made[ALSO] = config.also.loss.build(width, sizes, config.seed), config.also.weight
    if config.teacher is not None:
        from matcher.losses._distillation import Distillation

        teacher = config.teacher
        n = others[TEACHER].shape[1] if teach is None else teach.width
        layer = Distillation(width, n, teacher.relations, config.seed)
        made[TEACHER] = layer, teacher.weight
    return made


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Build layers that compute in a precision; their weights stay float32."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
