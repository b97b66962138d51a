"""Counting runs of characters in many titles at once.

Counts what scikit-learn's ``CountVectorizer(analyzer="char_wb")`` does, several times faster: a
run is packed in one 64-bit number, and numbers are sorted instead of strings looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from matcher.types import Float32, Int64, UInt64

KEY_BITS = 64
BLOCK = 4096  # texts counted at once; memory beside the counts is some 100 MiB
UInt32 = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class CharacterRuns:
    """A vocabulary of runs of characters inside words, with a space on either side of a word.

    Attributes:
        ngrams: Shortest and longest run; a word that is shorter than any is one run.
        alphabet: Code points in use, ascending.
        keys: The runs as numbers, which ascend as the strings do, shape ``(d,)``.
    """

    ngrams: tuple[int, int]
    alphabet: UInt32
    keys: UInt64

    @classmethod
    def learn(
        cls, texts: Sequence[str], ngrams: tuple[int, int], least: int
    ) -> tuple[Self, csr_array] | None:
        """Learn the runs that ``least`` texts hold.

        Returns:
            The vocabulary and the counts of these texts, see ``count``; None where a run
            does not fit in 64 bits: 5 characters of an alphabet of 4,095 do.
        """
        alphabet = np.array(sorted(map(ord, {" "}.union(*texts))), np.uint32)
        if _bits(alphabet) * ngrams[1] > KEY_BITS:
            return None
        blocks = [_count_block(part, ngrams, alphabet) for part in _parts(texts)]
        keys, number = np.unique(np.concatenate([keys for keys, _ in blocks]), return_inverse=True)
        holders = np.concatenate([np.bincount(c.indices, minlength=c.shape[1]) for _, c in blocks])
        n_texts = np.bincount(number, weights=holders, minlength=len(keys))
        runs = cls(ngrams, alphabet, keys[n_texts >= least])
        return runs, vstack([runs._select(*block) for block in blocks], format="csr")

    def count(self, texts: Sequence[str]) -> csr_array:
        """How often each text holds each run, float32 of shape ``(n, d)``."""
        blocks = (_count_block(part, self.ngrams, self.alphabet) for part in _parts(texts))
        return vstack([self._select(*block) for block in blocks], format="csr")

    def strings(self) -> list[str]:
        """The runs as text, in order."""
        bits, longest = _bits(self.alphabet), self.ngrams[1]
        shifts = np.arange(longest - 1, -1, -1, dtype=np.uint64) * np.uint64(bits)
        letters = (self.keys[:, None] >> shifts) & np.uint64((1 << bits) - 1)
        points = np.append(np.uint32(0), self.alphabet)[letters.astype(np.int64)]
        found: list[str] = points.view(f"<U{longest}").ravel().tolist()
        return found

    def _select(self, keys: UInt64, counts: csr_array) -> csr_array:
        """Counts by this vocabulary, from counts by ``keys``; both ascend."""
        at = np.minimum(np.searchsorted(self.keys, keys), max(0, len(self.keys) - 1))
        known = self.keys[at] == keys if len(self.keys) else np.zeros(len(keys), bool)
        kept = known[counts.indices]
        indptr = np.concatenate([[0], np.cumsum(kept)])[counts.indptr].astype(np.int32)
        indices = at[counts.indices[kept]].astype(np.int32)
        shape = counts.shape[0], len(self.keys)
        return csr_array((counts.data[kept], indices, indptr), shape=shape)


def _parts(texts: Sequence[str]) -> list[Sequence[str]]:
    """The texts in blocks; at least one."""
    return [texts[start : start + BLOCK] for start in range(0, max(1, len(texts)), BLOCK)]


def _bits(alphabet: UInt32) -> int:
    """Bits for a number per character, 0 for none and one for any other."""
    return (len(alphabet) + 1).bit_length()


def _count_block(
    texts: Sequence[str], ngrams: tuple[int, int], alphabet: UInt32
) -> tuple[UInt64, csr_array]:
    """The different runs of some texts, ascending, and how often each text holds each."""
    letters, left, rows = _spell(texts, alphabet)
    low, high = ngrams
    width = np.uint64(_bits(alphabet))
    keys, holders = [], []
    key = np.zeros(len(letters), np.uint64)
    begins = np.append(True, left[1:] >= left[:-1])[: len(left)]  # of a word
    for n in range(1, high + 1):
        following = np.zeros_like(letters)
        following[: max(0, len(letters) - n + 1)] = letters[n - 1 :]
        key = (key << width) | np.where(left >= n, following, np.uint64(0))
        if n >= low:
            there = (left >= n) | (begins & (n == low))
            keys.append(key[there] << (width * np.uint64(high - n)))
            holders.append(rows[there])
    different, number = np.unique(np.concatenate(keys), return_inverse=True)
    ones = np.ones(len(number), np.float32)
    shape = len(texts), len(different)
    counts = csr_array((ones, (np.concatenate(holders), number)), shape=shape)
    counts.sum_duplicates()
    return different, counts


def _spell(texts: Sequence[str], alphabet: UInt32) -> tuple[UInt64, Int64, Int64]:
    """Words with a space on either side, end to end.

    Returns:
        For each character its number, how many are left of its word, and its text.
    """
    words = [text.split() for text in texts]
    spelt = "".join(f" {word} " for of_text in words for word in of_text)
    points = np.frombuffer(spelt.encode("utf-32-le", "surrogatepass"), np.uint32)
    sizes = np.array([len(word) + 2 for of_text in words for word in of_text], np.int64)
    rows = np.repeat(np.arange(len(texts)), [len(of_text) for of_text in words])
    left = np.repeat(np.cumsum(sizes), sizes) - np.arange(len(points))
    at = np.searchsorted(alphabet, points)
    unknown = alphabet[np.minimum(at, len(alphabet) - 1)] != points
    letters = np.where(unknown, len(alphabet) + 1, at + 1).astype(np.uint64)
    return letters, left, np.repeat(rows, sizes)


class RunsVectorizer:
    """scikit-learn's ``TfidfVectorizer`` of runs of characters, for many titles.

    Its attributes that end in an underscore are those of scikit-learn.

    Args:
        ngrams: Shortest and longest run.
        least: Texts that must hold a run.
        binary: Whether a run counts once in a text.
        sublinear: Whether a count is replaced by one more than its logarithm.
    """

    def __init__(self, ngrams: tuple[int, int], least: int, binary: bool, sublinear: bool) -> None:
        from sklearn.feature_extraction.text import TfidfTransformer

        self._ngrams, self._least, self._binary = ngrams, least, binary
        self._weights: Any = TfidfTransformer(norm=None, sublinear_tf=sublinear)
        self._runs: CharacterRuns

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it has learnt, for ``restored``."""
        return {
            "ngrams": np.array(self._ngrams, np.int64),
            "alphabet": self._runs.alphabet,
            "keys": self._runs.keys,
            "idf": self.idf_,
            "counts": np.array([self._binary, self._weights.sublinear_tf], np.bool_),
        }

    @classmethod
    def restored(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The one that gave these ``arrays``.

        Raises:
            KeyError: If one is missing.
            ValueError: If they do not fit each other.
        """
        low, high = (int(length) for length in arrays["ngrams"])
        binary, sublinear = (bool(flag) for flag in arrays["counts"])
        keys, idf = arrays["keys"].astype(np.uint64), arrays["idf"]
        rising = bool((keys[1:] > keys[:-1]).all())
        if not (keys.ndim == 1 and keys.shape == idf.shape and rising and 1 <= low <= high):
            raise ValueError("runs of characters that do not fit each other")
        made = cls((low, high), 1, binary, sublinear)
        made._runs = CharacterRuns((low, high), arrays["alphabet"].astype(np.uint32), keys)
        made._weights.idf_ = idf
        return made

    def fit_transform(self, texts: Sequence[str]) -> Any | None:
        """Learn from texts and weigh them; None where a run does not fit in 64 bits.

        Raises:
            ValueError: If no run is left, as scikit-learn has it.
        """
        learnt = CharacterRuns.learn(texts, self._ngrams, self._least)
        if learnt is None:
            return None
        self._runs, counts = learnt
        if not len(self._runs.keys):
            raise ValueError("no terms")
        self._weights.fit(self._counted(counts))
        return self._weights.transform(counts, copy=False)

    def transform(self, texts: Iterable[str]) -> Any:
        """Weigh other texts."""
        return self._weights.transform(self._counted(self._runs.count(list(texts))), copy=False)

    def get_feature_names_out(self) -> list[str]:
        """The runs, in order."""
        return self._runs.strings()

    @property
    def vocabulary_(self) -> UInt64:
        """The runs as numbers."""
        return self._runs.keys

    @property
    def idf_(self) -> Float32:
        """Inverse document frequencies, shape ``(d,)``."""
        idf: Float32 = self._weights.idf_
        return idf

    def _counted(self, counts: csr_array) -> csr_array:
        if self._binary:
            counts.data[:] = 1
        return counts
