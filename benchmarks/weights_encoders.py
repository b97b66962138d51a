"""The encoders that the shipped ones are measured beside, each as a config of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import matcher
from benchmarks.protocols import take
from benchmarks.thresholds import some_sets
from matcher.config import RunConfig
from matcher.encoders._artefacts import is_saved, load_saved
from matcher.jobs.steps import encode
from matcher.models.settings import ImageArchitecture, ModelCard, TitleArchitecture
from matcher.training.splits import tied_rows
from matcher.types import Encoded, Listings

Row = dict[str, Any]
BASE, RANDOM = "base", "random"
MOBILENET, MINILM = "MobileNetV2", "MiniLM"
PHASH, WORDS, CHARACTERS = "phash", "words", "characters"
SHIPPED = Path(matcher.__file__).parent / "weights"


@dataclass(frozen=True, slots=True)
class Setting:
    """What all measures need.

    Attributes:
        data: Folder of the data sets.
        image: Folder of the image encoder.
        title: Folder of the title encoder.
        teacher: File of a trained MobileNetV2.
        bert: Folder of a trained MiniLM.
        held_out: Table of the offers of PriceRunner that were not trained on.
        wheel: The built package; None is not measured.
        limit: Listings of each set, in whole products; None is all.
        made: Folder for what is made on the way.
    """

    data: Path
    image: Path
    title: Path
    teacher: Path
    bert: Path
    held_out: Path
    wheel: Path | None
    limit: int | None
    made: Path

    def rows(self, listings: Listings) -> Any:
        """Rows of the listings that are measured, rising."""
        if self.limit is None:
            return np.arange(len(listings))
        return np.flatnonzero(some_sets(tied_rows(listings), self.limit, 0))

    def part(self, listings: Listings) -> Listings:
        """The listings that are measured."""
        return listings if self.limit is None else take(listings, self.rows(listings))


def find_weights(named: str, kind: str, needed: bool = True) -> Path:
    """Folder of an encoder: the one that comes with the package, or any other.

    Args:
        named: ``base``, or a folder.
        kind: ``image`` or ``title``.
        needed: Whether there must be one.
    """
    folder = SHIPPED / kind if named == BASE else Path(named).expanduser()
    if needed and not is_saved(folder):
        raise SystemExit(f"{folder} holds no encoder that matcher has saved. Name one: --{kind}.")
    return folder


def image_encoders(setting: Setting, untrained: bool = True) -> dict[str, RunConfig]:
    """By name: the one that is measured, its teacher, and its architecture untrained."""
    named: dict[str, Row] = {
        BASE: {"encoder": "image", "weights": str(setting.image)},
        MOBILENET: {"encoder": "mobilenet", "weights": str(setting.teacher), "size": 224},
    }
    if untrained:
        named[RANDOM] = {"encoder": "image", "weights": str(random_image(setting))}
    return {name: alone(name, settings) for name, settings in named.items()}


def title_encoders(setting: Setting, untrained: bool = True) -> dict[str, RunConfig]:
    """By name: the one that is measured, its teacher, its architecture untrained, and TF-IDF."""
    named: dict[str, Row] = {
        BASE: {"encoder": "bert", "weights": str(setting.title)},
        MINILM: {"encoder": "bert", "weights": str(setting.bert)},
        WORDS: {"encoder": "tfidf", "tokens": "words"},
        CHARACTERS: {"encoder": "tfidf", "tokens": "characters"},
    }
    if untrained:
        named[RANDOM] = {"encoder": "bert", "weights": str(random_title(setting))}
    return {name: alone(name, settings) for name, settings in named.items()}


def alone(name: str, settings: Row) -> RunConfig:
    """Config of one encoder, called ``name``."""
    table = {
        "encoders": {name: {"min_score": -1.0, **settings}},
        "fusion": {"method": "union", "thresholds": {name: 0.9}},
        "clustering": {"method": "average"},
    }
    return RunConfig.read(table, f"encoder {name}")


def measured(measure: str, name: str, value: float, gallery: int, split: str) -> Row:
    """A row: what was measured, of which encoder, the figure, and how it came about."""
    return dict(measure=measure, encoder=name, value=value, gallery=gallery, split=split)


def encode_alone(config: RunConfig, listings: Listings) -> Encoded:
    """What the one encoder of a config makes of listings; the cache has it the next time."""
    ((encoded,),) = (table.values() for table in encode(config, listings, listings).tables)
    return encoded


def random_image(setting: Setting) -> Path:
    """The architecture of the image encoder with the weights that it would start from."""
    from matcher.encoders._saved import save_encoder, start_image_embedder

    folder = setting.made / "random-image"
    if not is_saved(folder):
        architecture = load_saved(setting.image).architecture
        assert isinstance(architecture, ImageArchitecture)
        model = start_image_embedder(architecture, RANDOM, seed=0)
        save_encoder(folder, model, architecture, ModelCard(title="Untrained"))
    return folder


def random_title(setting: Setting) -> Path:
    """As ``random_image``; it shares the tokenizer."""
    from matcher.encoders._saved import save_encoder
    from matcher.models.embedder import build_title_embedder

    folder = setting.made / "random-title"
    if not is_saved(folder):
        saved = load_saved(setting.title)
        assert isinstance(saved.architecture, TitleArchitecture)
        model = build_title_embedder(saved.architecture, saved.config, None, seed=0)
        card = ModelCard(title="Untrained")
        save_encoder(folder, model, saved.architecture, card, tokenizer_from=setting.title)
    return folder
