"""One training's settings, read from YAML; what is not known is refused, never ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from matcher.errors import ConfigError
from matcher.io.columns import Columns
from matcher.io.yaml_text import parse_yaml
from matcher.losses import LossSettings
from matcher.models.settings import (
    Augmentation,
    Freezing,
    ModelCard,
    Perturbation,
)
from matcher.settings import Settings
from matcher.training.sampling import Batches
from matcher.training.schedules import MarginSchedule, Schedule
from matcher.training.starts import ImageNetwork, TitleNetwork
from matcher.training.teaching import SecondLoss, Teacher, dump_loss, read_loss


class Repeat(Settings):
    """Which listings come up several times in an epoch.

    Attributes:
        column: Name of a column, such as that of the collection a listing is from.
        times: For some of its values, how often their listings come up; all others do once.
    """

    column: str = Field(min_length=1)
    times: dict[str, Annotated[int, Field(ge=1, le=1000)]] = Field(min_length=1)


class Source(Settings):
    """What is trained on.

    Attributes:
        listings: CSV or Parquet table, or a folder with one folder of pictures per product.
        images: Folder or zip archive of the pictures that the table names.
        columns: Names of the columns; those not given are detected.
        levels: Columns of a hierarchy, the widest first, for a loss that takes one: it learns
            these instead of the products.
        least: Products with fewer listings are not trained on.
        tie_phash: Whether pictures of equal perceptual hash are kept on one side of the split
            where the table gives no hashes; it takes reading all pictures once.
        repeat: Listings that come up several times in an epoch; None: all once.
    """

    listings: Path
    images: Path | None = None
    columns: Columns = Columns()
    levels: tuple[str, ...] = ()
    least: int = Field(2, ge=1)
    tie_phash: bool = True
    repeat: Repeat | None = None


class Optimizer(Settings):
    """How weights follow gradients.

    Attributes:
        method: ``adamw``, which is Adam where nothing decays, or ``sgd`` with Nesterov's momentum.
        learning_rate: Its peak.
        head_multiplier: Times the learning rate for the weights of the loss, such as the
            centres of classes, which start at random.
        weight_decay: Share of the weights, times the learning rate, taken off each step; biases
            and norms keep theirs.
        momentum: Of ``sgd``.
        clip_norm: Longest gradient, over all weights together; None for any.

    Source:
        AdamW: Loshchilov and Hutter, ICLR 2019, arXiv:1711.05101. Clipping: Pascanu et al.,
        ICML 2013, arXiv:1211.5063, algorithm 1.
    """

    method: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0)
    head_multiplier: float = Field(1.0, gt=0)
    weight_decay: float = Field(0.0, ge=0, lt=1)
    momentum: float = Field(0.9, ge=0, lt=1)
    clip_norm: float | None = Field(5.0, gt=0)


class Validation(Settings):
    """Which products are held out, and what for.

    Attributes:
        split: ``folds``: sets of tied rows are dealt to ``n_folds`` and one is held out.
            ``pairs``: products of exactly two listings are held out, those of three or more
            are trained on. ``none``: nothing is held out, and the last weights are kept.
        n_folds: Number of folds.
        fold: The one that is held out, from 0.
        test_fold: Another fold, that is neither trained on nor chosen by: it is scored once,
            before and after, and its figures are those to report. None for none.
        metric: What the best weights are chosen by: ``top1``, ``top5``, ``mar@10`` or
            ``row_f1``, each in [0, 1], on the held-out products among themselves.
        every: Epochs between two validations.
        patience: Validations without a better one after which the run ends; None for never.
        batch: Rows that go through the network at once.
    """

    split: Literal["folds", "pairs", "none"] = "folds"
    n_folds: int = Field(5, ge=2)
    fold: int = Field(0, ge=0)
    test_fold: int | None = Field(None, ge=0)
    metric: Literal["top1", "top5", "mar@10", "row_f1"] = "top1"
    every: int = Field(1, ge=1)
    patience: int | None = Field(5, ge=1)
    batch: int = Field(64, ge=1)

    @model_validator(mode="after")
    def _fold_exists(self) -> Self:
        if self.fold >= self.n_folds:
            raise ValueError(f"validation.fold is below n_folds={self.n_folds}, from 0")
        if self.test_fold is not None and self.test_fold >= self.n_folds:
            raise ValueError(f"validation.test_fold is below n_folds={self.n_folds}, from 0")
        if self.split == "folds" and self.test_fold == self.fold:
            raise ValueError(
                f"validation.fold and test_fold are two folds. Received: {self.fold} for both"
            )
        if self.split == "folds" and self.test_fold is not None and self.n_folds < 3:
            raise ValueError(
                "A fold to validate on, one to test on and some to train on: set "
                f"validation.n_folds to 3 or more. Received: {self.n_folds}"
            )
        return self


class TrainConfig(Settings):
    """Everything that decides the outcome of a training.

    Attributes:
        source: What is trained on.
        image: The network, for pictures; or
        title: the network, for titles.
        loss: What is learnt; ``method`` names a file in ``matcher/losses``.
        also: A second loss, over another column.
        teacher: An encoder whose vectors the network is to come close to, besides.
        optimizer: How weights follow gradients.
        schedule: How the learning rate goes.
        margin: How the margin of the loss goes; None: it is the one of the loss throughout.
        centers: Where the centres of classes start, for losses that have them: ``means`` of the
            vectors that the network gives their rows, or at ``random``.
        batches: How rows are dealt to batches.
        augment: How pictures are changed at random; None: not at all.
        perturb: How titles are changed at random; None: not at all.
        freezing: Which layers do not learn, from which epoch on.
        validation: What is held out, and when the run ends early.
        epochs: Times that the training rows are gone through.
        precision: ``mixed_bfloat16`` is faster where a GPU has it, and for titles where a CPU has
            it; weights stay float32.
        init_from: Folder of an earlier run whose weights this one starts from; the size of the
            pictures and the loss may differ.
        checkpoint_minutes: Longest work that a crash may cost; 0 is a batch.
        tensorboard: Whether to write logs for TensorBoard too, which needs the extra ``train``.
        deterministic: Same seed, same weights, bit for bit on one machine.
        card: What people must know of the trained network.
        seed: Of weights, order, augmentation and split.
    """

    source: Source
    image: ImageNetwork | None = None
    title: TitleNetwork | None = None
    loss: Annotated[LossSettings, BeforeValidator(read_loss)]
    also: SecondLoss | None = None
    teacher: Teacher | None = None
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    margin: MarginSchedule | None = None
    centers: Literal["means", "random"] = "random"
    batches: Batches = Batches()
    augment: Augmentation | None = None
    perturb: Perturbation | None = None
    freezing: Freezing = Freezing()
    validation: Validation = Validation()
    epochs: int = Field(10, ge=1)
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    init_from: Path | None = None
    checkpoint_minutes: float = Field(5.0, ge=0)
    tensorboard: bool = False
    deterministic: bool = True
    card: ModelCard = ModelCard()
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _one_network(self) -> Self:
        if (self.image is None) == (self.title is None):
            raise ValueError("A training has one network: give image or title")
        if self.title is not None and self.augment is not None:
            raise ValueError("augment changes pictures; leave it out for titles, or give perturb")
        if self.image is not None and self.perturb is not None:
            raise ValueError("perturb changes titles; leave it out for pictures, or give augment")
        if self.teacher is not None and self.augment is not None and self.augment.cut_mix:
            raise ValueError("A teacher knows no mixed pictures; set augment.cut_mix to 0")
        if self.teacher is not None and self.teacher.sees == "part" and self.augment is None:
            raise ValueError("A teacher that sees: part sees what augment leaves; give augment")
        return self

    @model_validator(mode="after")
    def _batches_suit_the_loss(self) -> Self:
        loss, name = self.loss, self.loss.method
        if (loss.labels == "views") != self.batches.views:
            raise ValueError(
                f"The loss {name!r} takes two views of each picture: set batches.views: true"
                if loss.labels == "views"
                else f"batches.views is for losses without labels, not for {name!r}"
            )
        if loss.compares and self.batches.per_group is None and not self.batches.views:
            raise ValueError(
                f"The loss {name!r} compares listings of a batch: set batches.per_group to 2 or "
                "more"
            )
        if loss.compares and self.augment is not None and self.augment.cut_mix:
            raise ValueError(f"cut_mix mixes labels, which {name!r} cannot; set it to 0")
        if (loss.labels == "levels") != (len(self.source.levels) > 1):
            raise ValueError(
                f"The loss {name!r} learns a hierarchy: name its columns in source.levels"
                if loss.labels == "levels"
                else f"source.levels is for the loss 'hierarchical', not for {name!r}"
            )
        return self

    @model_validator(mode="after")
    def _means_are_of_centers(self) -> Self:
        # A hierarchy has layers instead.
        if self.centers == "means" and (not self.loss.has_centers or self.loss.labels == "levels"):
            raise ValueError(
                f"The loss {self.loss.method!r} has no centres of classes. Leave centers out"
            )
        if self.centers == "means" and self.augment is not None and self.augment.read_at:
            raise ValueError("centers: means reads pictures as the network does; leave read_at out")
        return self

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a YAML file.

        Raises:
            ConfigError: If the file can't be read, is no YAML, or holds a wrong setting.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"Cannot read the config {path}: {reason}. Check the path; configs/training/ holds "
                "examples."
            ) from error
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Read YAML text; ``where`` names it in messages."""
        return cls.read(parse_yaml(text, where), where)

    def dump(self) -> dict[str, Any]:
        """Plain values that ``parse`` reads back, for YAML and JSON."""
        plain = self.model_dump(mode="json", exclude={"loss", "also"})
        also = None if self.also is None else self.also.dump()
        return {**plain, "loss": dump_loss(self.loss), "also": also}

    def decisive(self) -> dict[str, Any]:
        """Those settings that decide the outcome, and not when or what is written."""
        kept = self.dump()
        for name in ("checkpoint_minutes", "tensorboard", "card"):
            del kept[name]
        return kept
