"""Where this package keeps what it could make again.

Whoever names the folder may have files of his own in it: only what carries a name that this
package gives is ever counted or removed.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from matcher.errors import ConfigError, StoreError

VARIABLE = "MATCHER_CACHE"
NETWORKS = "networks"
# Networks kept; the largest common ones have some 500 MB.
MOST_NETWORKS = 20
# Seconds after which what a writer has left aside is taken for that of one that was killed.
ABANDONED = 3_600

_NAME = re.compile(r"[0-9a-f]{32}")
_allowed: ContextVar[bool] = ContextVar("cache_allowed", default=True)


@contextmanager
def caching(allowed: bool) -> Iterator[None]:
    """Within the block nothing is taken from the cache or kept there, unless ``allowed``."""
    before = _allowed.set(allowed and _allowed.get())
    try:
        yield
    finally:
        _allowed.reset(before)


def cache_folder() -> Path | None:
    """Name the folder of caches; it may not exist yet, nor be writable.

    It is the one that the environment variable ``MATCHER_CACHE`` names, else the folder for
    caches of this system and user, such as ``~/.cache/matcher``.

    Returns:
        The folder; None where nothing is to be kept: ``MATCHER_CACHE`` is ``off`` or empty,
        ``caching`` forbids it, or the user has no home folder.

    Raises:
        ConfigError: If ``MATCHER_CACHE`` starts with the home folder of an unknown user.
    """
    if not _allowed.get():
        return None
    named = os.environ.get(VARIABLE)
    if named is not None:
        named = named.strip()
        return _expand(named) if named and named.lower() != "off" else None
    from platformdirs import user_cache_path

    folder = user_cache_path("matcher", appauthor=False)
    return folder if folder.is_absolute() else None  # without a home it would be "~/.cache"


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; those that are new are for the user alone.

    Raises:
        OSError: If that is not possible.
    """
    for part in [*reversed(folder.parents), folder]:
        if not part.is_dir():
            part.mkdir(0o700, exist_ok=True)


def networks_folder() -> Path | None:
    """The folder of converted networks, which may not exist yet; None: nothing is to be kept."""
    folder = cache_folder()
    return None if folder is None else folder / NETWORKS


def clear_networks() -> int:
    """Remove all converted networks; return the bytes that are free again.

    Raises:
        StoreError: If one cannot be removed.
    """
    n_bytes = 0
    for folder in _networks(networks_folder()):
        n_bytes += _size(folder)
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:  # another process was quicker
            continue
        except OSError as error:
            raise StoreError(
                f"{folder} cannot be removed: {error.strerror or error}. End what is using it, "
                "or delete it."
            ) from error
    return n_bytes


def size_of_networks() -> int:
    """Bytes that converted networks take."""
    return sum(_size(folder) for folder in _networks(networks_folder()))


def tidy_networks(place: Path) -> None:
    """Remove the networks not used for longest, and what writers that were killed have left.

    Args:
        place: The folder of networks. ``MOST_NETWORKS`` stay; what cannot be removed does too.
    """
    ages = {folder: _changed(folder) for folder in _networks(place)}
    newest = sorted(ages, key=lambda folder: (-ages[folder], folder))
    for folder in newest[MOST_NETWORKS:]:
        shutil.rmtree(folder, ignore_errors=True)
    for folder in newest[:MOST_NETWORKS]:
        for aside in folder.glob(".saving-*"):
            if _changed(aside) < time.time() - ABANDONED:
                shutil.rmtree(aside, ignore_errors=True)


def _expand(named: str) -> Path:
    try:
        return Path(named).expanduser().absolute()
    except RuntimeError as error:
        raise ConfigError(
            f"{VARIABLE} names a folder, or is 'off'. Received: {named!r}, whose home folder is "
            "not known. Write the whole path."
        ) from error


def _networks(place: Path | None) -> list[Path]:
    """The folders in which this package keeps networks."""
    found = []
    for path in [] if place is None else sorted(place.glob("*")):
        with suppress(OSError):  # removed meanwhile
            if _NAME.fullmatch(path.name) and stat.S_ISDIR(path.lstat().st_mode):
                found.append(path)
    return found


def _size(folder: Path) -> int:
    n_bytes = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # removed meanwhile
            n_bytes += 0 if path.is_dir() else path.lstat().st_size
    return n_bytes


def _changed(path: Path) -> float:
    """When a folder was last used, in seconds; 0 if it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
