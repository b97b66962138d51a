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


def count_batches(classes: Int64, batches: Batches, times: Int64 | None = None) -> int:
    """Number of batches of an epoch, the same in each.

    Args:
        classes: Class of each training row in ``0..n_classes-1``, shape ``(n,)``.
        batches: How they are dealt.
        times: How often each row comes up in an epoch, shape ``(n,)``; None for once.

    Raises:
        ConfigError: If there is not enough for one batch.
    """
    have, what = len(_repeated(classes, batches, times)), "groups" if batches.per_group else "rows"
    need = batches.size // _part(batches)
    if have < need:
        raise ConfigError(
            f"A batch takes {need} {what}, but there are {have} to train on. "
            "Make batches.size smaller, or give more listings."
        )
    return have // need


def deal(
    classes: Int64,
    batches: Batches,
    seed: int,
    epoch: int,
    lengths: Int64 | None = None,
    times: Int64 | None = None,
) -> Int64:
    """Deal the rows of one epoch to batches.

    Args:
        classes: Class of each training row in ``0..n_classes-1``, shape ``(n,)``.
        batches: How.
        seed: Of the run.
        epoch: From 0.
        lengths: Of each training row, shape ``(n,)``; None where all are the same.
        times: How often each row comes up in an epoch, shape ``(n,)``; None for once. With
            ``per_group`` a group comes up as often as the one of its rows that does so most.

    Returns:
        Rows, shape ``(n_batches, size)``. With ``per_group`` the rows of a group stand next to
        each other and a batch holds a group that comes up once at most once; with ``views`` each
        row stands twice.

    Raises:
        ConfigError: If there is not enough for one batch.
    """
    n_batches, part = count_batches(classes, batches, times), _part(batches)
    rng = np.random.default_rng([seed, epoch])
    chosen = rng.permutation(_repeated(classes, batches, times))
    if batches.per_group is not None:
        rows = _draw_from_groups(classes, batches.per_group, chosen, rng)
    else:
        rows = np.repeat(chosen, 2) if batches.views else chosen
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


def _repeated(classes: Int64, batches: Batches, times: Int64 | None) -> Int64:
    """What comes up in an epoch, as often as it does: rows or, with ``per_group``, groups."""
    if batches.per_group is None:
        rows = np.arange(len(classes))
        return rows if times is None else np.repeat(rows, times)
    groups, of_row = np.unique(classes, return_inverse=True)
    most = np.ones(len(groups), np.int64)
    if times is not None:
        np.maximum.at(most, of_row, times)
    return np.repeat(np.arange(len(groups)), most)


def _draw_from_groups(classes: Int64, k: int, chosen: Int64, rng: np.random.Generator) -> Int64:
    """``k`` rows of every chosen group, shape ``(n_chosen * k,)``."""
    shuffled = rng.permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    _, starts, sizes = np.unique(classes[by_class], return_index=True, return_counts=True)
    places = starts[chosen, None] + np.arange(k) % sizes[chosen, None]
    return by_class[places].reshape(-1)
