"""Exact cosine search through scikit-learn's ``NearestNeighbors``, or cuML's on a GPU."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from threading import Lock
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from matcher.search._candidates import even_blocks, rounding_slack
from matcher.search._join import JoinIndex, Limits, Pairs, Plan
from matcher.types import Embeddings, Encoded, Float32, row_norms

BLOCK = 4096  # queries
SPARE = 16  # neighbours asked for beyond k, among which ties are settled
GROWTH = 4  # how many times more are asked for where these do not suffice
WORKING_MIB = 128
LIBRARY_SLACK = 1e-4  # what a GPU may round off beyond ``rounding_slack``


class NeighborsIndex(JoinIndex):
    """Ask scikit-learn's brute-force ``NearestNeighbors``, or cuML's where a GPU answers.

    Same answers as the other indexes: neighbours are asked for until no tie or bound can
    hide one, then scored anew. Memory beside vectors and answer is 128 MiB for
    scikit-learn's distances, or what cuML takes on the GPU; a ``min_score`` alone may ask
    for as many neighbours of 4,096 queries as there are.

    Args:
        embeddings: Vectors to search in, dense or CSR.
    """

    kinds = ("dense vectors", "sparse vectors")

    def __init__(self, embeddings: Embeddings) -> None:
        super().__init__(embeddings)
        self._model: Any = None
        self._asking = Lock()  # cuML's objects are not made for several threads
        vectors = cast(Embeddings, self._held.encoded).vectors
        if self._held.n_different:
            estimator = nearest_neighbors()(metric="cosine", algorithm="brute")
            self._model = estimator.fit(_plain(vectors))

    def _plan(self, queries: Encoded, limits: Limits, within: bool) -> Plan:
        vectors = [cast(Embeddings, e).vectors for e in (queries, self._held.encoded)]
        # The libraries divide by norms, which may differ from 1 by up to 1e-3.
        off = max(float(np.abs(row_norms(v) - 1).max()) for v in vectors)
        slack = rounding_slack(vectors[0].shape[1]) + LIBRARY_SLACK + 3 * off

        def propose(block: slice) -> Pairs:
            rows, cols = self._ask(vectors[0][block], limits, slack)
            return rows + block.start, cols

        return Plan(even_blocks(vectors[0].shape[0], BLOCK), propose)

    def _ask(self, queries: Any, limits: Limits, slack: float) -> Pairs:
        """Ask for more and more neighbours of the rows that may still miss one."""
        n_held, n_asked = self._held.n_different, (limits.k or 0) + SPARE
        open_rows, found = np.arange(queries.shape[0]), []
        while len(open_rows):
            n_asked = min(n_asked, n_held)
            cols, scores = self._nearest(queries[open_rows], n_asked)
            lowest = np.full(len(open_rows), limits.floor - slack)
            if limits.k is not None and limits.k <= n_asked:
                np.maximum(lowest, scores[:, limits.k - 1] - 2 * slack, out=lowest)
            done = (scores[:, -1] < lowest) | (n_asked == n_held)
            at, rank = np.nonzero((scores >= lowest[:, None]) & done[:, None])
            found.append((open_rows[at], cols[at, rank]))
            open_rows, n_asked = open_rows[~done], GROWTH * n_asked
        rows, columns = zip(*found, strict=True)
        return np.concatenate(rows), np.concatenate(columns)

    def _nearest(self, queries: Any, n_asked: int) -> tuple[NDArray[np.int64], Float32]:
        """Columns and scores of the nearest rows, nearest first, shape ``(b, n_asked)``."""
        from sklearn import config_context

        with self._asking, config_context(working_memory=WORKING_MIB):
            distances, cols = self._model.kneighbors(_plain(queries), n_neighbors=n_asked)
        return _on_host(cols).astype(np.int64), 1 - _on_host(distances).astype(np.float32)


def nearest_neighbors() -> Any:
    """The ``NearestNeighbors`` class to use: cuML's if it is installed and a GPU answers."""
    with suppress(Exception):  # without a driver, cuML and CuPy fail in many ways
        estimator = import_module("cuml.neighbors").NearestNeighbors
        if import_module("cupy").cuda.runtime.getDeviceCount() > 0:
            return estimator
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors


def _plain(vectors: Any) -> Any:
    """As the libraries take it: dense, or a CSR matrix rather than a CSR array."""
    return vectors if isinstance(vectors, np.ndarray) else csr_matrix(vectors)


def _on_host(array: Any) -> NDArray[Any]:
    """A NumPy array, fetched from the GPU where it lies there."""
    return np.asarray(array.get() if hasattr(array, "get") else array)
