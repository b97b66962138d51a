"""What tuning found, in words and as files: the config, and where there is one its pair model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal

import numpy as np
import yaml

from matcher.calibration import Interval, Promise, Reliability
from matcher.config import RunConfig
from matcher.errors import StoreError
from matcher.fusion import PairModel, PairsFusion
from matcher.io.artifacts import CONFIG, TENSORS
from matcher.io.atomic import write_atomically
from matcher.jobs.pair_models import save_pair_model
from matcher.jobs.save import write_text
from matcher.report.reliability import render_reliability

YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Tuned:
    """What ``tune`` found.

    Attributes:
        config: The config with fitted thresholds, from all labels.
        expected_f1: Mean row F1 on held-out products: half of the products set the thresholds,
            the listings of the other half are scored, then the other way round. From labelled
            pairs: F1 of held-out pairs. NaN where it can't be said.
        fitted_f1: The same on the labels that set the thresholds: too good to expect.
        gallery_size: Number of listings that the thresholds are for.
        fitted_size: Number of listings that were searched.
        promise: The precision that was asked for.
        precision: The precision to expect on products that took no part in the choice, and the
            interval in which that of another catalogue like this should lie.
        source: What the thresholds come from: labelled listings, labelled pairs, or scores alone.
        encoders: By modality that ran: its fingerprint, and how many listings have it.
        left_out: By modality that did not run: why.
        problems: How many listings each kind of trouble touched.
        held_out_by: Folder of the training that chose its weights by the products that set the
            thresholds; empty where none did.
    """

    config: RunConfig
    expected_f1: float
    fitted_f1: float
    gallery_size: int
    fitted_size: int = 0
    promise: Promise | None = None
    precision: Interval | None = None
    source: Literal["listings", "pairs", "scores"] = "listings"
    encoders: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, int] = field(default_factory=dict)
    held_out_by: str = ""

    @property
    def reliability(self) -> Reliability | None:
        """How far the probabilities of its pair model are true, where it has one."""
        trained = _trained(self)
        return None if trained is None else trained.reliability

    def sentences(self, written: Sequence[Path] = ()) -> list[str]:
        """What to tell a person.

        Args:
            written: What ``write_config`` returned, to tell of the files as well.
        """
        return [*self._expectations(), *([_files_sentence(written)] if written else [])]

    def _expectations(self) -> list[str]:
        """What to expect of what was found."""
        if self.source == "scores":
            return [
                "Thresholds from the distribution of the scores alone, no label seen: how good "
                "they are is not known. Label some pairs, and tune again."
            ]
        told = [_f1_sentence(self)]
        if self.held_out_by:
            told.append(
                f"{self.held_out_by} chose its encoder's weights by these same products, so that "
                "what to expect flatters a little: report the figures of a test fold."
            )
        if self.reliability is not None:
            told.append(_reliability_sentence(self.reliability))
        if self.promise is not None and self.precision is not None:
            told.extend(_promise_sentences(self.promise, self.precision))
        return [*told, _holds_sentence(self)]


def _promise_sentences(promise: Promise, found: Interval) -> list[str]:
    told = [
        f"Precision promised: {promise.precision:g}, at {promise.confidence:.0%} confidence. To "
        f"expect on products not seen: {found.estimate:.4f}; that of another catalogue like this "
        f"lies between {found.low:.4f} and {found.high:.4f} in {found.level:.0%} of cases."
    ]
    if found.estimate < promise.precision:
        told.append(
            "The products that took no part fall short of the promise: label more before relying "
            "on it."
        )
    elif found.low < promise.precision:
        told.append(
            "The lower end is below the promise: the products that took no part are too few to "
            "confirm it."
        )
    return told


def _holds_sentence(tuned: Tuned) -> str:
    """What the figures hold for."""
    if tuned.source == "pairs":
        return (
            "That holds for pairs chosen as the labelled ones were, not for all pairs of a "
            "catalogue."
        )
    if tuned.gallery_size != tuned.fitted_size:
        return (
            f"Fitted on {tuned.fitted_size:,} listings and transferred to a gallery of "
            f"{tuned.gallery_size:,}: the figures are what a model of the impostors expects there."
        )
    return f"Thresholds hold for galleries of about {tuned.gallery_size:,} listings."


def _f1_sentence(tuned: Tuned) -> str:
    what = "Row F1" if tuned.source == "listings" else "F1 of pairs"
    fitted = f"on those that set the thresholds: {tuned.fitted_f1:.4f}."
    if np.isnan(tuned.expected_f1):
        return (
            f"{what} {fitted} What to expect of others cannot be said: the labelled pairs hang "
            "together by common listings, so that none can be held out."
        )
    return (
        f"{what} to expect on products not seen: {tuned.expected_f1:.4f} "
        f"(gallery {tuned.gallery_size:,}); {fitted}"
    )


def _reliability_sentence(told: Reliability) -> str:
    return (
        f"Calibration error of the pair model: {told.error:.4f}, the mean difference between its "
        f"probabilities and the share of matches; Brier score: {told.brier:.4f}. Measured on "
        f"{int(told.n_pairs.sum()):,} labelled pairs, each judged by models that were not trained "
        "on it."
    )


def _files_sentence(written: Sequence[Path]) -> str:
    config, *others = written
    kinds = ("its trained model to", "and how far its probabilities are true to")
    told = [f"Written to {config}", *(f"{k} {p}" for k, p in zip(kinds, others, strict=False))]
    keep = " (keep the model beside the config)" if others else ""
    return f"{', '.join(told)}; use it with: matcher dedupe LISTINGS --config {config}{keep}"


def write_config(tuned: Tuned, path: str | Path) -> list[Path]:
    """Write the fitted config as YAML that ``RunConfig.load`` and ``--config`` take.

    A pair model goes with it: for ``mine.yaml`` into the folder ``mine.pairs``, which the config
    names relative to itself, with the page ``mine.html`` on how far its probabilities are true.
    If anything fails, the files of an earlier run stay as they were.

    Args:
        tuned: What was found.
        path: The config to write.

    Returns:
        What was written: the config, and where there is a pair model its folder and its page.

    Raises:
        StoreError: If a file cannot be written.
    """
    path, model = Path(path), _trained(tuned)
    if model is None:
        _write(path, _to_yaml(tuned, tuned.config))
        return [path]
    folder, page = _beside(path, ".pairs"), _beside(path, ".html")
    fusion = tuned.config.fusion.model_copy(update={"model": folder.name})
    text = _to_yaml(tuned, tuned.config.model_copy(update={"fusion": fusion}))
    pages = []
    if model.reliability is not None:
        pages = [(page, render_reliability(model.reliability, path.name, tuned.sentences()))]
    with _put_back_on_failure([folder / TENSORS, folder / CONFIG, page, path]):
        save_pair_model(model, folder)
        for name, content in [*pages, (path, text)]:
            _write(name, content)
    return [path, folder, *(name for name, _ in pages)]


def _trained(tuned: Tuned) -> PairModel | None:
    fusion = tuned.config.fusion
    return fusion.trained if isinstance(fusion, PairsFusion) else None


def _beside(path: Path, ending: str) -> Path:
    """The same name with another ending: ``mine.yaml`` and ``mine.pairs``."""
    stem = path.stem if path.suffix.lower() in YAML else path.name
    return path.with_name(stem + ending)


def _to_yaml(tuned: Tuned, config: RunConfig) -> str:
    told = ["Written by `matcher tune`.", *tuned.sentences()]
    header = "".join(f"# {sentence}\n" for sentence in told)
    return header + yaml.safe_dump(config.dump(), sort_keys=False, default_flow_style=None)


def _write(path: Path, text: str) -> None:
    write_atomically(path, lambda aside: write_text(text, aside))


@contextmanager
def _put_back_on_failure(files: Sequence[Path]) -> Iterator[None]:
    """Leave files as they were if the block fails, an interrupt included.

    Each is copied to its own folder first, so that putting it back takes no more room on the disk.
    """
    files = [Path(os.path.realpath(file)) for file in files]
    absent = [file for file in files if not file.exists()]
    new = {file.parent for file in absent if not file.parent.exists()}
    kept: dict[Path, Path] = {}
    try:
        for file in files:
            if file.is_file():
                kept[file] = file.with_name(f".matcher-{token_hex(8)}")
                _copy(file, kept[file])
    except BaseException:
        _remove(kept.values())
        raise
    try:
        yield
    except BaseException:
        for file, copy in kept.items():
            with suppress(OSError):  # the copy stays; why writing failed matters more
                copy.replace(file)
        _remove([*absent, *sorted(new, reverse=True)])  # the inner before the outer
        raise
    _remove(kept.values())


def _copy(file: Path, to: Path) -> None:
    try:
        shutil.copy2(file, to)
    except OSError as error:
        raise StoreError(
            f"{file} is kept until what replaces it is written, and cannot be copied to {to}: "
            f"{error.strerror or error}. Free some space there, or write to another folder."
        ) from error


def _remove(paths: Iterable[Path]) -> None:
    """Remove files and empty folders, as far as that can be done."""
    for path in paths:
        with suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
