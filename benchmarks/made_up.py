"""Made-up vectors, titles and hashes with groups of the sizes that marketplaces have."""

from __future__ import annotations

import numpy as np

from matcher.types import Float32, Int64, UInt64

CHUNK = 50_000


def group_sizes(n: int, rng: np.random.Generator) -> Int64:
    """Sizes of 2 to 51 with a long tail, 3 on average, that sum to ``n``."""
    drawn = 2 + np.minimum(49, (0.95 * rng.pareto(1.75, n)).astype(np.int64))
    ends = np.cumsum(drawn)
    last = int(np.searchsorted(ends, n))
    sizes = drawn[: last + 1].copy()
    sizes[-1] -= ends[last] - n
    return sizes[sizes > 0]


def embeddings(n: int, n_dimensions: int, seed: int = 0) -> Float32:
    """Unit vectors of products in categories, seen with more or less noise; shape ``(n, d)``."""
    rng = np.random.default_rng(seed)
    sizes = group_sizes(n, rng)
    spread = np.arange(1, n_dimensions + 1, dtype=np.float32) ** -0.5
    spread /= np.linalg.norm(spread)
    categories = rng.standard_normal((max(20, len(sizes) // 60), n_dimensions), np.float32)
    category = categories[rng.integers(0, len(categories), len(sizes))]
    own = rng.standard_normal((len(sizes), n_dimensions), np.float32)
    product = (0.7 * category + 0.75 * own) * spread
    noise = rng.uniform(0.35, 0.75, len(sizes)).astype(np.float32)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    vectors = np.empty((n, n_dimensions), np.float32)
    for start in range(0, n, CHUNK):
        some = group[start : start + CHUNK]
        seen = rng.standard_normal((len(some), n_dimensions), np.float32) * spread
        seen = product[some] + seen * noise[some, None]
        vectors[start : start + CHUNK] = seen / np.linalg.norm(seen, axis=1, keepdims=True)
    return vectors


def hashes(n: int, seed: int = 0) -> UInt64:
    """64-bit hashes in groups that differ in about three bits from their first, shape ``(n,)``."""
    rng = np.random.default_rng(seed)
    sizes = group_sizes(n, rng)
    first = rng.integers(0, 2**63, len(sizes), dtype=np.uint64) * np.uint64(2)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    found = first[group]
    for _ in range(3):
        flipped = np.uint64(1) << rng.integers(0, 64, n).astype(np.uint64)
        found ^= np.where(rng.random(n) < 0.8, flipped, np.uint64(0))
    return found


def titles(known: list[str], n: int, seed: int = 0) -> list[str]:
    """Known titles, and where more are wanted variants of them: words dropped, moved, doubled."""
    rng = np.random.default_rng(seed)
    made = list(known[:n])
    while len(made) < n:
        words = known[int(rng.integers(len(known)))].split()
        at = int(rng.integers(len(words) + 1))
        rest = words[:at] + words[at + 1 :] if rng.random() < 0.5 else words[at:] + words[:at]
        made.append(" ".join(rest) or "x")
    return made
