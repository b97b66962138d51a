"""What of a config a catalogue goes by: what judges each pair by itself, and nothing else.

A pair's score must not change when other listings come, or else every listing added would ask
for all pairs to be scored anew, and what was found would depend on the order of arrival.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Self

import numpy as np

from matcher.clustering._base import ClustererSettings
from matcher.clustering.average import AverageClusterer
from matcher.clustering.center import CenterClusterer
from matcher.clustering.complete import CompleteClusterer
from matcher.clustering.components import ComponentsClusterer
from matcher.clustering.correlation import CorrelationClusterer
from matcher.clustering.leiden import LeidenClusterer
from matcher.clustering.markov import MarkovClusterer
from matcher.clustering.merge_center import MergeCenterClusterer
from matcher.clustering.star import StarClusterer
from matcher.config import RunConfig, _restrict
from matcher.errors import ConfigError, StoreError
from matcher.fusion._base import ACCEPTED, ContextualFusion
from matcher.search import Search
from matcher.store import KeptEncoder

WHOLE_TABLE = "it looks at the whole table, and would change with every listing added"
# A pair below this share of the score that joins counts as none.
WEAK_SHARE = 0.5
# Clusterers that look at accepted pairs alone, so that weaker ones need not be kept.
ACCEPTED_ALONE = (
    ComponentsClusterer,
    CompleteClusterer,
    CenterClusterer,
    MergeCenterClusterer,
    StarClusterer,
    LeidenClusterer,
    MarkovClusterer,
)
# Clusterers that make of several components at once what they make of each alone.
APART = (
    AverageClusterer,
    CompleteClusterer,
    ComponentsClusterer,
    CenterClusterer,
    MergeCenterClusterer,
    StarClusterer,
    CorrelationClusterer,
)


@dataclass(frozen=True, slots=True)
class CatalogSettings:
    """Settings of a catalogue.

    Attributes:
        config: Without what looks at the whole table.
        left_out: Part of the config, or modality, to why it is left out.
        id_name: Name of the id column in what is written.
    """

    config: RunConfig
    left_out: Mapping[str, str] = field(default_factory=dict)
    id_name: str = "id"

    @property
    def floor(self) -> np.float32:
        """Lowest fused score of a pair that is kept."""
        clustering = self.config.clustering
        share = 1.0 if isinstance(clustering, ACCEPTED_ALONE) else WEAK_SHARE
        return np.float32(clustering.min_score * share)

    @property
    def joins(self) -> np.float32:
        """Lowest fused score that may put two listings in one cluster."""
        return np.float32(self.config.clustering.min_score)

    @property
    def copies(self) -> np.float32:
        """Lowest score of a listing with itself from which copies of it count as one."""
        return np.float32(max(ACCEPTED, self.config.clustering.min_score))

    @property
    def one_by_one(self) -> bool:
        """Whether the clusterer has to see each component alone."""
        return not isinstance(self.config.clustering, APART)

    def without(self, modalities: Mapping[str, str]) -> Self:
        """The same without modalities that cannot run, by why.

        Raises:
            ConfigError: If the fusion reads none of those that are left.
        """
        if not modalities:
            return self
        kept = [name for name in self.config.encoders if name not in modalities]
        read = [name for name in self.config.fusion.modalities if name in kept]
        if not read:
            why = "; ".join(f"{name}: {told}" for name, told in modalities.items())
            raise ConfigError(f"The fusion reads nothing that is left. Left out: {why}")
        encoders = {name: self.config.encoders[name] for name in kept}
        fusion = _restrict(self.config.fusion, kept, [])
        config = self.config.model_copy(update={"encoders": encoders, "fusion": fusion})
        return replace(self, config=config, left_out={**self.left_out, **modalities})

    def text(self) -> str:
        """As the store keeps it."""
        told = {"config": self.config.dump(), "left_out": dict(self.left_out)}
        return json.dumps({**told, "id_name": self.id_name})

    @classmethod
    def read(cls, text: str) -> Self:
        """What ``text`` gave.

        Raises:
            ConfigError: If this version does not know a setting any more.
            StoreError: If it is no such text.
        """
        try:
            kept: dict[str, Any] = json.loads(text)
            table, left_out, id_name = kept["config"], kept["left_out"], kept["id_name"]
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError("The store holds no settings of a catalogue.") from error
        return cls(RunConfig.read(table, "the catalogue's settings"), left_out, id_name)

    def model(self, encoders: Sequence[KeptEncoder]) -> str:
        """Fingerprint of all that a pair's score and the clusters depend on, 16 hex digits."""
        table = self.config.dump()
        parts = {name: table[name] for name in ("encoders", "fusion", "clustering")}
        made = [(encoder.name, encoder.fingerprint) for encoder in encoders]
        text = json.dumps([parts, made], sort_keys=True)
        return blake2b(text.encode(), digest_size=8).hexdigest()


def additive(config: RunConfig, id_name: str = "id") -> CatalogSettings:
    """Leave out what looks at the whole table.

    Raises:
        ConfigError: If the fusion does so, or reads what a blending writes.
    """
    fusion = config.fusion
    if isinstance(fusion, ContextualFusion):
        name = type(fusion).__module__.rsplit(".", 1)[-1]
        raise ConfigError(
            f"The fusion {name!r} judges a pair by where it stands among all candidates, which "
            "changes with every listing added. A catalogue takes a fusion that judges each pair "
            "by itself: boundary, union or weighted. 'matcher tune' fits one to labels."
        )
    left_out: dict[str, str] = {}
    for step in config.blending:
        written = [name for name in fusion.modalities if name not in config.encoders]
        if written:
            raise ConfigError(
                f"The fusion reads {written[0]!r}, which the blending {step.method} writes, and "
                f"a catalogue blends nothing: {WHOLE_TABLE}. Take it out of the fusion."
            )
        left_out[f"blending {step.method}"] = WHOLE_TABLE
    if config.reranking is not None:
        left_out["reranking"] = WHOLE_TABLE
    if config.at_least_two:
        left_out["at_least_two"] = WHOLE_TABLE
    nothing = {"blending": (), "reranking": None, "at_least_two": False, "search": Search()}
    return CatalogSettings(config.model_copy(update=nothing), left_out, id_name)


def check_clusterer(clustering: ClustererSettings) -> None:
    """Have a clusterer say now that it lacks a library.

    Raises:
        BackendError: If so.
    """
    if isinstance(clustering, LeidenClusterer):
        from matcher.clustering.leiden import load_igraph

        load_igraph()
