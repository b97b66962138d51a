"""What a form carries, read within bounds and kept in memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from matcher.page.errors import PageError

MAX_FIELDS = 1000
# Above any number of a cluster or decision, below what a database can hold.
MAX_NUMBER = 2**53 - 1
READ_SECONDS = 30
_NUMBER = re.compile(r"[0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class Form:
    """Fields of a form.

    Attributes:
        fields: Values by name, in the order they came.
        files: Content of the files that were chosen, by name; empty files are left out.
    """

    fields: Mapping[str, list[str]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Value of a field, the last one if there are more; empty if there is none."""
        return self.fields.get(name, [""])[-1]

    def number(self, name: str) -> int:
        """Value of a field that holds a whole number of 0 or more.

        Raises:
            PageError: If it does not.
        """
        found = whole_number(self.text(name))
        if found is None:
            raise PageError(422, f"The field {name!r} needs a whole number of 0 or more.")
        return found

    def numbers(self, name: str) -> set[int]:
        """Whole numbers in all values of a field, with commas between; others are passed over."""
        texts = ",".join(self.fields.get(name, ())).split(",")
        found = (whole_number(text) for text in texts)
        return {number for number in found if number is not None}


def whole_number(text: str) -> int | None:
    """A whole number in 0..2**53 - 1; None if it is none."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    number = int(text)
    return number if number <= MAX_NUMBER else None


async def read_form(request: Request, max_bytes: int) -> Form:
    """Read a form.

    Raises:
        PageError: If it is too large, comes too slowly, or is no form.
    """
    body = await _read_body(request, max_bytes)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            return await _read_parts(request, body)
        if kind in ("application/x-www-form-urlencoded", ""):
            pairs = parse_qsl(
                body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
            )
            return Form(_gather(pairs))
    except (MultiPartException, ValueError, KeyError):
        raise PageError(400, "The form cannot be read.") from None
    raise PageError(415, "This page takes forms.")


async def _read_body(request: Request, max_bytes: int) -> bytes:
    too_large = PageError(413, f"What you send may have {max_bytes / 1e6:g} MB at most.")
    announced = whole_number(request.headers.get("content-length", "0"))
    if announced is None or announced > max_bytes:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > max_bytes:
                    raise too_large
                parts.append(part)
    except TimeoutError:
        close = {"Connection": "close"}
        raise PageError(408, "What you sent came too slowly.", close) from None
    except ClientDisconnect:
        raise PageError(400, "The connection was closed.") from None
    return b"".join(parts)


class _InMemory(MultiPartParser):
    """Never writes a file to the disk; the body is bounded already."""

    spool_max_size = 2**62


async def _read_parts(request: Request, body: bytes) -> Form:
    async def once() -> AsyncGenerator[bytes, None]:
        yield body

    form = await _InMemory(request.headers, once(), max_files=4, max_fields=MAX_FIELDS).parse()
    try:
        pairs: list[tuple[str, str]] = []
        files: dict[str, bytes] = {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                content = await value.read()
                files |= {name: content} if content else {}
            else:
                pairs.append((name, value))
        return Form(_gather(pairs), files)
    finally:
        await form.close()


def _gather(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields
