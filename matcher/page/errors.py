"""What a visitor is told when something cannot be done."""

from __future__ import annotations

from collections.abc import Mapping


class PageError(Exception):
    """A request that is answered with a page that says why.

    Args:
        status: HTTP status.
        detail: What is wrong, and the way out; whole sentences.
        headers: Of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})
