"""Who may ask what: keys by their SHA-256, each opening one catalogue."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from matcher.errors import ConfigError
from matcher.io.yaml_text import parse_yaml
from matcher.settings import Settings
from matcher.store import is_address

Right = Literal["read", "write", "review"]
RIGHTS: tuple[Right, ...] = ("read", "write", "review")

_N_BYTES = 32  # of a new key
_DIGEST = "[0-9a-f]{64}"


class KeyEntry(Settings):
    """One key, as a file of keys names it.

    Attributes:
        name: What to call its holder, in logs and as who decided.
        sha256: Of the key, in hexadecimal digits; the key itself is written down nowhere.
        catalog: The catalogue it opens: a folder, from the file of keys on, or an address; None
            for the one that the service was started with.
        rights: ``read`` asks, ``write`` adds and removes listings, ``review`` decides.
        rate: Requests a second of this key, in place of the service's.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[\w.@-]{1,64}$")]
    sha256: Annotated[str, StringConstraints(pattern=f"^{_DIGEST}$")]
    catalog: str | None = Field(default=None, min_length=1)
    rights: tuple[Right, ...] = ("read",)
    rate: float | None = Field(default=None, gt=0)


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was shown and found.

    Attributes:
        name: Of its holder.
        digest: SHA-256 of the key.
        place: Catalogue that it opens.
        rights: What it may do there.
        rate: Requests a second; None for the service's own.
    """

    name: str
    digest: bytes
    place: str
    rights: frozenset[str]
    rate: float | None = None


class Keys:
    """All keys of a service.

    Args:
        keys: Those there are; none where everybody on this machine may do everything.
        place: The catalogue that is open to everybody, where there are no keys.
    """

    def __init__(self, keys: Sequence[Key] = (), place: str | None = None) -> None:
        self._keys = tuple(keys)
        self.open = None if keys or place is None else Key("local", b"", place, frozenset(RIGHTS))

    @property
    def places(self) -> tuple[str, ...]:
        """Catalogues that are opened, each once."""
        every = (*self._keys, *([self.open] if self.open else []))
        return tuple(dict.fromkeys(key.place for key in every))

    def find(self, shown: str) -> Key | None:
        """The key of that text, or None; the time it takes says nothing of how close it came."""
        digest = sha256(shown.encode("utf-8", "surrogatepass")).digest()
        found: Key | None = None
        for key in self._keys:  # all of them, whichever it is
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


def read_keys(path: Path, place: str | None = None) -> Keys:
    """Read a file of keys.

    Args:
        path: YAML: ``keys``, a list of ``name``, ``sha256``, ``catalog`` and ``rights``.
        place: Catalogue of the keys that name none.

    Raises:
        ConfigError: If it cannot be read, a setting is wrong, a key comes twice, or one opens
            no catalogue.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}. Give a file of keys.") from error
    entries = _read_entries(parse_yaml(text, str(path)), path)
    for what in ("name", "sha256"):
        values = [getattr(entry, what) for entry in entries]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ConfigError(f"{path}: {what} {twice!r} is given to two keys. Make another.")
    return Keys([_resolve(entry, path, place) for entry in entries])


def _read_entries(table: Mapping[str, Any], path: Path) -> list[KeyEntry]:
    """The keys of a file; what stands where a digest should is not repeated: it may be a key."""
    listed = table.get("keys")
    if set(table) != {"keys"} or not isinstance(listed, list) or not listed:
        raise ConfigError(f"{path} must hold 'keys', a list of one or more, and nothing else.")
    entries = []
    for number, given in enumerate(listed, 1):
        where = f"{path}, key {number}"
        if not isinstance(given, dict):
            raise ConfigError(f"{where} must hold name, sha256, catalog and rights.")
        if not re.fullmatch(_DIGEST, str(given.get("sha256"))):
            raise ConfigError(f"{where}: sha256 has 64 digits, 0-9 and a-f, in quotes.")
        entries.append(KeyEntry.read(given, where))
    return entries


def _resolve(entry: KeyEntry, path: Path, place: str | None) -> Key:
    where = entry.catalog
    if where is None and place is None:
        raise ConfigError(
            f"{path}: key {entry.name!r} opens no catalogue. Give it catalog:, or name one on the "
            "command line."
        )
    where = canonical(str(place)) if where is None else canonical(where, path.parent)
    digest = bytes.fromhex(entry.sha256)
    return Key(entry.name, digest, where, frozenset(entry.rights), entry.rate)


def canonical(place: str, folder: Path | None = None) -> str:
    """One spelling of each place: addresses as they are, folders absolute, from ``folder`` on."""
    return place if is_address(place) else str(((folder or Path()) / place).resolve())


def make_key() -> tuple[str, str]:
    """A new key that nobody can guess, and its SHA-256 in hexadecimal digits."""
    key = token_urlsafe(_N_BYTES)
    return key, sha256(key.encode()).hexdigest()


def key_lines(name: str, digest: str, catalog: str | None, rights: Sequence[str]) -> str:
    """What to put into a file of keys, below ``keys:``.

    Raises:
        ConfigError: If the name or a right is not allowed.
    """
    import yaml

    given = {"name": name, "sha256": digest, "rights": list(rights)}
    given |= {"catalog": catalog} if catalog is not None else {}
    entry = KeyEntry.read(given, "the new key").model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump([entry], sort_keys=False, allow_unicode=True)
