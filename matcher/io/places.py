"""Where pictures lie: a folder or a zip archive, listed once and never opened file by file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from matcher.errors import DataError
from matcher.io.archives import open_archive
from matcher.types import ImageRef

# What archivers of macOS leave beside the folder that holds the pictures.
_NO_TOP = {"__MACOSX"}


class LeadsOutError(ValueError):
    """A name that does not lie below the folder, be it by ``..`` or through a link."""


class Place(Protocol):
    """A folder or an archive of pictures.

    Attributes:
        title: What to call it in messages.
        top: The only folder at its top; empty if there is none or more than one.
    """

    title: str
    top: str

    def find(self, name: str) -> ImageRef | None:
        """Return the file of this tidy name, or None.

        Raises:
            LeadsOutError: If it is a symbolic link that leads outside, or below one.
        """
        ...


class Folder:
    """A folder; each subfolder is listed when a name first asks for it."""

    def __init__(self, path: Path) -> None:
        self._path, self._root = path, os.path.realpath(path)
        self.title = f"{path.name or path}/"
        self._listed: dict[str, dict[str, bool]] = {}
        with os.scandir(path) as entries:
            folders = [entry.name for entry in entries if _is_folder(entry)]
        self.top = _only(name for name in folders if name not in _NO_TOP and name[0] != ".")

    def find(self, name: str) -> ImageRef | None:
        folder, _, file = name.rpartition("/")
        if folder not in self._listed:
            self._listed[folder] = self._list(folder)
        stays = self._listed[folder].get(file)
        if stays is None:
            return None
        if not stays:
            raise LeadsOutError(name)
        return ImageRef(self._path / name)

    def _list(self, folder: str) -> dict[str, bool]:
        """Files of a subfolder, and whether each lies inside when links are followed."""
        path = self._path / folder
        try:
            inside = self._holds(path)
            with os.scandir(path) as entries:
                return {
                    entry.name: inside and (not entry.is_symlink() or self._holds(entry.path))
                    for entry in entries
                    if not _is_folder(entry)
                }
        except (OSError, ValueError):  # no such folder, or a name no file system allows
            return {}

    def _holds(self, path: str | Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self._root)


class ZipFolder:
    """A zip archive."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.title = path.name
        spelled = ((tidy_name(member), member) for member in open_archive(path).names)
        self._members = {name: member for name, member in spelled if name}
        tops = {name.split("/", 1)[0] for name in self._members if "/" in name}
        self.top = _only(tops - _NO_TOP)

    def find(self, name: str) -> ImageRef | None:
        member = self._members.get(name)
        return None if member is None else ImageRef(self._path, member)


def open_place(source: Path) -> Place:
    """List a folder or a zip archive of pictures.

    Raises:
        DataError: If it does not exist, is neither of the two, or cannot be read.
    """
    try:
        if source.is_dir():
            return Folder(source)
        if source.is_file():
            return ZipFolder(source)
        found = source.exists()
    except OSError as error:
        raise DataError(f"The pictures in {source} cannot be listed: {error}.") from error
    state = "is neither a folder nor a zip archive" if found else "does not exist"
    raise DataError(f"{source} {state}; give the folder or zip archive that holds the pictures.")


def tidy_name(name: str) -> str | None:
    r"""Spell a relative path in one way; None if it is absolute or contains ``..``.

    Example:
        >>> tidy_name(r".\shirts\a.jpg")
        'shirts/a.jpg'
    """
    name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    absolute = name.startswith("/") or name[1:2] == ":"
    return None if absolute or ".." in parts else "/".join(parts)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _only(names: Iterable[str]) -> str:
    """Return the one name that there is, else nothing."""
    distinct = set(names)
    return distinct.pop() if len(distinct) == 1 else ""
