"""What a store takes and gives: columns, so that a hundred thousand listings are few objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from matcher.errors import StoreError
from matcher.types import Float32, Hashes, Int64, UInt64

VectorKind = Literal["dense", "sparse", "hash"]
Precision = Literal["float32", "float16"]
EventKind = Literal["created", "joined", "merged", "split", "ended"]
DecisionKind = Literal["accept", "reject", "split", "merge", "undo"]
EVENT_KINDS: tuple[str, ...] = get_args(EventKind)
DECISION_KINDS: tuple[str, ...] = get_args(DecisionKind)

Float16: TypeAlias = NDArray[np.float16]
Values: TypeAlias = Float32 | Float16 | UInt64 | csr_array
Pairs: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class KeptEncoder:
    """An encoder as it was fitted when the store was made.

    Attributes:
        name: Unique within a store.
        fingerprint: Of all that decides what it gives: weights, settings, preprocessing.
        kind: ``"dense"``, ``"sparse"`` or ``"hash"`` (64 bits).
        width: Number of dimensions; 64 for hashes.
        precision: Of dense vectors, as they are kept and given back.
        state: What it learnt, in whatever bytes its owner reads back; never unpickled here.
    """

    name: str
    fingerprint: str
    kind: VectorKind
    width: int
    precision: Precision = "float32"
    state: bytes = b""

    def __post_init__(self) -> None:
        if self.kind not in get_args(VectorKind) or self.precision not in get_args(Precision):
            raise StoreError(
                f"An encoder gives {', '.join(get_args(VectorKind))} vectors in "
                f"{' or '.join(get_args(Precision))}. Received: {self.kind!r}, {self.precision!r}."
            )
        if self.width < 1 or (self.kind == "hash" and self.width != 64):
            raise StoreError(
                "Vectors have one dimension or more, and hashes 64 bits. "
                f"Received: width={self.width} for {self.kind!r}."
            )


@dataclass(frozen=True, slots=True)
class About:
    """What a store holds, set once when it is made.

    Attributes:
        config: The settings that it was made with, as text.
        encoders: Each with a name of its own.
        created: When it was made, in UTC.
        schema: Version of the tables; a store is made with the newest, whatever is given.
        first: Number of the first encoder, 0 in a new store; it rises when encoders are replaced.
    """

    config: str
    encoders: tuple[KeptEncoder, ...] = ()
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    schema: int = 0
    first: int = 0

    def __post_init__(self) -> None:
        names = [encoder.name for encoder in self.encoders]
        if len(set(names)) < len(names):
            raise StoreError(f"Encoders must have names of their own. Received: {names}.")

    def find(self, name: str) -> tuple[int, KeptEncoder]:
        """Number and record of the encoder of that name.

        Raises:
            StoreError: If there is none.
        """
        for number, encoder in enumerate(self.encoders, self.first):
            if encoder.name == name:
                return number, encoder
        known = ", ".join(repr(encoder.name) for encoder in self.encoders) or "none"
        raise StoreError(f"The store has no encoder {name!r}. Those it has: {known}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingColumns:
    """Listings to be kept, column by column; None for a column that has nothing.

    Attributes:
        ids: Of at most 2,000 bytes in UTF-8; unique among the listings kept.
        titles: Any text, NUL included, but for lone surrogates.
        digests: Of the content of each listing, to know it again.
        images: Reference text of each picture, or None.
        phashes: Hashes that came with the listings.
        boxes: Part of the picture that shows the product, x, y, width, height in pixels,
            shape ``(n, 4)``; a row of NaN is the whole picture.
        extra: Other columns, a JSON object as text for each listing.
    """

    ids: Sequence[str]
    titles: Sequence[str]
    digests: Sequence[str]
    images: Sequence[str | None] | None = None
    phashes: Hashes | None = None
    boxes: Float32 | None = None
    extra: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptListings(ListingColumns):
    """Listings as they are kept; no column is None.

    Attributes:
        rows: Row of each; a row is given once and never again, shape ``(n,)``.
        revisions: The write that added each, shape ``(n,)``.
    """

    rows: Int64
    revisions: Int64


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of one encoder.

    Attributes:
        rows: Row of the listing of each vector, shape ``(n,)``.
        values: float32 or float16 of shape ``(n, width)``; CSR float32 of that shape; or
            uint64 of shape ``(n,)``.
    """

    rows: Int64
    values: Values


@dataclass(frozen=True, slots=True)
class Edges:
    """Scored pairs of listings, each once.

    Attributes:
        left: The lower row of each pair, shape ``(m,)``.
        right: The higher row, shape ``(m,)``.
        scores: Fused similarity, higher is closer, float32, shape ``(m,)``.
    """

    left: Int64
    right: Int64
    scores: Float32

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True, slots=True)
class Members:
    """Which listing is in which cluster.

    Attributes:
        rows: Shape ``(n,)``.
        clusters: Id of the cluster of each row, shape ``(n,)``.
    """

    rows: Int64
    clusters: Int64


@dataclass(frozen=True, slots=True)
class ClusterSpans:
    """When clusters were made and ended.

    Attributes:
        ids: Ascending; an id is given once and never again, shape ``(n,)``.
        made: Revision that made each, shape ``(n,)``.
        ended: Revision that ended each; 0 while it lives, shape ``(n,)``.
    """

    ids: Int64
    made: Int64
    ended: Int64


@dataclass(frozen=True, slots=True)
class Events:
    """What happened to clusters, oldest first.

    Attributes:
        revisions: The write that each belongs to, shape ``(n,)``.
        times: When that was, in UTC.
        kinds: ``"created"``, ``"joined"``, ``"merged"``, ``"split"`` or ``"ended"``.
        clusters: The cluster concerned, shape ``(n,)``.
        others: The other clusters, or the rows that joined; what they mean is for the writer.
    """

    revisions: Int64
    times: tuple[datetime, ...]
    kinds: tuple[str, ...]
    clusters: Int64
    others: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.kinds)


@dataclass(frozen=True, slots=True)
class Removed:
    """Listings that were removed, oldest first.

    Attributes:
        ids: All that stays of each.
        revisions: The write that removed each, shape ``(n,)``.
    """

    ids: tuple[str, ...]
    revisions: Int64


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided; kept for ever, even when it is undone.

    Attributes:
        who: The person.
        when: With a time zone.
        kind: ``"accept"``, ``"reject"``, ``"split"``, ``"merge"`` or ``"undo"``.
        model: Fingerprint of what had proposed it.
        same: Pairs of listing ids that must be together from now on.
        different: Pairs of listing ids that must be apart.
        undoes: Number of the decision that an undo takes back.
        note: Free text.
        number: Given by the store; 0 before.
    """

    who: str
    when: datetime
    kind: DecisionKind
    model: str = ""
    same: Pairs = ()
    different: Pairs = ()
    undoes: int | None = None
    note: str = ""
    number: int = 0

    def __post_init__(self) -> None:
        if self.kind not in DECISION_KINDS or (self.kind == "undo") != (self.undoes is not None):
            raise StoreError(
                f"A decision is one of {', '.join(DECISION_KINDS)}, and an undo alone says what "
                f"it undoes. Received: {self.kind!r}, undoes={self.undoes}."
            )
        if self.when.tzinfo is None:
            raise StoreError(
                f"A decision's time needs a time zone. Received: {self.when}. "
                "Pass datetime.now(UTC)."
            )


def undone(decisions: Sequence[Decision]) -> set[int]:
    """Numbers of the decisions that are undone, of all decisions, oldest first.

    An undo may be undone itself; then what it had undone holds again.
    """
    numbers: set[int] = set()
    for decision in reversed(decisions):
        if decision.undoes is not None and decision.number not in numbers:
            numbers.add(decision.undoes)
    return numbers
