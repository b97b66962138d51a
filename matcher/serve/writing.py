"""Listings and their pictures, written and removed together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from matcher.catalog import Catalog, Changed
from matcher.io.images import HeldImage
from matcher.serve.pictures import Box, PictureFolder
from matcher.types import ImageRef, Listings

References = Callable[[], Iterable[str | None]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A listing whose picture has been checked and is still in memory."""

    id: str
    title: str
    picture: HeldImage | None
    box: Box | None
    extra: dict[str, str]


class Writer:
    """Adds and removes listings; its methods run in one thread.

    A picture goes when the last listing that shows it goes.

    Args:
        catalog: Open.
        pictures: Where the pictures that clients send are kept.
        references: The references of all pictures in use, as the catalogue keeps them.
    """

    def __init__(self, catalog: Catalog, pictures: PictureFolder, references: References) -> None:
        self._catalog, self._pictures, self._references = catalog, pictures, references
        self._uses: Counter[str] = Counter()
        self._counted_at: int | None = None  # revision up to which uses are counted
        self._swept = False

    def add(self, listings: Sequence[Prepared]) -> Changed:
        """Keep listings; where that fails, pictures that were new are removed again.

        Raises:
            MatcherError: If they cannot be kept; nothing was changed.
        """
        self._count()
        held = [one.picture for one in listings]
        before = self._kept_references([one.id for one in listings])
        kept: list[ImageRef | None] = []
        try:
            for picture in held:
                kept.append(None if picture is None else self._pictures.keep(picture))
            changed = self._catalog.add(as_table(listings, kept))
        except BaseException:
            self._drop_unused(_texts(kept))
            raise
        now = self._kept_references([*changed.added, *changed.replaced])
        gone = {before[id] for id in changed.replaced if id in before}
        self._settle(changed, now.values(), [before.get(id) for id in changed.replaced])
        self._drop_unused({*_texts(kept), *gone})
        return changed

    def remove(self, ids: Sequence[str]) -> Changed:
        """Remove listings, and pictures that no other listing shows.

        Raises:
            MatcherError: If that fails; nothing was changed.
        """
        self._count()
        before = self._kept_references(ids)
        changed = self._catalog.remove(ids)
        gone = [before.get(id) for id in changed.removed]
        self._settle(changed, (), gone)
        self._drop_unused({text for text in gone if text is not None})
        return changed

    def _count(self) -> None:
        """Count what shows each picture, if this is the first write or another process wrote."""
        self._catalog.refresh()
        if self._counted_at != self._catalog.revision:
            self._uses = Counter(text for text in self._references() if text is not None)
            self._counted_at = self._catalog.revision
            if not self._swept:
                self._pictures.sweep(self._uses)
                self._swept = True

    def _settle(
        self, changed: Changed, more: Iterable[str | None], fewer: Iterable[str | None]
    ) -> None:
        """Count what a write changed; if another one came between, count all anew next time."""
        alone = self._counted_at in (changed.revision, changed.revision - 1)
        self._counted_at = changed.revision if alone else None
        self._uses.update(text for text in more if text is not None)
        self._uses.subtract(text for text in fewer if text is not None)

    def _drop_unused(self, texts: Iterable[str | None]) -> None:
        if self._counted_at is None:  # not known: better a picture too many
            return
        self._pictures.drop([text for text in texts if text and self._uses[text] <= 0])

    def _kept_references(self, ids: Sequence[str]) -> dict[str, str | None]:
        """Reference of the picture of each listing that is there, by id."""
        there = [id for id in ids if self._catalog.cluster_of(id) is not None]
        if not there:
            return {}
        kept = self._catalog.listings(there)
        return dict(zip(kept.ids, kept.images or [None] * len(there), strict=True))


def _texts(kept: Iterable[ImageRef | None]) -> set[str]:
    return {str(ref.path) for ref in kept if ref is not None}


def as_table(listings: Sequence[Prepared], kept: Sequence[ImageRef | None]) -> Listings:
    """The listings with pictures where they lie now."""
    import pyarrow as pa

    boxes = extra = None
    if any(one.box is not None for one in listings):
        nothing = (np.nan,) * 4
        boxes = np.array([one.box or nothing for one in listings], np.float32)
    names = list(dict.fromkeys(name for one in listings for name in one.extra))
    if names:
        columns = {name: [one.extra.get(name) for one in listings] for name in names}
        extra = pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()})
    return Listings(
        ids=tuple(one.id for one in listings),
        titles=tuple(one.title for one in listings),
        images=tuple(kept),
        boxes=boxes,
        extra=extra,
    )
