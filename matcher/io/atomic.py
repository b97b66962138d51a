"""Files that are either wholly written or not touched."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

from matcher.errors import StoreError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_atomically(path: str | Path, write: Callable[[Path], object]) -> None:
    """Write a file aside, and put it in place once it is safely on the disk.

    What stood there before stays whole if anything fails, an interrupt included. Missing
    folders are made. A link is followed, not replaced.

    Args:
        path: The file to write.
        write: Called with the path to write to, which has the same ending.

    Raises:
        StoreError: If the file cannot be written.
    """
    try:
        target = _regular(Path(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".matcher-{token_hex(8)}{target.suffix}")
        try:
            write(aside)
            _flush(aside)
            aside.replace(target)
        finally:
            _remove(aside)
        _flush_folder(target.parent)
    except OSError as error:
        raise _refusal(path, error) from error


def check_writable(path: str | Path) -> None:
    """Find out before long work whether a file could be written; nothing is left behind.

    Raises:
        StoreError: If not.
    """
    try:
        folder = _regular(Path(path)).parent
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".matcher-{token_hex(8)}"
        try:
            probe.write_bytes(b"writable")
        finally:
            _remove(probe)
    except OSError as error:
        raise _refusal(path, error) from error


class OutputFolder:
    """Collects the files of one run and puts them in place together at the end.

    On entry the folder is made, if need be, and found to be writable, before any long work.
    If the block fails, the files of an earlier run stay as they were; files that this run
    does not write stay in any case.

    Args:
        path: The folder.

    Raises:
        StoreError: If the folder or a file in it cannot be written.

    Example:
        with OutputFolder("out") as out:
            write_csv(table, out.file("matches.csv"))
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._aside = self.path / f".matcher-{token_hex(8)}"
        self._discarded: list[Path] = []

    def file(self, name: str) -> Path:
        """Where to write a file that is to be called ``name``; it may lie in subfolders."""
        path = self._aside / name
        if not name or ".." in Path(name).parts or Path(name).is_absolute():
            raise StoreError(f"{name!r} must lie in {self.path}. Give a name below it.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _refusal(self.path / name, error) from error
        return path

    def discard(self, name: str) -> None:
        """Remove a file of an earlier run, if there is one, when this run's are put in place."""
        self._discarded.append(self.path / name)

    def __enter__(self) -> Self:
        try:
            self._aside.mkdir(parents=True)
            (self._aside / "probe").write_bytes(b"writable")
            (self._aside / "probe").unlink()
        except OSError as error:
            _remove(self._aside)
            raise _refusal(self.path, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._put_in_place()
            elif isinstance(error, OSError) and self._is_about(error):
                raise self._named_rightly(error) from error
        finally:
            _remove(self._aside)

    def _is_about(self, error: OSError) -> bool:
        """Whether it was our files that could not be written, or something else went wrong."""
        return error.errno in DISK_FULL or str(self._aside) in str(error)

    def _named_rightly(self, error: OSError) -> StoreError:
        """Say the names that the user knows."""
        if isinstance(error, StoreError):
            return StoreError(str(error).replace(str(self._aside), str(self.path)))
        return _refusal(self.path, error)

    def _put_in_place(self) -> None:
        """Rename all files, after all of them are on the disk and nothing is in the way."""
        written = sorted(path for path in self._aside.rglob("*") if path.is_file())
        try:
            targets = [_regular(self.path / path.relative_to(self._aside)) for path in written]
            for path, target in zip(written, targets, strict=True):
                _flush(path)
                target.parent.mkdir(parents=True, exist_ok=True)
            for path, target in zip(written, targets, strict=True):
                path.replace(target)
            for stale in self._discarded:
                stale.unlink(missing_ok=True)
            _flush_folder(self.path)
        except OSError as error:
            raise _refusal(self.path, error) from error


def _regular(path: Path) -> Path:
    """Follow links; refuse to replace a folder or a device."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise StoreError(f"Cannot write {path}: it is a folder. Name a file.")
    if target.exists() and not target.is_file():
        raise StoreError(f"Cannot write {path}: it is no regular file. Name another.")
    return target


def _refusal(path: str | Path, error: OSError) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if isinstance(error, NotADirectoryError | FileExistsError):
        places = (Path(path), *Path(path).parents)
        file = next((place for place in places if place.is_file()), path)
        return StoreError(f"Cannot write {path}: {file} is a file. Name a folder in its place.")
    reason = " ".join((error.strerror or str(error) or type(error).__name__).split())
    return StoreError(f"Cannot write {path}: {reason}.")


def _flush(path: Path) -> None:
    """Wait until a file is on the disk, lest a power cut leave the new name with no content."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    folder = os.open(path, os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(path: Path) -> None:
    """Remove what is left over; whatever went wrong before matters more."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
