"""What a network was trained on, and chosen by, so that it is never scored on that.

Each run keeps a digest of every listing that it, or a run it started from, was trained on, and of
every listing that its weights were chosen by.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

import numpy as np

from matcher.errors import DataError, StoreError
from matcher.io.artifacts import load_model, save_model
from matcher.io.content_keys import picture_key
from matcher.io.images import count_cores
from matcher.types import Bool, Int64, Listings, UInt64

FOLDER = "trained-on"
# Stands for a listing that cannot be read.
NOTHING = np.uint64(0)


def picture_digests(listings: Listings) -> UInt64:
    """Digest of each listing's picture, whatever its id, shape ``(n,)``.

    Pictures of equal content, and of the same box, have equal digests; ``NOTHING`` where there
    is no picture or it cannot be read.
    """

    def digest(row: int) -> np.uint64:
        ref = listings.images[row]
        box = None if listings.boxes is None else listings.boxes[row]
        key = None if ref is None else picture_key(ref, box)
        return NOTHING if key is None else _number(key.digest)

    with ThreadPoolExecutor(count_cores()) as pool:
        return np.fromiter(pool.map(digest, range(len(listings))), np.uint64, len(listings))


def title_digests(listings: Listings) -> UInt64:
    """Digest of each listing's id and title, shape ``(n,)``; ``NOTHING`` where it has no title.

    The id counts because different products may well have one title.
    """
    pairs = zip(listings.ids, listings.titles, strict=True)
    texts = [f"{id}\0{title}" if title.strip() else "" for id, title in pairs]
    found = [_number(_hash(text)) if text else NOTHING for text in texts]
    return np.array(found, np.uint64)


def codes_of(digests: UInt64) -> Int64:
    """Equal codes for equal digests, -1 for ``NOTHING``, shape ``(n,)``."""
    codes = np.unique(digests, return_inverse=True)[1].astype(np.int64)
    return np.where(digests == NOTHING, -1, codes)


def save_trained(
    folder: Path,
    digests: UInt64,
    kind: str,
    earlier: Sequence[Path] = (),
    chosen: UInt64 | None = None,
) -> None:
    """Keep what a run was trained on.

    Args:
        folder: Of the run.
        digests: Of the training rows.
        kind: What they are digests of: ``"pictures"`` or ``"titles"``.
        earlier: Folders of the runs it started from; what those were trained on, and chosen by,
            counts too.
        chosen: Digests of the rows held out, by which its weights were chosen; None for none.
    """
    known = [load_trained(run)[1] for run in earlier]
    rows = _join([digests, *known])
    by = _join([digests[:0] if chosen is None else chosen, *map(load_chosen, earlier)])
    save_model(folder / FOLDER, {"kind": kind}, {"rows": rows, "chosen": by})


def load_trained(folder: Path) -> tuple[str, UInt64]:
    """Read what a run was trained on.

    Returns:
        What the digests are of, and the digests, rising.

    Raises:
        StoreError: If that is missing or damaged.
    """
    config, tensors = load_model(folder / FOLDER)
    if "rows" not in tensors or tensors["rows"].dtype != np.uint64:
        raise StoreError(f"{folder / FOLDER} does not say what was trained on.")
    return str(config.get("kind")), tensors["rows"]


def load_chosen(folder: Path) -> UInt64:
    """Read what the weights of a run were chosen by.

    Returns:
        Digests, rising; none where the run does not say, as early ones do not.

    Raises:
        StoreError: If that is missing or damaged.
    """
    _, tensors = load_model(folder / FOLDER)
    chosen: UInt64 = tensors.get("chosen", np.zeros(0, np.uint64))
    return chosen


def refuse_trained(
    folder: Path,
    listings: Listings,
    rows: Int64 | None = None,
    digests: UInt64 | None = None,
) -> None:
    """Refuse to score a network on what it was trained on.

    Args:
        folder: Of the run that trained it.
        listings: Listings that are to be scored.
        rows: Which of them; None for all.
        digests: Of all listings, where they are known already.

    Raises:
        DataError: If it was trained on any of them.
        StoreError: If what it was trained on is not known.
    """
    kind, trained = load_trained(folder)
    if digests is None:
        digests = picture_digests(listings) if kind == "pictures" else title_digests(listings)
    scored = np.arange(len(listings)) if rows is None else rows
    found = scored[_are_among(digests[scored], trained)]
    if len(found):
        raise DataError(
            f"{folder} was trained on {len(found):,} of the {len(scored):,} listings that are to "
            f"be scored, such as {listings.ids[found[0]]!r}: the figure would mean nothing. "
            "Score others, or train with the same split (seed, n_folds and fold)."
        )


def refuse_chosen(folder: Path, listings: Listings, rows: Int64, digests: UInt64) -> None:
    """Refuse to test a network on what its weights were chosen by.

    Args:
        folder: Of the run that trained it.
        listings: The listings.
        rows: Those that are to be tested on.
        digests: Of all listings.

    Raises:
        DataError: If its weights, or those of a run before it, were chosen by any of them.
        StoreError: If the run does not say what it was trained on.
    """
    found = rows[_are_among(digests[rows], load_chosen(folder))]
    if len(found):
        raise DataError(
            f"The weights of {folder} were chosen by {len(found):,} of the {len(rows):,} listings "
            f"that are to be tested on, such as {listings.ids[found[0]]!r}: the figure would "
            "flatter. Train with the same split as that run: seed, n_folds, fold and test_fold."
        )


def _are_among(digests: UInt64, known: UInt64) -> Bool:
    found: Bool = np.isin(digests, known) & (digests != NOTHING)
    return found


def _join(digests: Sequence[UInt64]) -> UInt64:
    """All of them once, rising."""
    found: UInt64 = np.unique(np.concatenate(digests))
    known: UInt64 = found[found != NOTHING]
    return known


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _number(digest: bytes) -> np.uint64:
    # 0 is taken.
    return np.uint64(int.from_bytes(digest[:8], "little") or 1)
