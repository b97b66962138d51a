"""A second, slower, obviously right way to search, and tables in every form."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from matcher.similarity import l2_normalize
from matcher.types import Embeddings, Hashes


def encode(rows, kind, width=None):
    """Small whole numbers as unit vectors or hashes; a row of zeros carries no signal."""
    width = width or (len(rows[0]) if len(rows) else 1)
    table = np.array(rows, np.float32).reshape(-1, width)
    if kind == "dense":
        return Embeddings(l2_normalize(table), "toy")
    if kind == "sparse":
        return Embeddings(csr_array(l2_normalize(table)), "toy")
    # Each positive number sets three bits, in a segment of its own for the first four.
    codes = [sum(0b111 << (16 * j % 61) for j, v in enumerate(r) if v > 0) for r in table]
    return Hashes(np.array(codes, np.uint64), table.any(axis=1), "toy")


def score_matrix(left, right):
    if isinstance(left, Hashes):
        pairs = [[int(a) ^ int(b) for b in right.codes] for a in left.codes]
        scores = np.array([[1 - x.bit_count() / 32 for x in row] for row in pairs], np.float32)
    else:
        a, b = (
            v if isinstance(v, np.ndarray) else v.toarray() for v in (left.vectors, right.vectors)
        )
        dots = a.astype(np.float64) @ b.astype(np.float64).T
        dots[np.abs(dots) < 1e-9] = 0
        scores = np.clip(dots, -1, 1).astype(np.float32)
    scores = scores.reshape(len(left), len(right))
    scores[~left.present] = np.nan
    scores[:, ~right.present] = np.nan
    return scores


def brute_force(scores, k=None, min_score=None):
    """By row, columns and scores: a stable sort of all that counts; NaN does not."""
    answer = []
    for row in scores:
        order = np.argsort(-row, kind="stable")
        lowest = -1 if min_score is None else np.float32(min_score)
        order = order[row[order] >= lowest][:k]
        answer.append((order.tolist(), row[order].tolist()))
    return answer


def by_row(graph):
    spans = zip(graph.indptr[:-1], graph.indptr[1:], strict=True)
    return [(graph.indices[a:b].tolist(), graph.scores[a:b].tolist()) for a, b in spans]


class Reference:
    encode = staticmethod(encode)
    score_matrix = staticmethod(score_matrix)
    by_row = staticmethod(by_row)

    @staticmethod
    def search(held, queries, k=None, min_score=None):
        return brute_force(score_matrix(queries, held), k, min_score)

    @staticmethod
    def search_within(held, k=None, min_score=None):
        scores = score_matrix(held, held)
        np.fill_diagonal(scores, np.nan)
        return brute_force(scores, k, min_score)


@pytest.fixture(scope="session")
def reference():
    return Reference
