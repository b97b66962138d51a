"""The part of a config that says how candidates are found."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from matcher.search.hnsw import Spec as HnswSpec
from matcher.search.ivf import Spec as IvfSpec
from matcher.search.lsh import Spec as LshSpec
from matcher.settings import Settings

SearchMethod: TypeAlias = Literal["auto", "exact", "hnsw", "ivf", "lsh", "neighbors"]


class Search(Settings):
    """How candidates are found.

    Attributes:
        neighbors: Most candidates kept per listing and modality.
        method: For all modalities, or by modality ("auto" for those not named). "auto": exact
            search, or "hnsw" for millions of dense vectors. "exact": never anything
            else. "hnsw", "ivf" and "lsh": approximate, for dense vectors. "neighbors": cuML's
            or scikit-learn's NearestNeighbors, exact.
        hnsw: Settings of that method.
        ivf: Settings of that method.
        lsh: Settings of that method.
        recall_sample: Queries by which the recall of an approximate search is measured.
        seed: Of that sample.
    """

    neighbors: int = Field(50, ge=1, le=1000)
    method: SearchMethod | dict[str, SearchMethod] = "auto"
    hnsw: HnswSpec = HnswSpec()
    ivf: IvfSpec = IvfSpec()
    lsh: LshSpec = LshSpec()
    recall_sample: int = Field(1000, ge=1)
    seed: int = Field(0, ge=0)

    @property
    def named(self) -> tuple[str, ...]:
        """The modalities that ``method`` names."""
        return () if isinstance(self.method, str) else tuple(self.method)

    def method_of(self, name: str) -> str:
        """The method of one modality."""
        return self.method if isinstance(self.method, str) else self.method.get(name, "auto")

    def spec_of(self, method: str) -> Settings | None:
        """The settings of an approximate method; None for the others, which have none."""
        return {"hnsw": self.hnsw, "ivf": self.ivf, "lsh": self.lsh}.get(method)
