"""Pictures changed at random: only as much as the settings say, and the same again."""

import numpy as np
import pytest

from matcher.errors import ConfigError
from matcher.models.settings import Augmentation

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.models.augmentation import FILL, _sample, build_augmentation, build_cut_mix  # noqa: E402

SIZE = 16
OFF = {
    **{"flip": False, "area": (1.0, 1.0), "aspect": 1.0},
    **{"brightness": 0.0, "contrast": 0.0, "saturation": 0.0},
}


def layer(seed=0, **settings):
    return build_augmentation(Augmentation(**OFF | settings), SIZE, seed)


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (40, SIZE, SIZE, 3)).astype(np.uint8)


def run(augmentation, pixels, training=True):
    return np.asarray(augmentation(pixels, training=training))


def test_nothing_on_changes_nothing(pixels):
    np.testing.assert_allclose(run(layer(), pixels), pixels, atol=1e-3)


def test_only_training_changes_pictures(pixels):
    augmentation = build_augmentation(Augmentation(cut_out=1.0), SIZE)
    same = run(augmentation, pixels, training=False)
    np.testing.assert_array_equal(same, pixels)
    assert same.dtype == np.float32
    changed = run(augmentation, pixels)
    assert (changed.shape, changed.dtype) == (pixels.shape, np.float32)
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert (np.abs(changed - pixels).mean(axis=(1, 2, 3)) > 1).all()


def test_half_are_mirrored(pixels):
    found = run(layer(flip=True), pixels)
    mirrored = np.abs(found - pixels[:, :, ::-1]).max(axis=(1, 2, 3)) < 1e-2
    straight = np.abs(found - pixels).max(axis=(1, 2, 3)) < 1e-2
    assert (mirrored ^ straight).all()
    assert 8 < mirrored.sum() < 32


def test_a_part_is_read_between_pixels():
    weights = np.asarray(
        _sample(4, 4, np.float32([0, 0.5]), np.float32([0.5, 0.5]), np.float32([0, 1]))
    )
    # the first half of 4 pixels in steps of a half: -0.25, which is outside, 0.25, 0.75, 1.25
    expected = [[1, 0, 0, 0], [0.75, 0.25, 0, 0], [0.25, 0.75, 0, 0], [0, 0.75, 0.25, 0]]
    np.testing.assert_allclose(weights[0], expected, atol=1e-6)
    # the second half, backwards
    np.testing.assert_allclose(weights[1], np.array(expected)[:, ::-1], atol=1e-6)


def test_a_part_is_brought_to_fewer_pixels_by_all_that_fall_on_them():
    weights = np.asarray(_sample(8, 2, np.float32([0.0]), np.float32([1.0]), np.float32([0])))
    # middles at 1.5 and 5.5 with a reach of 4 pixels: 1 - 1.5 / 4, 1 - 0.5 / 4, ...
    first = np.array([2.5, 3.5, 3.5, 2.5, 1.5, 0.5, 0, 0])
    np.testing.assert_allclose(weights[0], [first / first.sum(), first[::-1] / first.sum()])


def test_pictures_read_at_another_size_come_out_at_the_networks():
    ramp = np.zeros((30, 64, 64, 3), np.float32) + np.arange(64, dtype=np.float32)[:, None]
    wanted = 4 * np.arange(SIZE) + 1.5  # middles of four pixels each
    for training in (True, False):
        found = run(layer(area=(1.0, 1.0)), ramp, training)
        assert found.shape == (30, SIZE, SIZE, 3)
        np.testing.assert_allclose(found[0, 3, 1:-1, 0], wanted[1:-1], atol=1e-3)
    part = run(layer(area=(0.0625, 0.0625)), ramp)  # a quarter of each side: pixel by pixel
    np.testing.assert_allclose(np.diff(part[:, 0, 1:-1, 0], axis=1), 1, atol=0.1)


def test_crops_show_what_the_settings_say():
    # a picture in which each pixel tells its row (red) and its column (green)
    along = np.arange(SIZE, dtype=np.float32)
    ramp = np.zeros((200, SIZE, SIZE, 3), np.float32)
    ramp[..., 0], ramp[..., 1] = along[:, None], along
    found = run(layer(area=(0.25, 0.49)), ramp)
    height = found[:, -1, 0, 0] - found[:, 0, 0, 0]
    width = found[:, 0, -1, 1] - found[:, 0, 0, 1]
    np.testing.assert_allclose(height, width, atol=1)  # clipped at the picture's edges
    # sides of half to 0.7 of the picture; the middles of 16 pixels span 15 / 16 of that
    assert height.min() >= 0.5 * SIZE * 15 / 16 - 1
    assert height.max() <= 0.7 * SIZE * 15 / 16 + 0.1
    assert height.std() > 0.5
    top = found[:, 0, 0, 0]
    assert top.min() < 1
    assert top.max() > 5
    wide = run(layer(area=(0.25, 0.25), aspect=2.0), ramp)
    ratio = (wide[:, 0, -1, 1] - wide[:, 0, 0, 1]) / (wide[:, -1, 0, 0] - wide[:, 0, 0, 0])
    assert 0.4 < ratio.min() < 0.7
    assert 1.5 < ratio.max() < 2.4


def test_light_by_hand():
    gray = np.full((50, SIZE, SIZE, 3), 100.0, np.float32)
    found = run(layer(brightness=0.2, contrast=0.5, saturation=0.5), gray)
    # all of a colour: contrast and saturation have nothing to work on
    np.testing.assert_allclose(found, found[:, :1, :1, :1] + 0 * found, atol=1e-3)
    shift = found[:, 0, 0, 0] - 100
    assert -51 <= shift.min() < -30
    assert 30 < shift.max() <= 51
    halves = gray.copy()
    halves[:, :, : SIZE // 2] = 50
    spread = np.ptp(run(layer(contrast=0.5), halves)[..., 0], axis=(1, 2))
    assert 25 <= spread.min() < 32
    assert 68 < spread.max() <= 75.01
    red = np.zeros_like(gray) + np.float32([200, 100, 100])
    found = run(layer(saturation=0.5), red)[:, 0, 0]
    np.testing.assert_allclose(
        found @ np.float32([0.299, 0.587, 0.114]), np.full(50, 129.9), rtol=1e-4
    )
    assert 50 <= (found[:, 0] - found[:, 1]).min() < 70
    np.testing.assert_allclose(run(layer(gray=1.0), red), np.full_like(red, 129.9), rtol=1e-4)


def test_holes():
    black = np.zeros((300, SIZE, SIZE, 3), np.float32)
    found = run(layer(cut_out=0.5, cut_size=0.5), black)
    painted = found[..., 0] > 0
    np.testing.assert_allclose(found[painted], np.zeros_like(found[painted]) + FILL, rtol=1e-5)
    cut = painted.any(axis=(1, 2))
    assert 110 < cut.sum() < 190
    # at most a square of half the side; less where it reaches over the edge
    rows, columns = painted.any(axis=2).sum(axis=1)[cut], painted.any(axis=1).sum(axis=1)[cut]
    assert rows.max() == columns.max() == SIZE // 2
    assert rows.min() >= SIZE // 4 - 1
    np.testing.assert_array_equal(painted.sum(axis=(1, 2))[cut], rows * columns)


def test_random_state_can_be_kept_and_set(pixels):
    augmentation = build_augmentation(Augmentation(cut_out=0.5), SIZE, seed=7)
    first = run(augmentation, pixels)
    state = np.asarray(augmentation.random_state).copy()
    second, third = run(augmentation, pixels), run(augmentation, pixels)
    augmentation.random_state.assign(state)
    np.testing.assert_array_equal(run(augmentation, pixels), second)
    np.testing.assert_array_equal(run(augmentation, pixels), third)
    again = build_augmentation(Augmentation(cut_out=0.5), SIZE, seed=7)
    np.testing.assert_array_equal(run(again, pixels), first)
    other = build_augmentation(Augmentation(cut_out=0.5), SIZE, seed=8)
    assert np.abs(first - second).max() > 1
    assert np.abs(first - run(other, pixels)).max() > 1


def test_pasted_parts_come_from_the_rows_named():
    pixels = np.zeros((12, SIZE, SIZE, 3), np.float32) + np.arange(12)[:, None, None, None]
    mix = build_cut_mix(Augmentation(cut_mix=1.0), seed=3)
    shares = []
    for _ in range(20):
        mixed, rows, share = (np.asarray(x) for x in mix(pixels))
        assert sorted(rows) == list(range(12))
        own = mixed == np.arange(12)[:, None, None, None]
        pasted = mixed == rows[:, None, None, None]
        assert (own | pasted).all()
        moved = rows != np.arange(12)
        np.testing.assert_allclose(
            own[moved].mean(axis=(1, 2, 3)), np.full(moved.sum(), share), atol=1e-6
        )
        shares.append(float(share))
    assert min(shares) < 0.5 < max(shares)


def test_batches_that_are_not_mixed(pixels):
    mix = build_cut_mix(Augmentation(cut_mix=0.5), seed=1)
    shares = []
    for _ in range(30):
        mixed, _, share = (np.asarray(x) for x in mix(pixels.astype(np.float32)))
        if share == 1:
            np.testing.assert_array_equal(mixed, pixels)
        shares.append(float(share))
    assert 5 < shares.count(1.0) < 25


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"area": [0.0, 1.0]}, r"both in \(0, 1\]\. Received: \[0\.0, 1\.0\]"),
        ({"area": [0.9, 0.5]}, r"smallest and the largest"),
        ({"aspect": 0.5}, "'aspect'.*Received: 0.5"),
        ({"cut_out": 2}, "'cut_out'.*Received: 2"),
        ({"rotate": 5}, "unknown setting 'rotate'"),
    ],
)
def test_wrong_settings_are_explained(settings, message):
    with pytest.raises(ConfigError, match=message):
        Augmentation.read(settings, "run.yaml")
