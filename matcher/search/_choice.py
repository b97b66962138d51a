"""Which search method a run takes, and how it says so."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, cast

from matcher.errors import BackendError, ConfigError
from matcher.search._approximate import ApproximateIndex
from matcher.search._checks import kind_of
from matcher.search._products import runs_in_bfloat16
from matcher.search.hnsw import usearch_index
from matcher.settings import plug_in
from matcher.types import Embeddings, Encoded

EXACT = {"dense vectors": "exact", "sparse vectors": "sparse", "hashes": "hamming"}
APPROXIMATE = ("hnsw", "ivf", "lsh")
# Rows from which building a graph pays, as docs/search.md measures it: in bfloat16, and without.
MANY_BFLOAT16 = 5_000_000
MANY = 1_000_000
LINK_BYTES = 40  # what a link of the graph takes, with what usearch keeps free


class Choice(NamedTuple):
    """A search method, by the file of this package that holds it, and why it was taken."""

    method: str
    why: str


def choose_method(
    encoded: Encoded,
    n_queries: int | None = None,
    method: str = "auto",
    *,
    name: str = "encoded",
    connectivity: int = 16,
) -> Choice:
    """Choose how to search.

    "auto" is exact search, sparse vectors and hashes always. For dense vectors it is ``hnsw``
    from about a million rows, or five million where the products of exact search run in
    bfloat16: where the harmonic mean of the numbers of rows and queries, ``2 n q / (n + q)``,
    is that or more (few queries do not pay for a graph), usearch is installed, and the graph
    fits into half of the memory that is free.

    Args:
        encoded: Rows to search in, shape ``(n, ...)``.
        n_queries: Queries to be asked; None for the rows themselves.
        method: "auto", "exact", or a file of this package: "hnsw", "ivf", "lsh", "neighbors".
        name: What the rows are called, for messages.
        connectivity: Links per row, should it be hnsw.

    Raises:
        ConfigError: If there is no such method, or it can't hold such rows.
        BackendError: If the method named is not installed.
    """
    kind = kind_of(encoded)
    if method == "exact":
        return Choice(EXACT[kind], "named in the config")
    if method != "auto":
        return _named(kind, method, name)
    if kind != "dense vectors":
        return Choice(EXACT[kind], f"the exact method for {kind}")
    n, width = cast(Embeddings, encoded).vectors.shape
    n_queries = n if n_queries is None else n_queries
    told = f"{n:,} rows and {n_queries:,} queries"
    mean = 2 * n * n_queries / (n + n_queries) if n else 0
    if mean < MANY or (mean < MANY_BFLOAT16 and runs_in_bfloat16()):
        return Choice("exact", f"{told} are fewer than pay for a graph")
    if not is_installed():
        return Choice(
            "exact",
            f"{told} would pay for hnsw, but usearch is not installed: "
            "pip install 'matcher[search]'",
        )
    needed, free = n * (4 * width + LINK_BYTES * connectivity), free_bytes()
    if free is not None and 2 * needed > free:
        told += f", but a graph takes {needed / 2**30:.1f} GiB of {free / 2**30:.1f} free"
        return Choice("exact", told)
    return Choice("hnsw", f"{told} pay for a graph")


def _named(kind: str, method: str, name: str) -> Choice:
    """A method named by the user, once it is known to fit."""
    module = plug_in("matcher.search", method, "search method")
    kinds = getattr(module, f"{method.capitalize()}Index").kinds
    if kind not in kinds:
        raise ConfigError(
            f"The search method {method} holds {' or '.join(kinds)}, but {name} gives {kind}. "
            "Name the modalities that it is for; the others are then searched exactly: "
            f"search: {{method: {{MODALITY: {method}}}}}."
        )
    if method == "hnsw":
        usearch_index()
    return Choice(method, "named in the config")


def is_installed() -> bool:
    """Whether usearch, which hnsw needs, is there and works."""
    try:
        usearch_index()
    except BackendError:
        return False
    return True


def free_bytes() -> int | None:
    """Memory that is free for a new program; None where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def is_approximate(method: str) -> bool:
    """Whether a method may miss neighbours."""
    index = getattr(import_module(f"matcher.search.{method}"), f"{method.capitalize()}Index")
    return issubclass(index, ApproximateIndex)


def say_how(searched: Mapping[str, Mapping[str, Any]]) -> str:
    """One sentence on how each modality was searched.

    Args:
        searched: By modality ``method`` and ``why``; of approximate methods also ``recall``
            and ``recall_queries``.

    Example:
        >>> about = {"method": "sparse", "why": "the exact method for sparse vectors"}
        >>> say_how({"words": about, "models": about})
        'Searched: words, models by sparse (the exact method for sparse vectors).'
    """
    names: dict[str, list[str]] = {}
    for name, about in searched.items():
        names.setdefault(_how(about), []).append(name)
    told = [f"{', '.join(together)} by {how}" for how, together in names.items()]
    return f"Searched: {'; '.join(told)}."


def _how(about: Mapping[str, Any]) -> str:
    how = f"{about['method']} ({about['why']})"
    if "recall" not in about:
        return how
    if about["recall"] is None:
        return f"{how}, approximate; its recall is unknown: exact search finds nothing"
    return (
        f"{how}, approximate: recall {about['recall']:.4f} against exact search for "
        f"{about['recall_queries']:,} of the queries"
    )
