"""What the shipped encoders cost: time, beside their teachers, and room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from benchmarks.encode_peers import THREADS
from benchmarks.protocols import take
from benchmarks.timing import race
from benchmarks.weights_encoders import (
    BASE,
    MINILM,
    MOBILENET,
    Row,
    Setting,
    image_encoders,
    measured,
    title_encoders,
)
from matcher.config import RunConfig
from matcher.encoders._artefacts import is_saved
from matcher.io.artifacts import TENSORS
from matcher.io.columns import Columns
from matcher.io.listings import read_listings
from matcher.types import Listings

TITLES, PICTURES = "titles a second", "pictures a second"
TIMES = "{}, times its teacher's"
SIZE_IMAGE, SIZE_TITLE = "MB of weights, pictures", "MB of weights, titles"
SIZE_WHEEL, WHEEL = "MB of the wheel", "wheel"
N_TITLES, N_PICTURES, N_ROUNDS = 2_000, 1_000, 5


def speed(setting: Setting) -> Iterator[Row]:
    """Titles and pictures a second, in turns, reading and tokenising included.

    Where one of the two encoders is not there, the other is measured alone.
    """
    n_titles, n_pictures = (min(n, setting.limit or n) for n in (N_TITLES, N_PICTURES))
    if is_saved(setting.title):
        known = read_listings(setting.data / "shopee" / "train.csv").titles
        distinct = list(dict.fromkeys(known))
        texts = tuple(distinct[:: len(distinct) // n_titles][:n_titles])
        ids, nothing = tuple(map(str, range(len(texts)))), (None,) * len(texts)
        table = Listings(ids=ids, titles=texts, images=nothing)
        yield from _raced(TITLES, title_encoders(setting, untrained=False), (BASE, MINILM), table)
    if is_saved(setting.image):
        folder = setting.data / "hm"
        read = read_listings(folder / "listings.csv", folder / "images.zip", Columns(title=""))
        table = take(read, np.arange(n_pictures))
        yield from _raced(
            PICTURES, image_encoders(setting, untrained=False), (BASE, MOBILENET), table
        )


def _raced(
    measure: str, encoders: Mapping[str, RunConfig], names: tuple[str, str], table: Listings
) -> Iterator[Row]:
    """Both in each round, each first in every other one."""
    ready: dict[str, Any] = {}
    for name in names:
        (modality,) = encoders[name].encoders.values()
        ready[name] = modality.make().fit(table)
    timed = race({name: partial(e.encode, table) for name, e in ready.items()}, N_ROUNDS)
    for name, found in timed.items():
        told = f"median of {N_ROUNDS} turns, {ready[name].runner.precision}, {THREADS} threads"
        yield measured(measure, name, len(table) / found.seconds, len(table), told)
    own, teacher = (timed[name].seconds for name in names)
    told = f"medians of {N_ROUNDS} turns each"
    yield measured(TIMES.format(measure), BASE, teacher / own, len(table), told)


def sizes(setting: Setting) -> Iterator[Row]:
    """Megabytes (10^6 bytes) of the files."""
    files = [
        (SIZE_IMAGE, BASE, setting.image / TENSORS),
        (SIZE_IMAGE, MOBILENET, setting.teacher),
        (SIZE_TITLE, BASE, setting.title / TENSORS),
        (SIZE_TITLE, MINILM, setting.bert / TENSORS),
    ]
    if setting.wheel is not None:
        files.append((SIZE_WHEEL, WHEEL, setting.wheel))
    for measure, name, path in files:
        if path.is_file():
            yield measured(measure, name, path.stat().st_size / 1e6, 0, "one file")
