"""Which rows stand in which batch: a pure function of the seed and the epoch.

So a run that was cut off goes on at any batch, without having gone through those before.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from matcher.errors import ConfigError
from matcher.settings import Settings
from matcher.types import Int64

# Batches whose titles are sorted by length at a time.
POOL = 32


class Batches(Settings):
    """How training rows are dealt to batches.

    Attributes:
        size: Rows that go through the network at once. Every batch has as many.
        per_group: None: all rows in a new order every epoch; those that do not fill a batch are
            left out, other ones each time. A number K: P x K sampling, ``size / K`` groups of K
            rows each; every group comes up once an epoch, however large it is, and one with
            fewer than K rows repeats some.
        by_length: Put titles of about equal length together, so that less is computed for
            padding: the parts of ``POOL`` batches at a time are sorted by it, and the batches
            come in a new random order. Pictures have no length.
        views: Take ``size / 2`` rows twice instead, the two next to each other. The label of a
            row is then its place among the rows of the batch: for losses that need no groups.
    """

    size: int = Field(32, ge=2)
    per_group: int | None = Field(None, ge=2)
    by_length: bool = True
    views: bool = False

    @model_validator(mode="after")
    def _parts_fit(self) -> Batches:
        part = _part(self)
        if self.size % part:
            raise ValueError(
                f"batches.size must be a multiple of {part}, which stand together. "
                f"Received: {self.size}"
            )
        if self.views and self.per_group is not None:
            raise ValueError("batches takes per_group or views, not both")
        return self


def count_batches(classes: Int64, batches: Batches) -> int:
    """Number of batches of an epoch, the same in each.

    Args:
        classes: Class of each training row in ``0..n_classes-1``, shape ``(n,)``.
        batches: How they are dealt.

    Raises:
        ConfigError: If there is not enough for one batch.
    """
    if batches.per_group is not None:
        have, need, what = len(np.unique(classes)), batches.size // batches.per_group, "groups"
    else:
        have, need, what = len(classes), batches.size // (2 if batches.views else 1), "rows"
    if have < need:
        raise ConfigError(
            f"A batch takes {need} {what}, but there are {have} to train on. "
            "Make batches.size smaller, or give more listings."
        )
    return have // need


def deal(
    classes: Int64, batches: Batches, seed: int, epoch: int, lengths: Int64 | None = None
) -> Int64:
    """Deal the rows of one epoch to batches.

    Args:
        classes: Class of each training row in ``0..n_classes-1``, shape ``(n,)``.
        batches: How.
        seed: Of the run.
        epoch: From 0.
        lengths: Of each training row, shape ``(n,)``; None where all are the same.

    Returns:
        Rows, shape ``(n_batches, size)``. With ``per_group`` the rows of a group stand next to
        each other and a batch holds a group once; with ``views`` each row stands twice.

    Raises:
        ConfigError: If there is not enough for one batch.
    """
    n_batches, part = count_batches(classes, batches), _part(batches)
    rng = np.random.default_rng([seed, epoch])
    if batches.per_group is not None:
        rows = _draw_from_groups(classes, batches.per_group, rng)
    else:
        rows = rng.permutation(len(classes))
        rows = np.repeat(rows, 2) if batches.views else rows
    rows = rows[: n_batches * batches.size]
    if lengths is not None and batches.by_length:
        longest = lengths[rows].reshape(-1, part).max(axis=1)
        order = _like_with_like(longest, batches.size // part, rng)
        rows = rows.reshape(-1, part)[order]
    return rows.reshape(n_batches, batches.size)


def _part(batches: Batches) -> int:
    """Rows that stand next to each other."""
    return 2 if batches.views else batches.per_group or 1


def _like_with_like(lengths: Int64, size: int, rng: np.random.Generator) -> Int64:
    """Order of parts in which each batch, of ``size`` parts, has parts of about equal length."""
    pool = np.arange(len(lengths)) // (POOL * size)
    batches = np.lexsort((lengths, pool)).reshape(-1, size)
    return np.asarray(rng.permutation(batches).reshape(-1), np.int64)


def _draw_from_groups(classes: Int64, k: int, rng: np.random.Generator) -> Int64:
    """``k`` rows of every group, the groups in random order, shape ``(n_groups * k,)``."""
    shuffled = rng.permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    _, starts, sizes = np.unique(classes[by_class], return_index=True, return_counts=True)
    chosen = rng.permutation(len(starts))
    places = starts[chosen, None] + np.arange(k) % sizes[chosen, None]
    return by_class[places].reshape(-1)
