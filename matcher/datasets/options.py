"""The arguments of ``make_listings``, checked."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from matcher.settings import Settings


class Options(Settings):
    """What to make; see ``make_listings`` for the meaning of each."""

    n_products: int = Field(ge=1, le=100_000)
    listings_per_product: tuple[int, int] = (2, 5)
    seed: int = Field(default=0, ge=0)
    hard_negatives: float = Field(default=0.4, ge=0, le=1)
    faulty: float = Field(default=0.02, ge=0, le=0.5)
    side: int = Field(default=256, ge=32, le=1024)

    @model_validator(mode="after")
    def _range_of_listings(self) -> Self:
        fewest, most = self.listings_per_product
        if not 1 <= fewest <= most <= 1000:
            raise ValueError(
                "listings_per_product must be (fewest, most) with 1 <= fewest <= most <= 1000. "
                f"Received: {self.listings_per_product}"
            )
        return self
