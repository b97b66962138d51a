"""Encode many pictures in a process of its own, and print how much memory it took at the peak.

    python -m benchmarks.encode_memory N

The same few small pictures stand in all rows, in front of a small network, without the cache: what
grows with their number is bookkeeping. Prints JSON: bytes at the peak, and bytes of the vectors.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.encode_pictures import make_pictures
from matcher.encoders import make_encoder
from matcher.types import ImageRef, Listings

DISTINCT = 64


def main() -> None:
    """Encode and print."""
    n = int(sys.argv[1])
    with TemporaryDirectory() as folder:
        refs = [ImageRef(p) for p in make_pictures(Path(folder), DISTINCT, Path(folder), side=64)]
        encoder = make_encoder("mobilenet", weights="random", size=32)
        fitted = encoder.fit(_listings(refs, DISTINCT))
        encoded = fitted.encode(_listings(refs, n))
        vectors = encoded.vectors.nbytes  # type: ignore[union-attr]
        print(json.dumps({"peak": _peak(), "vectors": vectors}))


def _listings(refs: list[ImageRef], n: int) -> Listings:
    images = tuple(refs[i % len(refs)] for i in range(n))
    return Listings(ids=tuple(f"l{i}" for i in range(n)), titles=("",) * n, images=images)


def _peak() -> int:
    """Bytes; Linux counts in KiB, macOS in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
