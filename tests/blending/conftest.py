"""Tables in every form, and the same arithmetic done densely."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from matcher.similarity import l2_normalize
from matcher.types import Embeddings, Hashes


def vectors(rows, sparse=False, source="toy", terms=()):
    """Unit rows from numbers; a row of zeros carries no signal."""
    unit = l2_normalize(np.array(rows, np.float32))
    return Embeddings(csr_array(unit) if sparse else unit, source, terms=terms)


def hashes(codes):
    """Hashes; None where there is none."""
    present = np.array([code is not None for code in codes], bool)
    return Hashes(np.array([code or 0 for code in codes], np.uint64), present)


def dense(encoded):
    """Vectors as a dense array."""
    found = encoded.vectors
    return found if isinstance(found, np.ndarray) else found.toarray()


def scores(left, right):
    """Dot products of all pairs."""
    return dense(left).astype(np.float64) @ dense(right).astype(np.float64).T


class Toys:
    vectors = staticmethod(vectors)
    hashes = staticmethod(hashes)
    dense = staticmethod(dense)
    scores = staticmethod(scores)


@pytest.fixture(scope="session")
def toys():
    return Toys
