"""Accept a pair that a model trained on labelled pairs takes for one product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, model_validator

from matcher.errors import ConfigError, DataError
from matcher.fusion._base import ContextualFusion, known, unbound, vetoed
from matcher.fusion._features import PairFeatures
from matcher.fusion._reliability import Reliability
from matcher.fusion._trees import Trees
from matcher.settings import suggest
from matcher.types import Encoded, Float32, Float64, ScoredPairs

BLOCK = 100_000  # pairs whose features are in memory together


@dataclass(frozen=True, slots=True, eq=False)
class PairModel:
    """Trees over the features of a pair, and how their sum becomes a probability.

    Attributes:
        trees: The sum of their leaves is a log-odds.
        features: Names of the columns they were trained on.
        slope: Of the calibration ``p = 1 / (1 + exp(-(slope * sum + offset)))`` (Platt 1999).
        offset: Likewise.
        reliability: How far its probabilities are true of pairs it was not trained on; None
            where that is not known.

    Raises:
        DataError: If it was trained on another number of features than have names, or the
            calibration does not rise.
    """

    trees: Trees
    features: tuple[str, ...]
    slope: float
    offset: float
    reliability: Reliability | None = None

    def __post_init__(self) -> None:
        if len(self.features) != self.trees.n_features:
            raise DataError(
                f"A pair model has a name for each of its features. Received: {len(self.features)} "
                f"names for {self.trees.n_features} features. Train it again."
            )
        if not (np.isfinite([self.slope, self.offset]).all() and self.slope > 0):
            raise DataError(
                "The calibration of a pair model has a slope above 0 and a finite offset. "
                f"Received: {self.slope} and {self.offset}. Train it again."
            )

    def probability(self, raw: Float64) -> Float32:
        """Calibrated probability that belongs to a sum of trees."""
        z = np.clip(self.slope * raw + self.offset, -30, 30)
        return np.asarray(1 / (1 + np.exp(-z)), np.float32)

    def plain(self) -> dict[str, Any]:
        """All but the trees, as values that JSON can hold."""
        told = None if self.reliability is None else self.reliability.plain()
        own = {"slope": self.slope, "offset": self.offset, "reliability": told}
        return {"features": list(self.features), **own}

    @classmethod
    def of(cls, plain: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> PairModel:
        """Build from what ``plain`` and ``trees.tensors`` gave.

        Raises:
            DataError: If something is missing, or makes no sense.
        """
        names, told = plain.get("features"), plain.get("reliability")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(f"A pair model names its features in a list. Received: {names!r}.")
        try:
            slope, offset = float(plain["slope"]), float(plain["offset"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                "A pair model has the numbers slope and offset. Received: "
                f"{plain.get('slope')!r} and {plain.get('offset')!r}."
            ) from error
        reliability = None if told is None else Reliability.of(told)
        return cls(Trees.of(tensors, len(names)), tuple(names), slope, offset, reliability)


class PairsFusion(ContextualFusion):
    """Pair model: boosted trees on what is known of a pair and its neighbourhood.

    They look at the scores of all modalities; at the ranks of each listing among the other's
    candidates, both ways; at how close and how many those candidates are; at percentiles; at the
    terms that both titles share and that only one of them has, and their number and rarity; at
    how many listings share a hash; and at the candidates in common. The fused score is a
    calibrated probability: of the pairs that score 0.8, about eight in ten are one product.

    ``matcher tune`` trains it and writes it beside the config.

    Attributes:
        scores: Modalities whose scores it looks at.
        ranks: Those of them whose lists of candidates it looks at as well; None for all.
        terms: Those of them whose terms it looks at as well, where they have any; None for all.
        model: Folder of the trained model; relative to the config's own folder.
        learner: Trainer of the trees: scikit-learn's histogram gradient boosting, or LightGBM
            (the extra ``lightgbm``).
        trees: Number of trees.
        leaves: Most leaves of a tree.
        learning_rate: How much of each tree's correction is taken, in (0, 1].

    Source:
        Gradient boosting on pairs of candidates, as in the leading solutions of Kaggle "Shopee
        - Price Match Guarantee", 2021; Friedman, "Greedy function approximation", 2001.
    """

    scores: tuple[str, ...] = Field(min_length=1)
    ranks: tuple[str, ...] | None = None
    terms: tuple[str, ...] | None = None
    model: str | None = None
    learner: Literal["hist_gradient_boosting", "lightgbm"] = "hist_gradient_boosting"
    trees: int = Field(100, ge=1, le=5000)
    leaves: int = Field(15, ge=2, le=1024)
    learning_rate: float = Field(0.1, gt=0, le=1)
    _trained: PairModel | None = PrivateAttr(None)
    _features: PairFeatures | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _ranks_and_terms_are_of_scores(self) -> Self:
        for name in (*(self.ranks or ()), *(self.terms or ())):
            if name not in self.scores:
                raise ValueError(
                    f"ranks and terms name modalities of scores, and {name!r} is none."
                    f"{suggest(name, list(self.scores))}"
                )
        return self

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities it reads."""
        return (*self.scores, *(name for name in self.vetoes if name not in self.scores))

    @property
    def trained(self) -> PairModel | None:
        """The trained model, where there is one."""
        return self._trained

    def with_model(self, model: PairModel | None) -> Self:
        """The same fusion with another trained model."""
        copy = self.model_copy()
        copy._trained = model
        return copy

    def reading(self, names: Sequence[str], new: Sequence[str] = ()) -> Self:
        """The same fusion, reading those of its modalities that ``names`` has, and ``new`` ones.

        One that is trained, or names a model, goes on reading what it was trained on; to it a
        modality that is not there is missing.
        """
        if self.model is not None or self._trained is not None:
            return self
        parts = {"scores": self.scores, "ranks": self.ranks, "terms": self.terms}
        kept = {
            part: given and (*(name for name in given if name in names), *new)
            for part, given in parts.items()
        }
        return self.model_copy(update={**kept, "scores": kept["scores"] or tuple(names)})

    def bind(self, candidates: ScoredPairs, *tables: Mapping[str, Encoded]) -> Self:
        """The same fusion, seeing these candidates and what was encoded."""
        bound = super().bind(candidates, *tables)
        ranks = self.scores if self.ranks is None else self.ranks
        terms = self.scores if self.terms is None else self.terms
        bound._features = PairFeatures(bound.context, self.scores, ranks, terms)
        return bound

    def features(self, pairs: ScoredPairs) -> tuple[tuple[str, ...], Float32]:
        """Names of the features, and their values for each pair, shape ``(m, n_features)``."""
        if self._features is None:
            raise unbound(self)
        return self._features(pairs)

    def __call__(self, pairs: ScoredPairs) -> Float32:
        """Return calibrated probabilities; a pair is accepted at 0.5 and above."""
        if self._trained is None:
            raise ConfigError(
                "The pair model has not been trained. Run `matcher tune` with this config and "
                "labelled listings; it writes a config that names the trained model."
            )
        fused = np.empty(len(pairs), np.float32)
        for start in range(0, len(pairs), BLOCK):
            block = slice(start, start + BLOCK)
            table = self._aligned(_part(pairs, block), self._trained.features)
            fused[block] = self._trained.probability(self._trained.trees(table))
        fused[vetoed(pairs, self.vetoes) | ~known(pairs, self.scores)] = 0
        return fused

    def _aligned(self, pairs: ScoredPairs, wanted: tuple[str, ...]) -> Float32:
        """The features a model was trained on; NaN for those of modalities that did not run."""
        names, table = self.features(pairs)
        column = {name: place for place, name in enumerate(names)}
        lost = [n for n in wanted if n not in column and n.split(" ")[0] in pairs.scores]
        if lost:
            raise DataError(
                f"The pair model was trained on features that are not there: {', '.join(lost)}. "
                "Train it again with the encoders that this config has."
            )
        aligned = np.full((len(pairs), len(wanted)), np.nan, np.float32)
        for place, name in enumerate(wanted):
            if name in column:
                aligned[:, place] = table[:, column[name]]
        return aligned


def _part(pairs: ScoredPairs, block: slice) -> ScoredPairs:
    scores = {name: values[block] for name, values in pairs.scores.items()}
    return ScoredPairs(pairs.left[block], pairs.right[block], scores, pairs.n_left, pairs.n_right)


Spec = PairsFusion
