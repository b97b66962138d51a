"""What is answered when something is wrong: one kind of body for every error (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"
MAX_FAULTS = 20
_WRONG = "The request is not as described."
# Where pydantic's own message repeats what was sent.
_WITHOUT_VALUE = {"union_tag_invalid": "The kind is none of those that there are"}


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="Where in the request.", examples=["body.listings.0.box"])
    message: str = Field(description="What is wrong.", examples=["Field required"])


class Problem(BaseModel):
    """Why a request was refused; nothing of what was sent is repeated in it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "There is no such cluster.",
                    "request_id": "9f0c1b7e2a4d4c55",
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str = Field(description="Name of the status.")
    status: int = Field(description="HTTP status.", ge=400, le=599)
    detail: str = Field(description="What is wrong, and the way out.")
    request_id: str = Field(description="As in the log and in X-Request-ID.")
    errors: list[Fault] | None = Field(default=None, description="Of 422: all that is wrong.")
    now: list[int] | None = Field(
        default=None, description="Of 410: clusters that hold the listings now."
    )


class Refused(Exception):
    """A request that is answered with a problem.

    Args:
        status: HTTP status.
        detail: What is wrong, and the way out.
        headers: Of the answer.
        errors: Of 422: all that is wrong.
        now: Of 410: clusters that hold the listings now.
        counted_as: What refusals of this kind are called in the metrics.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: list[Fault] | None = None,
        now: list[int] | None = None,
        counted_as: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers = dict(headers or {})
        self.errors, self.now = errors, now
        self.counted_as = counted_as

    def body(self, request_id: str) -> bytes:
        """The problem as JSON."""
        return (
            Problem(
                title=HTTPStatus(self.status).phrase,
                status=self.status,
                detail=self.detail,
                request_id=request_id,
                errors=self.errors,
                now=self.now,
            )
            .model_dump_json(exclude_none=True)
            .encode()
        )


def busy(detail: str, seconds: int, counted_as: str | None = None) -> Refused:
    """Not now: the client is told when to come again."""
    headers = {"Retry-After": str(seconds)}
    return Refused(503, detail, headers=headers, counted_as=counted_as)


def wrong(where: str, message: str) -> Refused:
    """One thing is wrong with the request."""
    return Refused(422, _WRONG, errors=[Fault(where=where, message=message)])


def invalid(errors: Sequence[Mapping[str, Any]]) -> Refused:
    """What pydantic found wrong; values that were sent are not repeated."""
    return Refused(422, _WRONG, errors=[_fault(error) for error in errors[:MAX_FAULTS]])


def _fault(error: Mapping[str, Any]) -> Fault:
    loc = error["loc"]
    parts = loc if loc and loc[0] in ("body", "path", "query") else ("body", *loc)
    shown = ".".join(str(part) if _is_name(part) else "?" for part in parts)
    told = _WITHOUT_VALUE.get(error["type"]) or error["msg"]
    return Fault(where=shown, message=as_line(told))


def _is_name(part: int | str) -> bool:
    return isinstance(part, int) or (part.isascii() and part.isidentifier() and len(part) <= 40)


def as_line(told: object) -> str:
    """A message on one line, of bounded length, that any UTF-8 holds."""
    line = " ".join(str(told).split())[:200].rstrip(". ")
    return line.encode("utf-8", "replace").decode()
