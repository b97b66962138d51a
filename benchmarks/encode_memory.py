"""Encode many pictures in a process of its own, and print how much memory it took at the peak.

    python -m benchmarks.encode_memory small|large N DATA

The same few pictures stand in all rows, without the cache. Small ones, in front of a small network,
show what grows with their number; large ones, in front of EfficientNetB0, what a usual run holds.
Prints JSON: bytes at the peak, and bytes of the vectors.
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
KINDS = {"small": (64, "mobilenet", 32), "large": (800, "efficientnet", 224)}


def main() -> None:
    """Encode and print."""
    kind, n, data = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    side, name, size = KINDS[kind]
    with TemporaryDirectory() as folder:
        refs = [ImageRef(p) for p in make_pictures(Path(folder), DISTINCT, data, side=side)]
        encoder = make_encoder(name, weights="random", size=size)
        fitted = encoder.fit(_listings(refs, DISTINCT))
        encoded = fitted.encode(_listings(refs, n))
        vectors = encoded.vectors.nbytes  # type: ignore[union-attr]
        print(json.dumps({"peak": _peak(), "vectors": vectors}))


def _listings(refs: list[ImageRef], n: int) -> Listings:
    images = tuple(refs[i % len(refs)] for i in range(n))
    return Listings(ids=tuple(f"l{i}" for i in range(n)), titles=("",) * n, images=images)


def _peak() -> int:
    """Bytes. What ``getrusage`` says counts, on Linux, the process that started this one too."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
