"""The encoders of a catalogue: fitted once, kept, and the same ever after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from matcher.config import RunConfig
from matcher.errors import BackendError, DataError, StoreError
from matcher.io.cache_place import caching
from matcher.jobs.encoding import encode_table
from matcher.jobs.steps import NOTHING_TO_HASH, NOTHING_TO_READ, by_reason
from matcher.protocols import Encoder
from matcher.search import describe, kind_of
from matcher.store import KeptEncoder
from matcher.store.records import VectorKind
from matcher.types import Embeddings, Encoded, Hashes, Listings

NOBODY = Listings((), (), ())
KINDS: Mapping[str, VectorKind] = {
    "dense vectors": "dense",
    "sparse vectors": "sparse",
    "hashes": "hash",
}


class Encoders:
    """Encoders by modality; each is loaded when it is first needed. Threads may share them.

    Args:
        config: Names and settings of the encoders.
        kept: What the store keeps of each.
        made: Those that are loaded already.
    """

    def __init__(
        self,
        config: RunConfig,
        kept: Sequence[KeptEncoder],
        made: Mapping[str, Encoder] | None = None,
    ) -> None:
        self.config, self.kept = config, tuple(kept)
        self._made = dict(made or {})
        self._loading = RLock()

    def get(self, kept: KeptEncoder) -> Encoder:
        """The encoder that this record is of.

        Raises:
            BackendError: If weights or a library are missing.
            StoreError: If it is another now than the one that the catalogue was made with.
        """
        with self._loading:
            if kept.name not in self._made:
                self._made[kept.name] = self._load(kept)
            return self._made[kept.name]

    def load_all(self) -> None:
        """Load all encoders, or say what is wrong with one; see ``get``."""
        for kept in self.kept:
            self.get(kept)

    def terms(self, kept: KeptEncoder) -> tuple[str, ...]:
        """The word of each dimension; only sparse vectors have any."""
        if kept.kind != "sparse":
            return ()
        terms: tuple[str, ...] = getattr(self.get(kept), "terms", ())
        return terms

    def encode(
        self, listings: Listings, cache: bool = True, given: Mapping[str, Encoded] | None = None
    ) -> dict[str, Encoded]:
        """Encode listings in every modality.

        Args:
            listings: Rows to encode.
            cache: Whether vectors of earlier runs may be taken, and new ones kept.
            given: Vectors that are there already, by modality.

        Raises:
            StoreError: If vectors given, or an encoder, are not those of this catalogue.
        """
        given = {} if given is None else given
        self.check(given, len(listings))
        encoded: dict[str, Encoded] = {}
        with caching(self.config.cache and cache):
            for kept in self.kept:
                found = given.get(kept.name)
                if found is None:
                    found = encode_table(self.get(kept), listings, kept.name, cache).encoded
                encoded[kept.name] = canonical(found, self.terms(kept))
        return encoded

    def _load(self, kept: KeptEncoder) -> Encoder:
        spec: Any = self.config.encoders[kept.name].make()
        learns = hasattr(spec, "restore")
        encoder: Encoder = spec.restore(kept.state) if learns else spec.fit(NOBODY)
        source = encoder.encode(NOBODY).source
        if source != kept.fingerprint:
            raise StoreError(
                f"The catalogue was made with the encoder {kept.name!r} of the fingerprint "
                f"{kept.fingerprint}, and here it is {source}: other weights, precision or "
                "preprocessing. Vectors of the two are never mixed. Use the weights and the "
                "machine that it was made with, or 'matcher catalog rebuild'."
            )
        return encoder

    def check(self, given: Mapping[str, Encoded], n: int) -> None:
        """Refuse vectors that are not of these encoders and ``n`` listings."""
        known = {kept.name: kept for kept in self.kept}
        for name, encoded in given.items():
            if name not in known:
                raise DataError(
                    f"The catalogue has no modality {name!r}. It has: {', '.join(known)}."
                )
            if len(encoded) != n:
                raise DataError(
                    f"Vectors of {name!r} are one per listing, {n}. Received: {len(encoded)}."
                )
            kept = known[name]
            of_kind = KINDS[kind_of(encoded)] == kept.kind and width_of(encoded) == kept.width
            if encoded.source != kept.fingerprint or not of_kind:
                raise StoreError(
                    f"Vectors of different encoders are never mixed. The catalogue has {name!r} "
                    f"with the fingerprint {kept.fingerprint}, {kept.kind} of width {kept.width}. "
                    f"Received: {describe(encoded)}."
                )


@dataclass(frozen=True, slots=True)
class Fitted:
    """What fitting gave.

    Attributes:
        kept: Record of each encoder that runs.
        encoders: Those encoders.
        encoded: The listings that they were fitted on, by modality.
        left_out: By modality that does not run: why.
    """

    kept: tuple[KeptEncoder, ...]
    encoders: Mapping[str, Encoder]
    encoded: Mapping[str, Encoded]
    left_out: Mapping[str, str]


def fit(
    config: RunConfig, listings: Listings, given: Mapping[str, Encoded] | None = None
) -> Fitted:
    """Fit every encoder that can run, and encode the listings but for what is given.

    Raises:
        BackendError: If none can.
    """
    given = {} if given is None else given
    kept: list[KeptEncoder] = []
    encoders: dict[str, Encoder] = {}
    encoded: dict[str, Encoded] = {}
    left_out: dict[str, str] = {}
    for name, modality in config.encoders.items():
        try:
            encoder, rows = _fit_one(config, name, listings, given.get(name))
        except BackendError as error:
            left_out[name] = str(error)
            continue
        encoded[name] = rows
        kept.append(_record(name, encoder))
        encoders[name] = _forgetful(modality.make(), encoder, kept[-1])
    if not kept:
        told = "; ".join(f"{names}: {why.rstrip('.')}" for names, why in by_reason(left_out))
        raise BackendError(f"None of the encoders could run: {told}.")
    return Fitted(tuple(kept), encoders, encoded, left_out)


def _fit_one(
    config: RunConfig, name: str, listings: Listings, given: Encoded | None
) -> tuple[Encoder, Encoded]:
    spec: Any = config.encoders[name].make()
    reads = getattr(spec, "reads", None)
    if given is None and reads is not None and not reads(listings):
        raise BackendError(NOTHING_TO_READ)
    with caching(config.cache):
        encoder: Encoder = spec.fit(listings)
        rows = encode_table(encoder, listings, name).encoded if given is None else given
    if not rows.present.any():
        raise BackendError(NOTHING_TO_HASH if isinstance(rows, Hashes) else NOTHING_TO_READ)
    return encoder, canonical(rows, getattr(encoder, "terms", ()))


def _record(name: str, encoder: Any) -> KeptEncoder:
    state = encoder.state() if hasattr(encoder, "state") else b""
    nothing = encoder.encode(NOBODY)
    kind, width = KINDS[kind_of(nothing)], width_of(nothing)
    return KeptEncoder(name, nothing.source, kind, width, state=state)


def _forgetful(spec: Any, encoder: Encoder, kept: KeptEncoder) -> Encoder:
    """The encoder without the listings that it was fitted on, which it may hold on to."""
    if not hasattr(spec, "restore"):
        return encoder
    restored: Encoder = spec.restore(kept.state)
    return restored


def width_of(encoded: Encoded) -> int:
    """Number of dimensions; 64 for hashes."""
    return 64 if isinstance(encoded, Hashes) else int(encoded.vectors.shape[1])


def canonical(encoded: Encoded, terms: tuple[str, ...] = ()) -> Encoded:
    """The same as it comes back from a store: sorted, without zeros, absent hashes 0."""
    if isinstance(encoded, Hashes):
        codes = np.where(encoded.present, encoded.codes, np.uint64(0))
        return Hashes(codes, encoded.present, encoded.source, encoded.problems)
    vectors = encoded.vectors
    if isinstance(vectors, np.ndarray):
        return encoded
    ordered = csr_array(vectors, copy=True)
    ordered.sum_duplicates()
    ordered.eliminate_zeros()
    return Embeddings(ordered, encoded.source, encoded.problems, terms)
