"""What the pages need of the service that they are part of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from starlette.requests import Request

from matcher.catalog import Candidate, Catalog
from matcher.page.errors import PageError

T = TypeVar("T")
Right = Literal["read", "review"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at the pages.

    Attributes:
        name: Who decides, as decisions keep it; empty where the visitor is asked for a name.
        rights: ``read`` shows search, clusters and figures; ``review`` shows and takes decisions.
        place: What the service calls the catalogue.
        catalog: The only one that the visitor sees.
    """

    name: str
    rights: frozenset[str]
    place: str
    catalog: Catalog


@dataclass(frozen=True, slots=True)
class Query:
    """What a visitor searches for: a title, a photo, or both.

    Attributes:
        title: Empty where there is none.
        photo: The whole file, unchecked; None where there is none.
        box: Part of the photo, as x, y, width, height in pixels of the upright photo.
        k: Candidates wanted.
    """

    title: str
    photo: bytes | None
    box: Box | None
    k: int


class Service(Protocol):
    """The service, as the pages see it."""

    @property
    def needs_key(self) -> bool:
        """Whether a visitor signs in with a key."""
        ...

    @property
    def max_body_bytes(self) -> int:
        """Most bytes of a request."""
        ...

    def check(self, request: Request) -> None:
        """Look at a request before anything else.

        Raises:
            PageError: If it must not be answered, as one from another site where no key is needed.
        """
        ...

    def admit(self, key: str) -> Visitor | None:
        """Who shows this key, empty where none is needed; None if nobody does.

        The time it takes says nothing of how close a wrong key comes.
        """
        ...

    async def ask(self, visitor: Visitor, query: Query) -> list[Candidate]:
        """Search the visitor's catalogue.

        Raises:
            PageError: If the photo cannot be read, or too many ask.
        """
        ...

    async def write(self, visitor: Visitor, change: Callable[[], T]) -> T:
        """Run something that changes the visitor's catalogue, after all that came before it."""
        ...

    def explain(self, error: Exception, request_id: str) -> PageError:
        """What to tell of an error that is no PageError; one that is a bug is logged."""
        ...
