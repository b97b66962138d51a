"""Making a catalogue, and opening one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from matcher.catalog._encoders import fit
from matcher.catalog._settings import additive, check_clusterer
from matcher.catalog._state import State
from matcher.catalog.catalog import Catalog
from matcher.io.columns import Columns
from matcher.jobs.steps import ConfigLike, ListingsLike, as_listings, resolve_config
from matcher.store import About, create_store, is_address, open_store
from matcher.types import Encoded

NAMES = ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm")


def create_catalog(
    place: str | Path,
    listings: ListingsLike,
    images: str | Path | None = None,
    *,
    config: ConfigLike = None,
    encoders: str | list[str] | None = None,
    columns: Columns | None = None,
    vectors: Mapping[str, Encoded] | None = None,
) -> Catalog:
    """Make a catalogue of listings, which its encoders learn from once and for all.

    What of the config looks at the whole table (blending, re-ranking, ``at_least_two``), and
    encoders that cannot run, are left out: see ``Catalog.left_out``.

    Args:
        place: A folder, or the address of a PostgreSQL database; see ``docs/store.md``.
        listings: As for ``dedupe``.
        images: Folder or zip archive of their pictures.
        config: A config, its values by name, or the path of a YAML file; None for the default.
        encoders: Names of modalities or encoders to use, of those in the config; None for all.
        columns: Names of the columns; those not given are detected.
        vectors: By modality, what its encoder made of the listings; the others are encoded.

    Raises:
        BackendError: If none of the encoders can run.
        ConfigError: If a setting is wrong, or the fusion judges pairs among all others.
        DataError: If the table cannot be used, or vectors are not one per listing.
        StoreError: If there is a catalogue already, none can be made there, or vectors are of
            another encoder than that of the config.

    Example:
        >>> import tempfile, pyarrow
        >>> from matcher.types import Listings
        >>> table = pyarrow.table({
        ...     "id": ["a", "b"], "title": ["Sabun Lifebuoy 250ml", "HDMI cable 2 m"],
        ... })
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with create_catalog(folder, table, encoders="tfidf") as catalog:
        ...         new = Listings(("c",), ("lifebuoy sabun 250 ML",), (None,))
        ...         found = catalog.query(new)[0][0]
        ...         found.id, found.match, catalog.add(new).clusters
        ('a', True, {'c': 1})
    """
    table = as_listings(listings, images, columns)
    settings = additive(resolve_config(config, encoders), table.id_name)
    check_clusterer(settings.config.clustering)
    fitted = fit(settings.config, table, vectors)
    settings = settings.without(fitted.left_out)
    store = create_store(place, About(settings.text(), fitted.kept))
    try:
        catalog = Catalog(store, State.of(store.about, fitted.encoders))
        catalog.add(table, fitted.encoded)
    except BaseException:
        store.close()
        _remove_new(place)
        raise
    return catalog


def open_catalog(place: str | Path, timeout: float = 30.0) -> Catalog:
    """Open a catalogue.

    Args:
        place: Where ``create_catalog`` made it.
        timeout: Seconds that a write waits for another one to end.

    Raises:
        ConfigError: If it has settings that this version does not know.
        StoreError: If there is none, or it cannot be read.
    """
    store = open_store(place, timeout)
    try:
        return Catalog(store, State.of(store.about))
    except BaseException:
        store.close()
        raise


def _remove_new(place: str | Path) -> None:
    """Remove the empty catalogue of a folder, and the folder if nothing else is in it.

    In PostgreSQL the schema stays: only its owner may drop it.
    """
    if is_address(place):
        return
    folder = Path(place)
    with suppress(OSError):
        for name in NAMES:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
