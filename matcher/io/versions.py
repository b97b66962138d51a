"""What decides an outcome beside settings and content: versions of libraries, and our own code."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of those libraries that are installed, in the order of their names as given."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def digest_of_code(*patterns: str) -> str:
    """Hash files of this package: 64 hex digits.

    Args:
        *patterns: Which, as ``Path.glob`` takes them, below the package's folder.
    """
    digest = sha256()
    for path in sorted({path for pattern in patterns for path in PACKAGE.glob(pattern)}):
        name = path.relative_to(PACKAGE).as_posix()
        digest.update(f"{name}\0".encode() + sha256(path.read_bytes()).digest())
    return digest.hexdigest()
