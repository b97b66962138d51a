"""Catalogues that last: listings come and go, cluster ids stay, a person has the last word."""

from __future__ import annotations

from matcher.catalog.catalog import Catalog
from matcher.catalog.creating import create_catalog, open_catalog
from matcher.catalog.records import (
    Candidate,
    Changed,
    ClusterView,
    Ended,
    ReviewItem,
    Statistics,
)

__all__ = [
    "Candidate",
    "Catalog",
    "Changed",
    "ClusterView",
    "Ended",
    "ReviewItem",
    "Statistics",
    "create_catalog",
    "open_catalog",
]
