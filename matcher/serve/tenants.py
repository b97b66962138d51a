"""The catalogues of a service, each with a batcher and a thread that writes."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from matcher.catalog import Catalog, open_catalog
from matcher.errors import ConfigError
from matcher.serve.batching import Batcher
from matcher.serve.metrics import Metrics
from matcher.serve.pictures import PictureFolder
from matcher.serve.settings import ServeSettings
from matcher.serve.writing import Prepared, References, Writer, as_table
from matcher.store import is_address, open_store
from matcher.types import Listings

T = TypeVar("T")


class Tenant:
    """A catalogue that is served.

    Args:
        catalog: Open.
        pictures: Where the pictures that clients send are kept.
        references: The references of all pictures in use.
        threads: Where questions are answered.
        settings: Limits.
        metrics: Where is counted.
    """

    def __init__(
        self,
        catalog: Catalog,
        pictures: PictureFolder,
        references: References,
        threads: ThreadPoolExecutor,
        settings: ServeSettings,
        metrics: Metrics,
    ) -> None:
        self.catalog = catalog
        self.writer = Writer(catalog, pictures, references)
        self.batcher = Batcher(catalog.query, threads, settings.max_batch, metrics)
        # One thread: a store has one writer, and waiting for it here is fair and cheap.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")

    async def write(self, change: Callable[..., T], *given: object) -> T:
        """Run something that changes the catalogue, after all that came before it.

        It is run to its end even if the client goes away.
        """
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._thread, functools.partial(change, *given))
        return await asyncio.shield(done)

    def close(self) -> None:
        """End writing and close the catalogue."""
        self._thread.shutdown(wait=True)
        self.catalog.close()


class Tenants:
    """All catalogues of a service, by place.

    Args:
        catalogs: Open ones, by the place that keys name.
        settings: Limits.
        metrics: Where is counted.
        images: Folder of the pictures that clients send to catalogues in PostgreSQL; those of
            the others lie in ``images`` in the catalogue's own folder.
        references: What gives the references of all pictures that a catalogue shows, by place;
            else its store is asked.
    """

    def __init__(
        self,
        catalogs: Mapping[str, Catalog],
        settings: ServeSettings,
        metrics: Metrics,
        images: Path | None = None,
        references: Mapping[str, References] | None = None,
    ) -> None:
        self._threads = ThreadPoolExecutor(settings.query_threads, thread_name_prefix="queries")
        folders = {place: PictureFolder(image_folder(place, images)) for place in catalogs}
        asked = references or {}
        self._by_place = {
            place: Tenant(
                catalog,
                folders[place],
                asked.get(place) or functools.partial(kept_references, place),
                self._threads,
                settings,
                metrics,
            )
            for place, catalog in catalogs.items()
        }

    def __getitem__(self, place: str) -> Tenant:
        return self._by_place[place]

    def close(self) -> None:
        """Answer what is under way, then close all catalogues."""
        self._threads.shutdown(wait=True)
        for tenant in self._by_place.values():
            tenant.close()


def image_folder(place: str, images: Path | None) -> Path:
    """Folder of the pictures that clients send to a catalogue.

    Raises:
        ConfigError: If the catalogue lies in PostgreSQL and no folder is given.
    """
    if not is_address(place):
        return Path(place).resolve() / "images"
    if images is None:
        raise ConfigError(
            "A catalogue in PostgreSQL has no folder for the pictures that clients send. "
            "Give one with --images DIR."
        )
    # One for each catalogue: what one no longer shows, another may.
    return images.resolve() / sha256(place.encode()).hexdigest()[:16]


def kept_references(place: str) -> Sequence[str | None]:
    """The references of all pictures that a catalogue shows."""
    with open_store(place) as store, store.read() as read:
        return read.listings().images or ()


def open_all(places: Sequence[str], settings: ServeSettings) -> dict[str, Catalog]:
    """Open catalogues, and ask each once so that nothing is loaded or compiled later.

    Raises:
        MatcherError: If one cannot be opened; those before it are closed.
    """
    catalogs: dict[str, Catalog] = {}
    as_table([Prepared("first", "first", None, None, {"extra": "first"})], [None])
    try:
        for place in places:
            catalogs[place] = catalog = open_catalog(place, timeout=settings.write_seconds)
            catalog.query(Listings(ids=("first",), titles=("first",), images=(None,)), 1)
    except BaseException:
        for catalog in catalogs.values():
            catalog.close()
        raise
    return catalogs
