"""Members of zip archives, read without unpacking them."""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from pathlib import Path
from threading import Lock
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from matcher.errors import DataError
from matcher.io.decoding import explain

# The directory of an open archive stays in memory, about 1 kB a member.
MAX_OPEN_ARCHIVES = 4


class Archive:
    """An open zip archive that many threads may read from.

    Attributes:
        names: Names of the members that are no folders, as the archive spells them.
    """

    def __init__(self, path: Path) -> None:
        self._zip = ZipFile(path)
        self._members = {info.filename: info for info in self._zip.infolist() if not info.is_dir()}
        self._lock = Lock()
        self.names = tuple(self._members)

    def read(self, name: str, max_bytes: int) -> bytes:
        """Return the content of one member.

        Raises:
            ValueError: If it is missing, encrypted, too large or packed in a rare way.
            BadZipFile: If it is damaged.
        """
        info = self._members.get(name)
        if info is None:
            raise ValueError("the archive has no such member")
        if info.flag_bits & 1:
            raise ValueError("it is encrypted")
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise ValueError("it is compressed otherwise than by deflate")
        if info.file_size > max_bytes:
            raise ValueError(f"it is larger than {max_bytes:,} bytes")
        # ZipFile counts its open members without a lock of its own.
        with self._lock, self._zip.open(info) as file:
            # A plain read() would unpack all there is before it looks at the declared size.
            return file.read(info.file_size + 1)


def open_archive(path: Path) -> Archive:
    """Open a zip archive; as long as the file stays the same, so does the object.

    Raises:
        DataError: If it is missing, not a zip archive, or damaged.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is not a regular file")
        # A forked process must not share the position in the file with its parent.
        return _open(path, found.st_mtime_ns, found.st_size, os.getpid())
    except Exception as error:  # zipfile raises a dozen types on damaged directories
        raise DataError(f"{path} cannot be read as a zip archive: {explain(error)}.") from error


@lru_cache(MAX_OPEN_ARCHIVES)
def _open(path: Path, changed_ns: int, n_bytes: int, process: int) -> Archive:
    """Open a zip archive; all arguments but the first only tell one state from another."""
    return Archive(path)
