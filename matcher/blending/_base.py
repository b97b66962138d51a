"""What all blendings share: what is read, what is written, and how its origin is told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from matcher.blending._mixtures import Mixture
from matcher.errors import DataError
from matcher.settings import Settings
from matcher.types import Embeddings, Encoded

SEARCHED = {"into", "candidates", "min_score"}  # what these say changes no vector


def as_tuple(value: object) -> object:
    """Read one value as a tuple of one, so that both may stand in a config."""
    return value if isinstance(value, list | tuple) else (value,)


class BlendingSettings(Settings):
    """Settings that every blending has.

    Hashes are read as vectors of 64 dimensions, each -1/8 or 1/8: their scores are the same, and
    what is written is vectors. A modality that did not run is passed over. A listing that lacks a
    modality goes on lacking it, unless a blending says otherwise.

    Attributes:
        of: Modality, or modalities, that are read.
        into: Modality that is written; by default each one read is replaced.
        candidates: Whether neighbours in ``into`` become candidate pairs. Like ``min_score`` it
            is about a new modality: one that is replaced keeps its own.
        min_score: Lowest score of such a candidate, in [-1, 1].
    """

    joins: ClassVar[bool] = True  # whether several modalities can be written as one

    of: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    into: str | None = Field(None, pattern=r"^[A-Za-z][\w-]*$")
    candidates: bool = True
    min_score: float = Field(0.3, ge=-1, le=1)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        twice = next((name for name in self.of if self.of.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"of names the modality {twice!r} more than once")
        if self.into is not None and len(self.of) > 1 and not self.joins:
            raise ValueError(
                f"{self.method} writes each modality by itself, so into goes with a single one. "
                f"Received: of {', '.join(self.of)}"
            )
        return self

    @property
    def method(self) -> str:
        """Name of the file that the blending is defined in."""
        return type(self).__module__.rsplit(".", 1)[-1]

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities that are read."""
        return self.of

    @property
    def written(self) -> tuple[str, ...]:
        """Names of the modalities that are written."""
        return self.of if self.into is None else (self.into,)

    def restricted(self, names: Sequence[str]) -> Self | None:
        """The same blending of those of its modalities that ``names`` has.

        Returns:
            None where there is nothing left to blend, or it lacks what it goes by.
        """
        of = tuple(name for name in self.of if name in names)
        needed = [name for name in self.modalities if name not in self.of]
        if not of or any(name not in names for name in needed):
            return None
        return self.model_copy(update={"of": of})

    def blend(self, *tables: Mapping[str, Encoded]) -> tuple[dict[str, Encoded], ...]:
        """Change the vectors of one table, or of queries and the gallery they are searched in.

        Args:
            *tables: By modality, the listings of one table; or those of the queries, then those
                of the gallery. The gallery's vectors never depend on the queries.

        Returns:
            As many tables, with the modalities that were not written as they were.

        Raises:
            DataError: If there are neither one nor two tables.
        """
        if not 1 <= len(tables) <= 2:
            raise DataError(
                "A blending takes one table, or queries and their gallery. "
                f"Received: {len(tables)} tables."
            )
        names = tuple(name for name in self.of if all(name in table for table in tables))
        written = self._write(names, tables) if names else [{} for _ in tables]
        return tuple({**table, **new} for table, new in zip(tables, written, strict=True))

    def _write(
        self, names: tuple[str, ...], tables: Sequence[Mapping[str, Encoded]]
    ) -> list[dict[str, Encoded]]:
        """What is new in each table; ``names`` are the modalities that ran, at least one."""
        raise NotImplementedError

    def _named(self, names: tuple[str, ...], parts: Sequence[Embeddings]) -> dict[str, Encoded]:
        """Blended vectors under the names they are written to, their origin extended."""
        targets = names if self.into is None else (self.into,)
        mark = self._mark(names)
        return {
            name: Embeddings(part.vectors, f"{part.source}+{mark}", part.problems, part.terms)
            for name, part in zip(targets, parts, strict=True)
        }

    def _mark(self, names: tuple[str, ...]) -> str:
        """Method, and a digest of the settings and of the modalities that ran."""
        told = str((names, sorted(self.model_dump(exclude=SEARCHED).items())))
        return f"{self.method}:{hashlib.sha256(told.encode()).hexdigest()[:8]}"


class MixtureBlending(BlendingSettings):
    """Settings of blendings that look at several modalities as one.

    Attributes:
        weights: By modality, how much it counts in the whole: its vectors are multiplied with
            it before they stand side by side. 1 where none is given.
    """

    weights: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        for name in self.weights:
            if name not in self.of:
                raise ValueError(
                    f"weights names the modality {name!r}, which of does not. "
                    f"Received: of {', '.join(self.of)}"
                )
        return self

    def restricted(self, names: Sequence[str]) -> Self | None:
        """The same blending of those of its modalities that ``names`` has; see the base class."""
        kept = super().restricted(names)
        if kept is None:
            return None
        weights = {name: weight for name, weight in self.weights.items() if name in kept.of}
        return kept.model_copy(update={"weights": weights})

    def _write(
        self, names: tuple[str, ...], tables: Sequence[Mapping[str, Encoded]]
    ) -> list[dict[str, Encoded]]:
        weights = [self.weights.get(name, 1.0) for name in names]
        mixtures = [Mixture.of([table[name] for name in names], weights) for table in tables]
        blended = self._blended(mixtures)
        if self.into is None:
            return [self._named(names, mixture.parts) for mixture in blended]
        return [self._named(names, [mixture.joined()]) for mixture in blended]

    def _blended(self, tables: list[Mixture]) -> list[Mixture]:
        """The mixture of each table, changed."""
        raise NotImplementedError
