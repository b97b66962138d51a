"""Vectors of a trained encoder of pictures are spread out."""

import numpy as np
import pytest

import matcher
from matcher.io.artifacts import load_model
from matcher.training.trained_rows import load_trained
from pipelines import spread
from pipelines.spread import main, principal_axes


@pytest.fixture(scope="module")
def pictures(root):
    return root / "examples" / "listings.csv", root / "examples" / "images"


def test_the_axes_of_four_points():
    # Mean (3, 2); along the axes the differences are 4, 4 and 1, 1: standard deviations with
    # n - 1 = 3 are sqrt(32/3) and sqrt(2/3), four to one.
    points = np.array([[7.0, 2], [-1, 2], [3, 3], [3, 1]])
    mean, axes = principal_axes(points, 1.0)
    assert mean.tolist() == [3, 2]
    turned = np.abs((points - mean) @ axes)
    np.testing.assert_allclose(turned.max(axis=0), turned.max(), rtol=1e-9)  # white
    lengths = np.linalg.norm(points, axis=1).mean(), np.linalg.norm(turned, axis=1).mean()
    assert lengths[0] == pytest.approx(lengths[1])
    _, halfway = principal_axes(points, 0.5)
    turned = np.sort(np.abs((points - mean) @ halfway).max(axis=0))
    assert turned[1] / turned[0] == pytest.approx(2)  # 4 ** (1 - 0.5)


@pytest.mark.keras
@pytest.mark.slow
def test_the_network_itself_is_changed(image_run, pictures, tmp_path, capsys):
    table, images = pictures
    out = tmp_path / "spread"
    command = [str(image_run), str(table), "--images", str(images), "--out", str(out)]
    assert main([*command, "--strength", "0.5"]) == 0
    assert "strength 0.5" in capsys.readouterr().out
    listings = matcher.read_listings(table, images)
    before, after = spread._outputs(image_run, listings, None), spread._outputs(out, listings, None)
    mean, axes = principal_axes(before, 0.5)
    np.testing.assert_allclose(after, (before - mean) @ axes, atol=2e-3 * np.abs(after).max())
    assert np.abs(after.mean(axis=0)).max() < 0.01 * np.linalg.norm(after, axis=1).mean()
    # All but the last layer, and what it was trained on, are as they were.
    (_, old), (_, new) = load_model(image_run), load_model(out)
    assert all(np.array_equal(old[k], new[k]) for k in old if not k.startswith(("proj", "neck")))
    assert np.array_equal(load_trained(out)[1], load_trained(image_run)[1])


@pytest.mark.parametrize(
    ("strength", "told"), [("1.5", "in [0, 1]. Received: 1.5"), ("0.5", "is there already")]
)
def test_what_is_refused(strength, told, pictures, tmp_path, capsys):
    table, images = pictures
    command = [str(tmp_path), str(table), "--images", str(images), "--out", str(tmp_path)]
    assert main([*command, "--strength", strength]) == 2
    assert told in capsys.readouterr().err
