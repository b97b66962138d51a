"""The sheet of queries with their candidates, and the drawings of a search."""

import numpy as np
import pytest
from PIL import Image

from matcher.errors import ConfigError
from matcher.metrics import SizeBucket
from matcher.report import ranking_plots
from matcher.report.ranking_plots import plot_class_sizes, plot_scores
from matcher.report.ranking_sheet import (
    FRAME,
    RIGHT,
    SIDE,
    WRONG,
    Asked,
    Candidate,
    take_best,
    write_ranking_sheet,
)
from matcher.similarity import build_graph
from matcher.types import ImageRef, Listings


@pytest.fixture
def listings(tmp_path):
    """A wide, a high, a tiny and a broken picture, and a listing without one."""
    refs = []
    for i, size in enumerate([(300, 100), (100, 300), (5, 5)]):
        path = tmp_path / f"{i}.png"
        Image.new("RGB", size, (0, 0, 200)).save(path)
        refs.append(ImageRef(path))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    refs += [ImageRef(tmp_path / "broken.png"), None]
    names = ("a", "b" * 300, "c\u202e<&>", "d", "e")
    return Listings(names, ("",) * 5, tuple(refs))


def draw(tmp_path, listings, asked):
    path = tmp_path / "sheet.png"
    write_ranking_sheet(path, listings, listings, asked, "Heading " * 60)
    with Image.open(path) as sheet:
        return sheet.convert("RGB")


def count(sheet, color):
    """Pixels of one colour."""
    pixels = np.asarray(sheet).reshape(-1, 3)
    return int((pixels == [int(color[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=1).sum())


def test_right_and_wrong_have_frames_of_their_own(tmp_path, listings):
    frame = 4 * FRAME * (SIDE + FRAME)
    sheet = draw(tmp_path, listings, [Asked(0, (Candidate(1, 0.9, True), Candidate(2, 0.8, True)))])
    assert count(sheet, RIGHT) > 1.8 * frame
    assert count(sheet, WRONG) == 0
    sheet = draw(tmp_path, listings, [Asked(0, (Candidate(1, 0.9, False),))])
    assert count(sheet, WRONG) > 0.9 * frame
    assert count(sheet, RIGHT) == 0


def test_right_and_wrong_differ_without_their_colors(tmp_path, listings):
    one, other = (
        np.asarray(draw(tmp_path, listings, [Asked(0, (Candidate(1, 0.9, right),))]))
        for right in (True, False)
    )
    paper = (one == 255).all(axis=2) != (other == 255).all(axis=2)
    assert paper[64 : 64 + SIDE].sum() > 30  # the tick and the cross, white on a disc


def test_pictures_that_cannot_be_read_leave_their_place(tmp_path, listings):
    found = tuple(Candidate(row, 0.5, False) for row in (2, 3, 4))
    sheet = draw(tmp_path, listings, [Asked(4, found), Asked(3, ())])
    assert sheet.width > 4 * SIDE
    assert sheet.height > 2 * SIDE


@pytest.mark.parametrize(
    "asked", [[], [Asked(0, ())] * 201, [Asked(0, (Candidate(0, 0.5, True),) * 21)]]
)
def test_too_little_or_too_much_is_refused(tmp_path, listings, asked):
    with pytest.raises(ConfigError, match="A sheet shows 1 to 200 queries"):
        write_ranking_sheet(tmp_path / "sheet.png", listings, listings, asked)


def test_the_best_are_taken_by_hand():
    ranking = build_graph(
        np.array([0, 0, 0, 2]), np.array([1, 2, 0, 1]), np.float32([0.75, 0.5, 0.25, 1]), 3, 3
    )
    groups = np.array([7, 8, 7])
    assert take_best(ranking, groups, groups, np.array([0, 1]), k=2) == [
        Asked(0, (Candidate(1, 0.75, False), Candidate(2, 0.5, True))),
        Asked(1, ()),
    ]


BUCKETS = (SizeBucket(1, 1, 2, 3, 0.5), SizeBucket(2, 3, 1, 1, 1.0))


def test_drawings_are_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    assert plot_class_sizes(tmp_path / "sizes.png", BUCKETS, "top-1")
    right, wrong = np.float32([0.9, 0.8]), np.float32([0.1, 0.7])
    assert plot_scores(tmp_path / "scores.png", right, wrong, cut_off=0.75)
    assert plot_scores(tmp_path / "one.png", right[:1], wrong[:0])
    for name in ("sizes.png", "scores.png", "one.png"):
        with Image.open(tmp_path / name) as drawing:
            assert drawing.width > 500


def test_nothing_is_drawn_of_nothing_or_without_matplotlib(tmp_path, monkeypatch):
    nothing = np.empty(0, np.float32)
    assert not plot_scores(tmp_path / "a.png", nothing, nothing)
    assert not plot_class_sizes(tmp_path / "a.png", (), "top-1")
    monkeypatch.setattr(ranking_plots, "find_spec", lambda name: None)
    assert not plot_class_sizes(tmp_path / "a.png", BUCKETS, "top-1")
    assert not (tmp_path / "a.png").exists()
