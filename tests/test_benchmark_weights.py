"""The program that measures the shipped encoders: changed copies, bars, thresholds, tables."""

import json

import numpy as np
import pytest
from PIL import Image

from benchmarks import weights
from benchmarks.machine import ROOT
from benchmarks.weights_bars import Bar, bar_lines, barred, judge_bars, table_lines
from benchmarks.weights_encoders import find_weights, measured
from benchmarks.weights_pictures import HM
from benchmarks.weights_reposts import (
    KINDS,
    LIGHT_ALONE,
    MIRRORED,
    ON_BACKGROUND,
    apply_repost,
    draw_repost,
    write_reposts,
)
from benchmarks.weights_titles import _Pairs
from matcher.types import ImageRef, Listings

DRAWN = [draw_repost(row) for row in range(400)]


@pytest.fixture
def photo(rng):
    """Patches of other colours, no two alike, neither square."""
    pixels = rng.integers(0, 256, (8, 5, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((60, 96), Image.Resampling.NEAREST)


def test_a_copy_is_the_same_again_and_another_for_another_row(photo):
    first, again = (apply_repost(photo, draw_repost(3)) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert draw_repost(3) != draw_repost(4) != draw_repost(4, seed=1)


def test_every_copy_differs_and_keeps_its_size(photo):
    before = photo.tobytes()
    for repost in DRAWN[:40]:
        copy = apply_repost(photo, repost)
        assert (copy.size, copy.mode) == (photo.size, "RGB")
        assert copy.tobytes() != before
    assert photo.tobytes() == before


def test_shares_of_the_kinds_are_as_told():
    shares = {kind: np.mean([kind in repost.kinds for repost in DRAWN]) for kind in KINDS}
    assert shares[MIRRORED] == pytest.approx(0.5, abs=0.08)
    assert shares[ON_BACKGROUND] == pytest.approx(1 / 3, abs=0.08)
    assert min(shares.values()) > 0.03
    assert all(0.75 <= repost.share <= 1 for repost in DRAWN)
    assert not any(LIGHT_ALONE in repost.kinds and len(repost.kinds) > 1 for repost in DRAWN)


def test_a_mirrored_copy_is_close_to_the_mirrored_photo_alone(photo):
    repost = next(r for r in DRAWN if r.kinds == {MIRRORED})
    copy = np.asarray(apply_repost(photo, repost), float)
    original = np.asarray(photo, float)
    assert np.abs(copy - original[:, ::-1]).mean() < np.abs(copy - original).mean() / 2


def test_a_background_shows_where_the_photo_does_not_lie(photo):
    repost = next(r for r in DRAWN if r.share < 0.9 and 0.2 < min(r.place) < max(r.place) < 0.8)
    pixels = np.asarray(apply_repost(photo, repost))
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert tuple(pixels[corner]) == repost.ground


def test_copies_are_written_row_by_row(tmp_path, photo):
    photo.save(tmp_path / "a.png")
    listings = Listings(("x", "y"), ("", ""), (ImageRef(tmp_path / "a.png"),) * 2)
    copies, made = write_reposts(listings, tmp_path / "made")
    assert (copies.ids, made) == (listings.ids, DRAWN[:2])
    contents = [ref.path.read_bytes() for ref in copies.images]
    again, _ = write_reposts(listings, tmp_path / "again")
    assert contents == [ref.path.read_bytes() for ref in again.images]
    assert contents[0] != contents[1]
    with Image.open(copies.images[0].path) as copy:
        assert (copy.format, copy.size) == ("JPEG", photo.size)


@pytest.mark.parametrize(
    ("bar", "values", "holds"),
    [
        (Bar("", "m", {"t": 0.9, "r": 3}), {"base": 0.9, "t": 1.0, "r": 0.3}, True),
        (Bar("", "m", {"t": 0.9, "r": 3}), {"base": 0.89, "t": 1.0, "r": 0.1}, False),
        (Bar("", "m", {"t": 0.9, "r": 3}), {"base": 0.9, "t": 1.0, "r": 0.31}, False),
        (Bar("", "m", {"t": 0.9, "r": 3}), {"base": 0.9, "t": 1.0}, None),
        (Bar("", "m", above=("t",)), {"base": 0.5, "t": 0.5}, False),
        (Bar("", "m", above=("t",), least=0.95), {"base": 0.96, "t": 0.5}, True),
        (Bar("", "m", above=("t",), least=0.95), {"base": 0.94, "t": 0.5}, False),
        (Bar("", "m", most=10), {"base": 10.0}, True),
        (Bar("", "m", most=10), {"base": 10.1}, False),
        (Bar("", "m", most=10, of="wheel"), {"base": 10.1}, None),
    ],
)
def test_a_bar_holds_is_missed_or_is_not_known(bar, values, holds):
    rows = [measured("m", name, value, 9, "none") for name, value in values.items()]
    assert [found for _, found in judge_bars(rows, (bar,))] == [holds]


ROWS = [
    measured("a measure without a bar", "base", 0.5, 10, "how"),
    measured(f"{HM}top1", "base", 0.25, 8444, "how"),
    measured(f"{HM}top1", "MobileNetV2", 0.3, 8444, "how"),
    measured(f"{HM}top1", "random", 0.05, 8444, "how"),
    measured(f"{HM}top1", "phash", 0.01, 8444, "how"),
]


def test_bars_are_told_one_by_one():
    (told,) = (line for line in bar_lines(ROWS) if "top1" in line)
    assert told.startswith("MISSED        2   H&M styles: top1: 0.250, >= 0.9 x MobileNetV2")
    assert sum("not measured" in line for line in bar_lines(ROWS)) == len(list(bar_lines([]))) - 1


def test_a_table_has_a_line_a_measure():
    line = "| H&M styles: top1 | **0.250** | MobileNetV2 0.300 | 0.050 | phash 0.010 | 8,444 |"
    assert table_lines(barred(ROWS), splits=False)[2:] == [line]
    every = table_lines(ROWS, splits=True)
    assert every[2:] == [
        "| a measure without a bar | **0.500** |  |  |  | 10 | how |",
        f"{line} how |",
    ]


def test_the_threshold_of_pairs_is_the_best_one():
    scores = np.float32([0.9, 0.8, 0.8, 0.5])
    pairs = _Pairs(scores, np.array([True, True, False, True]), 4)
    f1 = {bound: pairs.f1(bound) for bound in (0.9, 0.8, 0.5)}
    assert f1 == pytest.approx({0.9: 2 / 5, 0.8: 4 / 7, 0.5: 6 / 8}, abs=1e-6)
    assert pairs.best_threshold() == 0.5


def test_results_are_written_and_read_again(tmp_path, monkeypatch):
    page = "before\n<!-- weights:begin -->\nold\n<!-- weights:end -->\nafter\n"
    for name in ("README.md", "weights.md"):
        (tmp_path / name).write_text(page, encoding="utf-8")
    monkeypatch.setattr(weights, "RESULTS", tmp_path / "weights.json")
    monkeypatch.setattr(weights, "PAGE", tmp_path / "weights.md")
    monkeypatch.setattr(weights, "ROOT", tmp_path)
    weights.write({"hm": ROWS})
    assert weights.read_results() == {"hm": ROWS}
    assert "a measure without" in (tmp_path / "weights.md").read_text(encoding="utf-8")
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "top1" in readme
    assert "a measure without" not in readme


def test_a_folder_without_an_encoder_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="holds no encoder"):
        find_weights(str(tmp_path), "image")


def test_the_pages_show_the_results():
    results = {}
    if weights.RESULTS.exists():
        results = json.loads(weights.RESULTS.read_text(encoding="utf-8"))["results"]
    rows = [row for part in results.values() for row in part]
    page = (ROOT / "docs" / "weights.md").read_text(encoding="utf-8")
    assert "\n".join(table_lines(rows, splits=True)) in page
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\n".join(table_lines(barred(rows), splits=False)) in readme
    assert all(row["encoder"] and row["command"] for row in rows)
