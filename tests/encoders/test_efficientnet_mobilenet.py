"""Pictures through networks of Keras: rows, batches, weights from everywhere."""

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from matcher.encoders import make_encoder
from matcher.encoders.efficientnet import VARIANTS
from matcher.errors import BackendError, ConfigError, StoreError
from matcher.io.artifacts import load_model, save_model
from matcher.io.images import read_pixels, resolve_images
from matcher.progress import shown_by
from matcher.types import ImageRef, Listings

pytestmark = [
    pytest.mark.keras,
    # Keras 3.15 raises it when it saves weights with NumPy 2.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
pytest.importorskip("keras")

NO_LISTINGS = Listings((), (), ())


def fit(name="mobilenet", **settings):
    exact = {"weights": "random", "size": 32, "precision": "float32"}
    return make_encoder(name, **exact | settings).fit(NO_LISTINGS)


@pytest.fixture(scope="module")
def encoder():
    return fit(batch=4)


@pytest.fixture(scope="module")
def listings(tmp_path_factory) -> Listings:
    """Eleven rows: the third has no picture, the fifth's is damaged."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(0)
    images: list[ImageRef | None] = []
    for row in range(11):
        path = folder / f"{row}.png"
        side = int(noise.integers(20, 90))
        Image.fromarray(noise.integers(0, 256, (side, 40, 3), np.uint8)).save(path)
        images.append(ImageRef(path))
    images[2] = None
    (folder / "4.png").write_bytes(b"no picture at all")
    return Listings(tuple("abcdefghijk"), ("",) * 11, tuple(images))


def take(listings, rows):
    pick = {n: tuple(getattr(listings, n)[i] for i in rows) for n in ("ids", "titles", "images")}
    return replace(listings, **pick)


def test_rows_without_a_picture_are_zero(encoder, listings):
    encoded = encoder.encode(listings)
    assert encoded.vectors.shape == (11, 1280)
    assert np.flatnonzero(~encoded.present).tolist() == [2, 4]
    assert list(encoded.problems) == [4]
    assert "picture cannot be read" in encoded.problems[4]


def test_vectors_are_those_of_the_model(encoder, listings):
    from matcher.models.backbones import build_backbone

    model = build_backbone("mobilenet-v2", 32)
    for row in (0, 5, 10):
        pixels = read_pixels(listings.images[row], 32)
        expected = np.asarray(model(pixels[None].astype(np.float32), training=False))[0]
        vector = encoder.encode(listings).vectors[row]
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_a_picture_encodes_the_same_in_any_company(encoder, listings):
    together = encoder.encode(listings).vectors
    for rows in ([7], [10, 2, 0], [4, 3], list(range(10, -1, -1))):
        part = encoder.encode(take(listings, rows)).vectors
        np.testing.assert_allclose(part, together[rows], atol=1e-5)


def test_encoding_twice_gives_the_same_numbers(encoder, listings):
    first, second = (encoder.encode(listings).vectors for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_box_shows_only_the_product(encoder, listings, tmp_path):
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:20, :20] = np.asarray(Image.open(listings.images[0].path).resize((20, 20)))
    Image.fromarray(pixels).save(tmp_path / "scene.png")
    Image.fromarray(pixels[:20, :20]).save(tmp_path / "product.png")
    images = (ImageRef(tmp_path / "scene.png"), ImageRef(tmp_path / "product.png"))
    boxes = np.float32([[0, 0, 20, 20], [np.nan] * 4])
    vectors = encoder.encode(Listings(("a", "b"), ("", ""), images, boxes=boxes)).vectors
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-5)


def test_in_any_precision_a_picture_encodes_the_same_in_any_company(listings):
    encoder = fit(batch=4, precision="auto")
    together = encoder.encode(listings).vectors
    for rows in ([7], [10, 2, 0], list(range(10, -1, -1))):
        part = encoder.encode(take(listings, rows)).vectors
        np.testing.assert_allclose(part, together[rows], atol=1e-6)


@pytest.mark.parametrize("batch", [1, 3, 8, 64])
def test_a_picture_encodes_the_same_in_any_batch(encoder, listings, batch):
    vectors = fit(batch=batch).encode(listings).vectors
    np.testing.assert_allclose(vectors, encoder.encode(listings).vectors, atol=1e-5)


def test_nothing_to_encode(encoder, listings):
    assert encoder.encode(NO_LISTINGS).vectors.shape == (0, 1280)
    nothing = encoder.encode(take(listings, [2]))
    assert not nothing.present.any()
    unreadable = encoder.encode(take(listings, [4]))
    assert list(unreadable.problems) == [0]


def test_progress_reaches_the_end(encoder, listings):
    seen = []
    with shown_by(lambda *step: seen.append(step)):
        encoder.encode(listings)
    assert seen[-1] == ("mobilenet", 10, 10)


@pytest.mark.slow
def test_fingerprints_tell_sizes_and_weights_apart(encoder, tmp_path):
    from matcher.models.backbones import build_backbone

    name, size, mark, precision = encoder.source.split(":")
    assert (name, size, len(mark), precision) == ("mobilenet", "32", 16, "float32")
    path = tmp_path / "seed.weights.h5"
    build_backbone("mobilenet-v2", 32, seed=3).save_weights(path)
    other = fit(weights=str(path)).source
    assert other.startswith("mobilenet:32:")
    assert other != encoder.source
    assert fit().source == encoder.source


@pytest.mark.slow
def test_weights_saved_by_a_training(encoder, listings, tmp_path):
    from matcher.models.backbones import build_backbone
    from matcher.models.weights import export_weights

    tensors = export_weights(build_backbone("mobilenet-v2", 32))
    save_model(tmp_path, {"backbone": "mobilenet-v2", "size": 32}, tensors)
    loaded = fit(weights=str(tmp_path), size=None)
    assert loaded.source == encoder.source
    np.testing.assert_allclose(
        loaded.encode(listings).vectors, encoder.encode(listings).vectors, atol=1e-6
    )
    with pytest.raises(ConfigError, match="weights of mobilenet-v2, not of efficientnet-b0"):
        fit("efficientnet", weights=str(tmp_path))
    _, tensors = load_model(tmp_path)
    tensors.pop("Conv1/kernel")
    save_model(tmp_path, {"backbone": "mobilenet-v2", "size": 32}, tensors)
    with pytest.raises(StoreError, match="lacks the weights 'Conv1/kernel'"):
        fit(weights=str(tmp_path))


def test_misspelt_weights_are_explained():
    with pytest.raises(BackendError, match=r"there is no imagnet\. Set weights: to 'imagenet', "):
        fit(weights="imagnet")


def test_variants():
    assert VARIANTS[0] == "b0"
    assert VARIANTS[8] == "v2-b0"
    assert len(VARIANTS) == 15
    assert make_encoder("efficientnet").variant == "b0"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variant": "B0"}, r"Unknown variant 'B0'\.( Did you mean 'b0'\?)? Available: b0, b1"),
        ({"variant": "v2b0"}, r"Unknown variant 'v2b0'\. Did you mean 'v2-b0'\? Available: b0"),
        ({"varient": "b0"}, r"unknown setting 'varient'\. Did you mean 'variant'"),
        ({"size": 16}, r"'size'.*32.*Received: 16"),
        ({"batch": 0}, r"'batch'.*Received: 0"),
        ({"precision": "float16"}, r"'precision'.*'float32' or 'bfloat16'.*Received: 'float16'"),
    ],
)
def test_wrong_settings_are_explained(settings, message):
    with pytest.raises(ConfigError, match=message):
        make_encoder("efficientnet", **settings)


@pytest.mark.slow
def test_efficientnet_encodes(listings):
    encoder = fit("efficientnet", batch=4)
    encoded = encoder.encode(listings)
    assert encoded.source.startswith("efficientnet:b0:32:")
    assert encoded.vectors.shape == (11, 1280)
    assert np.flatnonzero(~encoded.present).tolist() == [2, 4]
    part = encoder.encode(take(listings, [9, 0])).vectors
    np.testing.assert_allclose(part, encoded.vectors[[9, 0]], atol=1e-5)


QUIET = """
import sys
from matcher.encoders import make_encoder
from matcher.types import ImageRef, Listings
import matcher.encoders.bert, matcher.encoders.efficientnet, matcher.encoders.mobilenet
heavy = {"keras", "tensorflow", "transformers", "PIL", "sklearn"} & set(sys.modules)
if heavy:
    sys.exit(f"loaded: {heavy}")
listings = Listings(("a",), ("red shirt",), (None,))
make_encoder("bert", weights=sys.argv[1], max_tokens=20).fit(listings).encode(listings)
make_encoder("mobilenet", weights="random", size=32).fit(listings).encode(listings)
"""


@pytest.mark.slow
def test_encoders_load_late_and_write_nothing_to_the_terminal():
    root = Path(__file__).parents[2]
    tiny = root / "tests" / "fixtures" / "tiny_bert"
    done = subprocess.run(
        [sys.executable, "-c", QUIET, str(tiny)], cwd=root, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.slow
@pytest.mark.data
def test_real_weights_tell_groceries_apart(real_data):
    weights = real_data.parent / "weights" / "mobilenet_v2_imagenet"
    found = sorted(weights.glob("*.weights.h5"))
    if not found:
        pytest.skip(f"no weights in {weights}")
    with (real_data / "grocery" / "listings.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["label_group"]) < 10][::4]
    refs, problems = resolve_images(
        [row["image"] for row in rows], real_data / "grocery" / "images.zip"
    )
    groups = np.unique([row["label_group"] for row in rows], return_inverse=True)[1]
    listings = Listings(tuple(row["listing_id"] for row in rows), ("",) * len(rows), refs)
    vectors = fit(weights=str(found[0]), size=None).encode(listings).vectors
    assert not problems
    scores = vectors @ vectors.T
    same = groups[:, None] == groups
    others = ~np.eye(len(rows), dtype=bool)
    assert scores[same & others].mean() > scores[~same].mean() + 0.08
    np.fill_diagonal(scores, -2)
    has_mate = (same & others).any(axis=1)
    # 0.83 here; 0.918 over all 4,721 pictures
    assert (groups[scores.argmax(axis=1)] == groups)[has_mate].mean() > 0.75
