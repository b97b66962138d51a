"""Searching a gallery of products by users' photos, and how good the rankings are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from matcher.config import RunConfig
from matcher.errors import ConfigError, DataError
from matcher.io.columns import Columns
from matcher.io.listings import read_listings
from matcher.io.outputs import matches_table
from matcher.io.tables import read_table
from matcher.jobs.encoding import take_listings
from matcher.jobs.label_names import name_labels
from matcher.jobs.query_tables import number_values
from matcher.jobs.steps import encode, search_modality
from matcher.jobs.train_files import read_sides
from matcher.metrics import score_ranking
from matcher.types import UNLABELLED, Listings, Matches, SimilarityGraph

# Ids of pictures; a table that has one may name the product in another column.
PICTURE_IDS = ("seller_img_id", "user_img_id")
PRODUCT = "product_id"


@dataclass(frozen=True, slots=True)
class Products:
    """Pictures of products.

    Attributes:
        listings: The pictures, with boxes where the table has them.
        labels: Product of each as the table spells it, empty where it is not known.
    """

    listings: Listings
    labels: tuple[str, ...]

    @property
    def labelled(self) -> bool:
        """Whether any product is known."""
        return any(self.labels)


@dataclass(frozen=True, slots=True)
class Ranked:
    """What a search found.

    Attributes:
        queries: Who searched.
        gallery: Where; the queries themselves where they searched among one another.
        ranking: For each query the gallery rows found, best first.
        unread: Of the queries that found nothing: id, and why.
        gallery_unread: Gallery rows that cannot be found, for want of a readable picture.
        how: ``method`` and ``why``; where the search is approximate also its ``recall``.
        source: Fingerprint of the encoder.
        k: Most gallery rows in a ranking.
    """

    queries: Listings
    gallery: Listings
    ranking: SimilarityGraph
    unread: dict[str, str]
    gallery_unread: int
    how: dict[str, Any]
    source: str
    k: int

    @property
    def within(self) -> bool:
        """Whether queries and gallery are one table."""
        return self.queries is self.gallery

    def table(self) -> pa.Table:
        """One row a query: its id, and in ``ranking`` ids of the gallery with a space between."""
        graph, name = self.ranking, self.queries.id_name
        found = Matches(graph.indptr, graph.indices, graph.scores, graph.n_cols)
        rows = matches_table(self.queries.ids, found, name, None, self.gallery.ids)
        return rows.rename_columns([name, "ranking"])


def read_products(
    path: str | Path, images: str | Path | None = None, label: str | None = None, **reading: Any
) -> Products:
    """Read a gallery, queries or a table of truth.

    Where a table has ``seller_img_id`` or ``user_img_id``, that is the id, and ``product_id``
    the label, if it is there; else columns are detected as everywhere.

    Args:
        path: As for ``read_listings``.
        images: Folder or zip archive of the pictures.
        label: Column of the product, if it has another name.
        **reading: Other options of ``read_listings``.

    Raises:
        ConfigError: As ``read_listings`` does.
        DataError: As ``read_listings`` does.
    """
    columns = None
    if not Path(path).is_dir():
        names = {name.strip().casefold(): name for name in read_table(Path(path)).names}
        own = next((names[name] for name in PICTURE_IDS if name in names), None)
        product = names.get(PRODUCT) if own is not None else None
        columns = Columns(id=own, group=label or product)
    listings = read_listings(path, images, columns, **reading)
    if listings.groups is None:
        return Products(listings, ("",) * len(listings))
    spelt = dict(enumerate(name_labels(listings, columns)))
    return Products(listings, tuple(spelt.get(code, "") for code in listings.groups.tolist()))


def with_truth(queries: Products, truth: Products) -> Products:
    """Queries with the labels of another table, by id; those that it does not name have none.

    Raises:
        DataError: If it names none of them.
    """
    known = dict(zip(truth.listings.ids, truth.labels, strict=True))
    labels = tuple(known.get(name, "") for name in queries.listings.ids)
    if not any(labels):
        raise DataError(
            f"The truth names the product of none of the {len(labels):,} queries. Its column "
            f"{truth.listings.id_name!r} must hold ids such as {queries.listings.ids[0]!r}, and a "
            "second one their products."
        )
    return Products(queries.listings, labels)


def held_out(products: Products, run: Path) -> tuple[Products, str]:
    """Those rows that a training left for testing or, where there are none, held out.

    Args:
        products: The listings that it was given.
        run: Folder of the training, with ``split.csv``.

    Returns:
        Those rows, and their side: ``test``, or ``held_out``, by which the training chose its
        weights, so that figures flatter it a little.

    Raises:
        DataError: If a listing is missing there, or nothing was held out.
    """
    sides = read_sides(run, products.listings)
    side = next((side for side in ("test", "held_out") if (sides == side).any()), None)
    if side is None:
        raise DataError(f"{run} held nothing out. Train with validation.split: folds, or pairs.")
    rows = np.flatnonzero(sides == side).tolist()
    listings = replace(take_listings(products.listings, rows), id_name=products.listings.id_name)
    return Products(listings, tuple(products.labels[row] for row in rows)), side


def search_products(
    config: RunConfig, gallery: Listings, queries: Listings | None = None, k: int = 1000
) -> Ranked:
    """Rank the gallery for each query by the likeness of their pictures.

    Memory beside the vectors and the rankings does not grow with the gallery: a million vectors
    of 512 numbers take 2 GB, a ranking of 1,000 takes 12 KB.

    Args:
        config: With one encoder; see ``RunConfig.select``.
        gallery: Where to search. Only the part in its box, if it has one, is looked at.
        queries: Who searches, likewise; None: the gallery, each row among the others.
        k: Most gallery rows in a ranking.

    Returns:
        The rankings; that of a query whose picture cannot be read is empty.

    Raises:
        BackendError: If the encoder cannot run, or nothing at all can be read.
        ConfigError: If there are several encoders, or ``k`` is below 1.
    """
    if k < 1:
        raise ConfigError(f"k must be at least 1. Received: {k}.")
    name, config = _deep(config, k)
    tables = (gallery,) if queries is None else (queries, gallery)
    encodings = encode(config, gallery, *tables)
    graph, how = search_modality(config, name, *encodings.tables)
    asked, held = encodings.tables[0][name], encodings.tables[-1][name]
    queries = tables[0]
    reasons = {**asked.problems, **queries.problems}
    return Ranked(
        queries=queries,
        gallery=gallery,
        ranking=graph,
        unread={
            queries.ids[row]: reasons.get(row, "no picture")
            for row in np.flatnonzero(~asked.present).tolist()
        },
        gallery_unread=int(np.count_nonzero(~held.present)),
        how=how,
        source=held.source,
        k=k,
    )


def _deep(config: RunConfig, k: int) -> tuple[str, RunConfig]:
    """The one modality, searched as deep as is asked for, however weak the likeness."""
    if len(config.encoders) > 1:
        raise ConfigError(
            f"Pictures are ranked by one encoder. Received: {', '.join(config.encoders)}. "
            "Name one of them."
        )
    ((name, modality),) = config.encoders.items()
    loose = modality.model_copy(update={"min_score": -1.0, "candidates": True})
    search = config.search.model_copy(update={"neighbors": k})
    changes = {"encoders": {name: loose}, "search": search, "blending": ()}
    return name, config.model_copy(update=changes)


def score_products(found: Ranked, queries: Products, gallery: Products) -> dict[str, float]:
    """Score rankings where the products of both sides are known.

    Args:
        found: The rankings.
        queries: Who searched, with labels.
        gallery: Where, with labels.

    Returns:
        ``map@1000``, or at the depth that was searched, ``top1``, ``top5`` and ``mar@10``, as far
        as it was searched that deep: means over the ``scored_queries``, which are those that
        have a relevant row. One that was not read counts as 0.

    Raises:
        DataError: If no query has a product of the gallery.
    """
    left, right = number_values(queries.labels, gallery.labels)
    mates = np.isin(left, right[right != UNLABELLED])
    if found.within:  # a query is not its own mate
        mates = np.bincount(right + 1)[left + 1] > 1
    mates &= left != UNLABELLED
    if not mates.any():
        raise DataError(
            f"None of the {len(left):,} queries has its product in the gallery, so nothing can be "
            f"scored. Products of queries are such as {next(filter(None, queries.labels), '')!r}, "
            f"of the gallery such as {next(filter(None, gallery.labels), '')!r}."
        )
    deep = {f"map@{found.k}": found.k, "top1": 1, "top5": 5, "mar@10": 10}
    wanted = {name: k for name, k in deep.items() if k <= found.k}
    scores = score_ranking(
        found.ranking, left, right, sorted({*wanted.values()}), within=found.within
    )
    return {**{name: scores[name] for name in wanted}, "scored_queries": int(mates.sum())}
