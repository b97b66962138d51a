"""Thresholds from a list of labelled pairs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from matcher.calibration import (
    Interval,
    LabelledPairJudge,
    MatchCounts,
    Promise,
    choose_cut,
    count_labelled_pairs,
    cross_choose,
    cuts_keeping,
    fit_fusion,
    pair_blocks,
    shares_kept,
)
from matcher.config import RunConfig
from matcher.errors import DataError
from matcher.fusion import ACCEPTED
from matcher.io.outputs import plain_id
from matcher.io.raw import RawTable
from matcher.io.tables import from_memory, read_table
from matcher.jobs.thresholds import with_cut
from matcher.training.splits import folds
from matcher.types import Bool, Int64, ScoredPairs

IDS = ("id_left", "id_right")
LABELS = {"1": 1, "1.0": 1, "true": 1, "0": 0, "0.0": 0, "false": 0}
DECISIONS = {"same": 1, "different": 0, "": -1}  # -1 is passed over
LEAST_PAIRS = 10
LEAST_BLOCKS = 10
HALF = " in one half, the other being held out to say what to expect"


def read_pairs(source: Any, ids: tuple[str, ...]) -> tuple[Int64, Int64, Bool]:
    """Read pairs of listings with a label each.

    Args:
        source: Table, or path of a CSV or Parquet file, with the columns ``id_left``,
            ``id_right`` and ``label`` (1 for one product, 0 for two) or, without that,
            ``decision`` ("same", "different", or empty to skip the row). An id may have the ``'``
            that ``pairs.csv`` puts before what a spreadsheet would run as a formula.
        ids: Ids of the listings.

    Returns:
        Rows of the lower and of the higher listing, and whether they are one product. A pair
        that is given twice, in either order, counts once.

    Raises:
        DataError: If a column is missing, an id unknown, a label neither 0 nor 1, or a pair is
            given both labels.
    """
    table = read_table(Path(source)) if isinstance(source, str | Path) else from_memory(source)
    told = "decision" if "decision" in table.names and "label" not in table.names else "label"
    missing = [name for name in (*IDS, told) if name not in table.names]
    if missing:
        raise DataError(
            "Labelled pairs have the columns id_left, id_right and label, or decision. "
            f"Missing: {', '.join(missing)}. Received: {', '.join(table.names)}."
        )
    row_of = {name: row for row, name in enumerate(ids)}
    ends = np.array([_rows(table, row_of, _texts(table, name)) for name in IDS], np.int64)
    codes = _labels(table, told)
    ends, truth = np.sort(ends.reshape(2, -1)[:, codes >= 0], axis=0), codes[codes >= 0]
    if (ends[0] == ends[1]).any():
        row = int(ends[0][ends[0] == ends[1]][0])
        raise DataError(f"A pair is of two listings. Received: {ids[row]!r} with itself.")
    once, inverse = np.unique(ends, axis=1, return_inverse=True)
    votes = np.bincount(inverse.ravel(), truth, minlength=once.shape[1])
    times = np.bincount(inverse.ravel(), minlength=once.shape[1])
    both = np.flatnonzero((votes > 0) & (votes < times))
    if both.size:
        left, right = once[:, both[0]]
        raise DataError(f"The pair {ids[left]!r}, {ids[right]!r} is labelled both 0 and 1.")
    return once[0], once[1], votes > 0


def _texts(table: RawTable, name: str) -> list[str]:
    texts, _ = table.text(table.names.index(name))
    return [text.strip() for text in pc.fill_null(texts, "").to_pylist()]


def _rows(table: RawTable, row_of: Mapping[str, int], names: list[str]) -> list[int]:
    """The listing that each pair names, with or without the ``'`` of ``pairs.csv``."""
    rows = [row_of.get(name, row_of.get(plain_id(name), -1)) for name in names]
    unknown = np.flatnonzero(np.array(rows, np.int64) < 0)
    if unknown.size:
        raise DataError(
            f"{table.where}, {table.place(unknown[:1])}: a labelled pair names the listing "
            f"{names[unknown[0]]!r}, which the table lacks. Remove the row, or give the listings "
            "that were labelled."
        )
    return rows


def _labels(table: RawTable, name: str) -> Int64:
    """1 for a pair that is one product, 0 for one that is two, -1 for one to pass over."""
    known, texts = LABELS if name == "label" else DECISIONS, _texts(table, name)
    wrong = np.flatnonzero([text.lower() not in known for text in texts])
    if wrong.size:
        rule = (
            "the label of a pair is 1 (one product) or 0 (two)"
            if name == "label"
            else "a decision is 'same', 'different' or empty"
        )
        raise DataError(
            f"{table.where}, {table.place(wrong[:1])}: {rule}. Received: {texts[wrong[0]]!r}."
        )
    return np.array([known[text.lower()] for text in texts], np.int64)


def fit_pairs(config: RunConfig, pairs: ScoredPairs, truth: Bool, part: str = "") -> RunConfig:
    """Fit the fusion to labelled pairs, for the best F1; clusters join from 0.5 on.

    Args:
        config: Everything that is not a threshold.
        pairs: The labelled pairs.
        truth: Whether each is a match, shape ``(m,)``.
        part: What to call them in messages, where they are not all there are.

    Raises:
        DataError: If the pairs are few, or all of one kind.
    """
    right = int(truth.sum())
    if min(right, len(truth) - right) < 1 or len(truth) < LEAST_PAIRS:
        raise DataError(
            f"Tuning needs at least {LEAST_PAIRS} labelled pairs of both kinds. Received: "
            f"{right} of one product, {len(truth) - right} of two{part}. Label more."
        )
    fitted = fit_fusion(config.fusion, LabelledPairJudge(pairs, truth, within=True))
    config = config.model_copy(update={"fusion": fitted.fusion})
    return with_cut(config, ACCEPTED) if config.matches == "clusters" else config


def pair_f1(counts: MatchCounts, truth: Bool) -> float:
    """F1 of the pairs counted."""
    found = counts.right.sum() + counts.wrong.sum() + truth.sum()
    return float(2 * counts.right.sum() / found) if found else 1.0


def expect(
    config: RunConfig, pairs: ScoredPairs, truth: Bool, promise: Promise | None, seed: int
) -> tuple[RunConfig, float, float, Interval | None]:
    """Fit, keep the promise if there is one, and measure on pairs that took no part.

    Returns:
        The config; F1 on held-out pairs (NaN where the pairs are too entangled to hold any out)
        and on the fitted ones; the precision where one is promised.
    """
    fitted = fit_pairs(config, pairs, truth)
    blocks = pair_blocks(pairs)
    if len(np.unique(blocks)) < LEAST_BLOCKS:
        if promise is not None:
            raise DataError(
                "A promise needs labelled pairs that do not hang together by common listings. "
                f"Received: {len(np.unique(blocks))} independent sets, less than {LEAST_BLOCKS}."
            )
        return fitted, float("nan"), _f1_at(fitted, pairs, truth), None
    half = folds(blocks, 2, seed) == 0
    sides = [
        (fit_pairs(config, take_pairs(pairs, ~rows), truth[~rows], HALF), rows)
        for rows in (half, ~half)
    ]
    if promise is None:
        parts = [_count(other, pairs, truth, rows, None) for other, rows in sides]
        expected = pair_f1(parts[0].beside(parts[1]), truth)
        return fitted, expected, _f1_at(fitted, pairs, truth), None
    fused = fitted.fusion(pairs)
    n_accepted = max(int((fused >= ACCEPTED).sum()), 1)
    shares = shares_kept() * n_accepted / len(pairs)
    counts = [_count(other, pairs, truth, rows, shares) for other, rows in sides]
    place = choose_cut(counts[0].beside(counts[1]), promise, seed=seed)
    measured = [cross_choose(side, promise, scale=2, seed=seed) for side in counts]
    both = measured[0].beside(measured[1])
    cut = cuts_keeping(fused, np.ceil(shares * len(pairs)).astype(np.int64))[place]
    raised = with_cut(fitted, max(cut, ACCEPTED))
    accepted = count_labelled_pairs(fused, truth, pairs, [max(cut, ACCEPTED)])
    return raised, pair_f1(both, truth), pair_f1(accepted, truth), both.interval(seed=seed)


def _f1_at(config: RunConfig, pairs: ScoredPairs, truth: Bool) -> float:
    return LabelledPairJudge(pairs, truth)(config.fusion(pairs))


def _count(
    config: RunConfig, pairs: ScoredPairs, truth: Bool, rows: Bool, shares: Any
) -> MatchCounts:
    """Counts of some of the pairs, at 0.5 or at the cuts that accept given shares of them."""
    some = take_pairs(pairs, rows)
    fused = config.fusion(some)
    cuts: tuple[float, ...] = (ACCEPTED,)
    if shares is not None:
        n_pairs = np.ceil(shares * len(some)).astype(np.int64)
        cuts = tuple(max(cut, ACCEPTED) for cut in cuts_keeping(fused, n_pairs))
    return count_labelled_pairs(fused, truth[rows], some, cuts)


def take_pairs(pairs: ScoredPairs, rows: Bool) -> ScoredPairs:
    """Keep some of the pairs."""
    scores = {name: values[rows] for name, values in pairs.scores.items()}
    return ScoredPairs(pairs.left[rows], pairs.right[rows], scores, pairs.n_left, pairs.n_right)
