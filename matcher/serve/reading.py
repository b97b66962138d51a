"""What was asked, from JSON or from a form."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from email.message import Message
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from matcher.serve.pictures import from_base64
from matcher.serve.problems import Refused, as_line, invalid, wrong
from matcher.serve.values import MatchRequest


def read_json(body: bytes) -> tuple[MatchRequest, bytes | None]:
    """What was asked, and the bytes of the picture.

    Raises:
        Refused: If it is not as described.
    """
    asked = _check(body, json_text=True)
    return asked, None if asked.image is None else from_base64(asked.image, "body.image")


async def read_form(request: Request) -> tuple[MatchRequest, bytes | None]:
    """The same from a form; files stay in memory.

    Raises:
        Refused: If it is not as described.
    """
    try:
        parser = _InMemory(request.headers, _once(await request.body()), max_files=1, max_fields=8)
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Refused(400, f"The form cannot be read: {as_line(error)}.") from None
    try:
        fields, file = _sort(form.multi_items())
        content = None if file is None else await file.read()
    finally:
        await form.close()
    return _check(fields, json_text=False), content


def _sort(
    items: Iterable[tuple[str, UploadFile | str]],
) -> tuple[dict[str, Any], UploadFile | None]:
    """Fields by name, and the file."""
    fields: dict[str, Any] = {}
    file = None
    for name, value in items:
        if name in fields:
            raise wrong("body", "A field comes twice")
        if isinstance(value, UploadFile) != (name == "image"):
            raise wrong(
                "body", "Send the image as a file, with a filename, and nothing else as one"
            )
        if isinstance(value, UploadFile):
            file = value
        else:
            fields[name] = _from_text(name, value)
    return fields, file


class _InMemory(MultiPartParser):
    """Never writes a file to the disk, however large; the body is bounded already."""

    spool_max_size = 2**62


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def _from_text(name: str, value: str) -> Any:
    """Numbers of a form, as far as they are some; what is not is told of with the rest."""
    try:
        if name == "k":
            return int(value) if len(value) < 10 else value
        if name == "box":
            return [float(part) for part in value.split(",")]
    except ValueError:
        return value
    return value


def _check(sent: Any, json_text: bool) -> MatchRequest:
    try:
        if json_text:
            return MatchRequest.model_validate_json(sent)
        return MatchRequest.model_validate(sent)
    except ValidationError as error:
        raise invalid(error.errors()) from None


def content_type(header: str) -> str:
    """Kind of content that a header names, in small letters."""
    message = Message()
    message["content-type"] = header or "none/none"
    return message.get_content_type()
