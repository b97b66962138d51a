"""What is measured of whole jobs: pictures on disk to vectors on disk."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.encode_cases import SIZE
from benchmarks.encode_peers import tutorial
from benchmarks.encode_pictures import make_pictures
from benchmarks.encode_rows import FLOAT32, OURS, Row, Setting, check_same, figure, rows_of
from benchmarks.machine import ROOT
from benchmarks.timing import race
from matcher.io.listings import read_listings
from matcher.io.vector_files import clear_vectors, vectors_folder
from matcher.io.vectors import write_embeddings


def folder(setting: Setting) -> Iterator[Row]:
    """A folder of JPEGs to vectors on disk; all have their network in memory.

    The cache of vectors is on, as it is by default, and empty before each turn.
    """
    from matcher.encoders import make_encoder
    from matcher.models.backbones import build_backbone

    n, pictures = 600, setting.folder / "pictures"
    make_pictures(pictures, n, setting.data)
    listings = read_listings(pictures)
    peer = "image_dataset_from_directory, predict, np.save"
    model = build_backbone("efficientnet-b0", SIZE)
    encoders = {
        name: make_encoder("efficientnet", weights="random", **more).fit(listings)
        for name, more in ((OURS, {}), (FLOAT32, {"precision": "float32"}))
    }
    turns = {
        **{x: partial(_embed, e, pictures, setting.folder / "x.npz") for x, e in encoders.items()},
        peer: lambda: tutorial(pictures, model, setting.folder / "theirs.npy"),
    }
    timed = race(turns, setting.n_rounds, before=empty_cache)
    # Tutorials resize without looking at all pixels: the vectors are a little off.
    mine = timed[OURS].answer
    cosines = {name: check_same(name, mine, t.answer, 0.98, 0.99) for name, t in timed.items()}
    case, precision = "folder to vectors on disk, EfficientNetB0", encoders[OURS].runner.precision
    about = dict(case=case, unit="pictures", n=n, ours=precision)
    yield from rows_of(about, timed, {peer: 3.0}, cosines)


def _embed(encoder: Any, pictures: Path, out: Path) -> Any:
    """Find the pictures of a folder, encode them by way of the cache, and write the vectors."""
    from matcher.jobs.encoding import encode_table

    listings = read_listings(pictures)
    encoded = encode_table(encoder, listings, "efficientnet").encoded
    write_embeddings(out, listings.ids, encoded)
    return np.asarray(encoded.vectors)  # type: ignore[union-attr]


def empty_cache() -> None:
    """Remove all vectors that are kept; networks stay."""
    place = vectors_folder()
    if place is not None:
        clear_vectors(place)


def waiting(setting: Setting) -> Iterator[Row]:
    """Share of the time in which a network that has room for a batch waits for its pictures."""
    from matcher.encoders import make_encoder
    from matcher.runtime.compiled import Runner

    make_pictures(setting.folder / "pictures", 600, setting.data)
    listings = read_listings(setting.folder / "pictures")
    encoder = make_encoder("efficientnet", weights="random").fit(listings)
    waited, shares = [0.0], []

    def timed_batches(batches: Iterable[Any]) -> Iterator[Any]:
        rest = iter(batches)
        while True:
            start = time.perf_counter()
            batch = next(rest, None)
            waited[0] += time.perf_counter() - start
            if batch is None:
                return
            yield batch

    stream = Runner.stream
    with mock.patch.object(Runner, "stream", lambda self, b: stream(self, timed_batches(b))):
        for k in range(setting.n_rounds + 1):
            waited[0], start = 0.0, time.perf_counter()
            encoder.encode(listings)
            shares += [waited[0] / (time.perf_counter() - start)] if k else []
    what = "share of the time that inference waits for pictures, EfficientNetB0"
    yield figure(what, len(listings), float(np.median(shares)), 0.1)


def memory(setting: Setting) -> Iterator[Row]:
    """Peaks of encoding few and many pictures, each in a process of its own."""
    for kind, n in (("small", 2_000), ("small", 100_000), ("large", 4_000)):
        for rows in (64, n):  # the first converts the network, and keeps it for the other
            command = [sys.executable, "-m", "benchmarks.encode_memory", kind, str(rows)]
            command.append(str(setting.data))
            done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        found = json.loads(done.stdout.splitlines()[-1])
        what = f"GB at the peak, {found['vectors'] / 1e9:.2f} of them the vectors ({kind} pictures)"
        yield figure(what, n, found["peak"] / 1e9, 2.0)


def again(setting: Setting) -> Iterator[Row]:
    """A second run after one picture in a hundred has changed."""
    from matcher.jobs.embed import embed

    n, pictures, warm = 8_000, setting.folder / "many", setting.folder / "warm"
    make_pictures(pictures, n, setting.data, side=256)
    make_pictures(warm, 1, setting.data, side=256, first=10 * n)
    config = random_weights()

    def seconds(folder: Path) -> float:
        start = time.perf_counter()
        embed(folder, encoder="efficientnet", config=config)
        return time.perf_counter() - start

    seconds(warm)  # what is imported, converted and compiled once
    first, later, changed = seconds(pictures), [], n // 100
    for k in range(setting.n_rounds):
        others = setting.folder / "others"
        fresh = make_pictures(others, changed, setting.data, side=256, first=n + k * changed)
        for i, path in enumerate(fresh):
            path.replace(pictures / f"{100 * i + k:06d}.jpg")
        later.append(seconds(pictures))
    what = "second run with 1 % changed, as a share of the first"
    yield figure(what, n, float(np.median(later)) / first, 0.05)


def random_weights() -> dict[str, Any]:
    """A config of EfficientNetB0 alone."""
    return {
        "encoders": {"efficientnet": {"weights": "random"}},
        "fusion": {"method": "union", "thresholds": {"efficientnet": 0.9}},
        "clustering": {"method": "components"},
    }
