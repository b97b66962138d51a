"""What a client may send, piece by piece; unknown fields are refused."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from matcher.serve.settings import (
    MAX_EXTRA,
    MAX_EXTRA_CHARS,
    MAX_ID_CHARS,
    MAX_K,
    MAX_LISTINGS,
    MAX_NOTE_CHARS,
    MAX_SIDE,
    MAX_TITLE,
    MAX_WHO_CHARS,
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Above any cluster or decision that there will be, below what a database can hold.
MAX_NUMBER = 2**53 - 1


class Sent(BaseModel):
    """Base of what is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _clean(text: str) -> str:
    """Blank control characters as tables do; NUL and lone surrogates are refused."""
    if "\0" in text:
        raise ValueError("a text holds no NUL")
    check_unicode(text)
    return _CONTROL.sub(" ", text)


def check_unicode(text: str) -> str:
    """Refuse lone surrogates, which no UTF-8 can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text holds no lone surrogates") from None
    return text


def _check_part(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    if min(box[2:]) <= 0:
        raise ValueError("width and height are above 0")
    return box


Pixels = Annotated[float, Field(ge=-MAX_SIDE, le=MAX_SIDE, allow_inf_nan=False)]
Box = Annotated[
    tuple[Pixels, Pixels, Pixels, Pixels],
    Field(
        strict=False,
        description="The part of the picture that shows the product: x, y, width, height in "
        "pixels of the upright picture.",
        examples=[[10, 20, 200, 150]],
    ),
    AfterValidator(_check_part),
]
Title = Annotated[
    str,
    Field(max_length=MAX_TITLE, description="Text without NUL; control characters become blanks."),
    AfterValidator(_clean),
]
Id = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_ID_CHARS,
        pattern=r"^[^\s\x00-\x1f\x7f-\x9f]+$",
        description="Unique in the catalogue; no white space, no control characters.",
        examples=["shop-1"],
    ),
    AfterValidator(check_unicode),
]
Base64 = Annotated[
    str,
    Field(
        min_length=1,
        description="A JPEG, PNG, WebP, GIF, BMP or TIFF file as base64 (RFC 4648, with padding).",
        json_schema_extra={"contentEncoding": "base64"},
    ),
]
Count = Annotated[int, Field(ge=1, le=MAX_K, description="Candidates wanted.")]
Number = Annotated[int, Field(ge=0, le=MAX_NUMBER)]
Who = Annotated[str, Field(min_length=1, max_length=MAX_WHO_CHARS), AfterValidator(_clean)]
Note = Annotated[str, Field(max_length=MAX_NOTE_CHARS), AfterValidator(_clean)]
ExtraText = Annotated[str, Field(max_length=MAX_EXTRA_CHARS), AfterValidator(_clean)]
ExtraName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_clean)]

# A red square of 8 by 8 pixels.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFUlEQVR42mM8a2DCgA0wMeAAg1MCAPOHAUFBthKA"
    "AAAAAElFTkSuQmCC"
)


class MatchRequest(Sent):
    """A question: a title, a picture, or both."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "red mug 300 ml", "image": PIXEL, "k": 5}]}
    )

    title: Title = ""
    image: Base64 | None = None
    box: Box | None = None
    k: Count = 10


class NewListing(Sent):
    """A listing to be kept."""

    id: Id
    title: Title = ""
    image: Base64 | None = None
    box: Box | None = None
    extra: Annotated[
        dict[ExtraName, ExtraText],
        Field(
            max_length=MAX_EXTRA, description="Other columns, as text.", examples=[{"price": "3"}]
        ),
    ] = Field(default_factory=dict)


class AddRequest(Sent):
    """Listings to be kept; one whose id is there already takes its place."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "listings": [
                        {"id": "shop-1", "title": "red mug 300 ml", "image": PIXEL},
                        {"id": "shop-2", "title": "mug, red, 0.3 l", "extra": {"price": "3"}},
                    ]
                }
            ]
        }
    )

    listings: Annotated[tuple[NewListing, ...], Field(strict=False)] = Field(
        min_length=1, max_length=MAX_LISTINGS
    )


class Said(Sent):
    """Who says so, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"who": "ana", "note": "a typo"}]})

    who: Who | None = Field(default=None, description="A person; the name of the key if left out.")
    note: Note = ""


class Accept(Said):
    """All listings of a cluster are the same product."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "accept", "cluster": 1}]})

    kind: Literal["accept"]
    cluster: Number


class Reject(Said):
    """Two listings are different products."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "reject", "left": "shop-1", "right": "shop-2"}]}
    )

    kind: Literal["reject"]
    left: Id
    right: Id


class Split(Said):
    """Some listings of a cluster are another product, and the same as each other."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "split", "cluster": 1, "out": ["shop-2"]}]}
    )

    kind: Literal["split"]
    cluster: Number
    out: Annotated[tuple[Id, ...], Field(strict=False)] = Field(min_length=1, max_length=1000)


class Merge(Said):
    """All listings of several clusters are the same product."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "merge", "clusters": [1, 2]}]}
    )

    kind: Literal["merge"]
    clusters: Annotated[tuple[Number, ...], Field(strict=False)] = Field(
        min_length=2, max_length=100
    )


DecisionRequest = Annotated[Accept | Reject | Split | Merge, Field(discriminator="kind")]
