"""Spread out the vectors of a trained encoder of pictures: unrelated pictures come to lie apart.

    python -m pipelines.spread RUN TABLE --images DIR --out DIR [--strength 0.5] [--size 192]

Vectors of a network share a direction, and vary much along a few others; then pictures that have
nothing in common have high scores. Their mean over pictures of TABLE is taken away, and each of
their principal axes is divided by its standard deviation to the power of ``--strength``: 0 takes
the mean away alone, 1 whitens. Every picture set (column ``set``) counts alike, by up to
1,500 of its rows, evenly spaced. Nothing is added to the network: its last layer is changed.
Minutes on two cores.

Source: Jégou and Chum, "Negative evidences and co-occurences in image retrieval", ECCV 2012.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines._command import carry_out

if TYPE_CHECKING:
    from matcher.encoders._artefacts import Saved
    from matcher.types import Float64, Int64, Listings

OF_A_SET = 1500  # pictures
LEAST_SHARE = 1e-4  # of the largest variance; axes below it count as of that


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a finished training")
    parser.add_argument("table", type=Path, help="listings that it was trained on")
    parser.add_argument("--images", type=Path, required=True, help="where their pictures lie")
    parser.add_argument("--out", type=Path, required=True, help="folder that is written")
    parser.add_argument("--strength", type=float, default=0.5, metavar="0..1", help="see above")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="side pictures are read at")
    asked = parser.parse_args(argv)
    given = (asked.run, asked.table, asked.images, asked.out, asked.strength, asked.size)
    return carry_out(lambda: spread(*given))


def spread(
    run: Path, table: Path, images: Path, out: Path, strength: float = 0.5, size: int | None = None
) -> None:
    """Write a copy of a run whose vectors are spread out.

    Raises:
        ConfigError: If ``strength`` is not in [0, 1], or the network has no layer to change.
        StoreError: If the run is damaged, or ``out`` is there.
    """
    from matcher.encoders._artefacts import load_saved
    from matcher.errors import ConfigError, StoreError
    from matcher.io.artifacts import save_model
    from matcher.io.listings import read_listings

    if not 0 <= strength <= 1:
        raise ConfigError(f"--strength is in [0, 1]. Received: {strength}.")
    if out.exists():
        raise StoreError(f"{out} is there already. Name another folder with --out.")
    saved = load_saved(run)
    if not {"projection/kernel", "neck/gamma"} <= set(saved.tensors):
        raise ConfigError(f"{run} needs a projection and a batch_norm neck: set image.width.")
    vectors = _outputs(run, read_listings(table, images), size)
    mean, axes = principal_axes(vectors, strength)
    shutil.copytree(run, out, ignore=shutil.ignore_patterns("checkpoints"))
    save_model(out, saved.config, turn(saved, mean, axes))
    print(f"{out}: spread by {len(vectors):,} pictures, strength {strength:g}")


def principal_axes(vectors: Float64, strength: float) -> tuple[Float64, Float64]:
    """Mean of vectors, and what their differences from it are multiplied by.

    Args:
        vectors: Shape ``(n, d)``.
        strength: Power of the standard deviation that each axis is divided by.

    Returns:
        Shapes ``(d,)`` and ``(d, d)``; mean length of vectors stays.
    """
    import numpy as np

    mean = vectors.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov((vectors - mean).T))
    variances = np.maximum(variances, variances[-1] * LEAST_SHARE)
    turned = axes * variances ** (-strength / 2)
    length = np.linalg.norm(vectors, axis=1).mean()
    return mean, turned * length / np.linalg.norm((vectors - mean) @ turned, axis=1).mean()


def turn(saved: Saved, mean: Float64, axes: Float64) -> dict[str, Float64]:
    """Weights with which the network gives ``(vectors - mean) @ axes``."""
    import numpy as np

    tensors = dict(saved.tensors)
    parts = ("gamma", "beta", "moving_mean", "moving_variance")
    gamma, beta, center, variance = (tensors[f"neck/{p}"].astype(np.float64) for p in parts)
    scale = gamma / np.sqrt(variance + 1e-5)  # epsilon of the neck
    kernel = tensors["projection/kernel"].astype(np.float64) * scale @ axes
    shift = (beta - center * scale - mean) @ axes
    ones = np.ones(axes.shape[1])
    new = {"projection/kernel": kernel, "neck/gamma": ones, "neck/beta": shift}
    new |= {"neck/moving_mean": 0 * ones, "neck/moving_variance": ones - 1e-5}
    return tensors | {name: value.astype(np.float32) for name, value in new.items()}


def _outputs(run: Path, listings: Listings, size: int | None) -> Float64:
    """What the network gives, not brought to length 1, shape ``(n, d)``."""
    import numpy as np

    from matcher.encoders import make_encoder
    from matcher.encoders._keras_images import load_network
    from matcher.io.decoding import to_pixels
    from matcher.io.images import ImageError, read_all
    from matcher.jobs.encoding import take_listings

    network = load_network(make_encoder("image", weights=str(run), size=size))
    size = network.input_shape[1]
    chosen = take_listings(listings, _evenly(listings).tolist())
    pictures = read_all(chosen, lambda image: to_pixels(image, size), "pictures", size)
    read = [picture for _, picture in pictures if not isinstance(picture, ImageError)]
    found = network.predict(np.stack(read), batch_size=32, verbose=0)
    return np.asarray(found, np.float64)


def _evenly(listings: Listings) -> Int64:
    """Rows of each picture set, evenly spaced."""
    import numpy as np

    sets = np.zeros(len(listings), "U1")
    if listings.extra is not None and "set" in listings.extra.column_names:
        sets = np.asarray(listings.extra.column("set").to_pylist())
    rows = [np.flatnonzero(sets == name) for name in np.unique(sets)]
    return np.concatenate([r[:: -(-len(r) // OF_A_SET)] for r in rows])


if __name__ == "__main__":
    raise SystemExit(main())
