"""Find listings of the same product from their pictures and titles.

>>> import matcher
>>> matcher.dedupe  # doctest: +ELLIPSIS
<function dedupe at ...>
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matcher.catalog import Catalog, create_catalog, open_catalog
    from matcher.config import RunConfig
    from matcher.datasets import make_listings
    from matcher.errors import BackendError, ConfigError, DataError, MatcherError, StoreError
    from matcher.io.columns import Columns
    from matcher.io.listings import listings_from_table, read_listings
    from matcher.jobs.dedupe import dedupe
    from matcher.jobs.embed import embed
    from matcher.jobs.lookup import look_up
    from matcher.jobs.save import save
    from matcher.jobs.sources import match
    from matcher.jobs.tune import tune
    from matcher.results import MatchReport, MatchResult
    from matcher.types import Clusters, Embeddings, Hashes, Listings, Matches, SimilarityGraph

# Found when first used, so that "import matcher" stays quick.
_HOME = {
    "BackendError": "matcher.errors",
    "Catalog": "matcher.catalog",
    "Clusters": "matcher.types",
    "Columns": "matcher.io.columns",
    "ConfigError": "matcher.errors",
    "DataError": "matcher.errors",
    "Embeddings": "matcher.types",
    "Hashes": "matcher.types",
    "Listings": "matcher.types",
    "MatchReport": "matcher.results",
    "MatchResult": "matcher.results",
    "MatcherError": "matcher.errors",
    "Matches": "matcher.types",
    "RunConfig": "matcher.config",
    "SimilarityGraph": "matcher.types",
    "StoreError": "matcher.errors",
    "create_catalog": "matcher.catalog",
    "dedupe": "matcher.jobs.dedupe",
    "embed": "matcher.jobs.embed",
    "listings_from_table": "matcher.io.listings",
    "look_up": "matcher.jobs.lookup",
    "make_listings": "matcher.datasets",
    "match": "matcher.jobs.sources",
    "open_catalog": "matcher.catalog",
    "read_listings": "matcher.io.listings",
    "save": "matcher.jobs.save",
    "tune": "matcher.jobs.tune",
}
__all__ = [
    "BackendError",
    "Catalog",
    "Clusters",
    "Columns",
    "ConfigError",
    "DataError",
    "Embeddings",
    "Hashes",
    "Listings",
    "MatchReport",
    "MatchResult",
    "MatcherError",
    "Matches",
    "RunConfig",
    "SimilarityGraph",
    "StoreError",
    "create_catalog",
    "dedupe",
    "embed",
    "listings_from_table",
    "look_up",
    "make_listings",
    "match",
    "open_catalog",
    "read_listings",
    "save",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'matcher' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
