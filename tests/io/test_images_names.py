"""Names of pictures in a table against folders and zip archives."""

import os
import time
import zipfile
from pathlib import Path

import pytest

from matcher.errors import DataError
from matcher.io.images import resolve_images
from matcher.types import ImageRef


@pytest.fixture
def folder(tmp_path) -> Path:
    """images/ with a.jpg, shirts/b.jpg and hats/c.jpg; the files are empty."""
    root = tmp_path / "images"
    for name in ("a.jpg", "shirts/b.jpg", "hats/c.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def archive(path: Path, *members: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for member in members:
            file.writestr(member, b"")
    return path


def found(names: list[str], source: Path) -> list[str | None]:
    """What each name found, relative to the folder or archive."""
    refs, _ = resolve_images(names, source)
    return [ref and (ref.member or ref.path.relative_to(source).as_posix() or None) for ref in refs]


def test_files_of_a_folder(folder):
    refs, problems = resolve_images(["a.jpg", "", "shirts/b.jpg", "b.jpg"], folder)
    assert refs == (ImageRef(folder / "a.jpg"), None, ImageRef(folder / "shirts" / "b.jpg"), None)
    assert problems == {3: "not found in images/"}


def test_members_of_an_archive(tmp_path):
    path = archive(tmp_path / "p.zip", "a.jpg", "x/b.jpg", "y/c.jpg")
    refs, problems = resolve_images(["x/b.jpg", "a.jpg", "b.jpg", ""], path)
    assert refs == (ImageRef(path, "x/b.jpg"), ImageRef(path, "a.jpg"), None, None)
    assert problems == {2: "not found in p.zip"}


def test_no_source_is_no_problem_of_a_row():
    assert resolve_images(["a.jpg", ""], None) == ((None, None), {})


@pytest.mark.parametrize("spelling", ["./shirts/b.jpg", "shirts//b.jpg", "shirts\\b.jpg"])
def test_one_file_many_spellings(folder, spelling):
    assert found([spelling], folder) == ["shirts/b.jpg"]


def test_members_written_with_backslashes(tmp_path):
    path = archive(tmp_path / "p.zip", "x\\a.jpg", "y\\a.jpg")
    assert found(["y/a.jpg"], path) == ["y\\a.jpg"]


@pytest.mark.parametrize("junk", [(), ("table.csv",), ("__MACOSX/images/._a.jpg",)])
def test_the_only_top_folder_of_an_archive_may_be_left_out(tmp_path, junk):
    path = archive(tmp_path / "p.zip", "images/a.jpg", "images/s/b.jpg", *junk)
    assert found(["a.jpg", "s/b.jpg"], path) == ["images/a.jpg", "images/s/b.jpg"]


def test_the_top_folder_of_all_names_may_be_missing(tmp_path):
    path = archive(tmp_path / "p.zip", "a.jpg", "b.jpg")
    assert found(["images/a.jpg", "", "images/b.jpg"], path) == ["a.jpg", None, "b.jpg"]


def test_one_top_folder_may_stand_for_another(tmp_path):
    path = archive(tmp_path / "p.zip", "photos/a.jpg")
    assert found(["images/a.jpg"], path) == ["photos/a.jpg"]


def test_two_top_folders_are_told_apart(tmp_path):
    # Without the folder, both names would find the one a.jpg: two products, one picture.
    path = archive(tmp_path / "p.zip", "a.jpg")
    assert found(["train/a.jpg", "test/a.jpg"], path) == [None, None]
    two = archive(tmp_path / "two.zip", "train/a.jpg", "test/a.jpg")
    assert found(["a.jpg"], two) == [None]


def test_a_folder_is_as_tolerant_as_an_archive(tmp_path, folder):
    assert found(["a.jpg", "hats/c.jpg"], tmp_path) == ["images/a.jpg", "images/hats/c.jpg"]
    assert found(["images/a.jpg", "images/hats/c.jpg"], folder) == ["a.jpg", "hats/c.jpg"]


def test_an_exact_name_beats_a_tolerant_one(tmp_path):
    path = archive(tmp_path / "p.zip", "images/a.jpg", "a.jpg")
    assert found(["a.jpg", "images/a.jpg"], path) == ["a.jpg", "images/a.jpg"]


@pytest.mark.parametrize(
    "name",
    [
        "../secret.jpg",
        "shirts/../../secret.jpg",
        "/etc/passwd",
        "..\\secret.jpg",
        "C:\\x.jpg",
        "..",
    ],
)
def test_a_path_that_climbs_out(folder, tmp_path, name):
    (tmp_path / "secret.jpg").touch()
    assert resolve_images([name], folder) == ((None,), {0: "path climbs out of images/"})
    slip = archive(tmp_path / "p.zip", "../secret.jpg", "a.jpg")
    assert resolve_images([name], slip) == ((None,), {0: "path climbs out of p.zip"})


def test_a_member_that_climbs_out_is_not_found_by_its_bare_name(tmp_path):
    slip = archive(tmp_path / "p.zip", "../secret.jpg", "/abs.jpg")
    assert found(["secret.jpg", "abs.jpg"], slip) == [None, None]


def test_links_may_not_lead_outside(folder, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "s.jpg").touch()
    (folder / "file.jpg").symlink_to(tmp_path / "outside" / "s.jpg")
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "inner.jpg").symlink_to(folder / "a.jpg")
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    refs, problems = resolve_images(
        ["file.jpg", "linked/s.jpg", "inner.jpg", "linked/none.jpg"], folder
    )
    assert refs == (None, None, ImageRef(folder / "inner.jpg"), None)
    assert problems == {
        0: "path climbs out of images/",
        1: "path climbs out of images/",
        3: "not found in images/",
    }


def test_the_source_itself_may_be_a_link(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert found(["a.jpg"], tmp_path / "link") == ["a.jpg"]


@pytest.mark.parametrize(
    "name", ["shirts", ".", "a\0b.jpg", "x" * 5000, "x" * 5000 + "/b.jpg", " "]
)
def test_names_of_nothing(folder, name):
    assert resolve_images([name], folder) == ((None,), {0: "not found in images/"})


def test_sources_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match="does not exist; give the folder or zip archive"):
        resolve_images(["a.jpg"], tmp_path / "nowhere")
    (tmp_path / "table.csv").write_text("id,title\n")
    with pytest.raises(DataError, match=r"table\.csv cannot be read as a zip archive"):
        resolve_images(["a.jpg"], tmp_path / "table.csv")
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(DataError, match="neither a folder nor a zip archive"):
        resolve_images(["a.jpg"], tmp_path / "pipe.zip")


def test_damaged_archives(tmp_path, rng):
    whole = archive(tmp_path / "p.zip", "a.jpg", "b.jpg").read_bytes()
    path = tmp_path / "damaged.zip"
    sentences = []
    for _ in range(100):
        content = bytearray(whole)
        for at in rng.integers(0, len(content), 3):
            content[at] = rng.integers(256)
        path.write_bytes(content[: rng.integers(len(content) // 2, len(content) + 1)])
        try:
            resolve_images(["a.jpg"], path)
        except DataError as error:
            sentences.append(str(error))
    assert len(sentences) > 30
    assert all("damaged.zip cannot be read as a zip archive" in text for text in sentences)


def test_an_archive_replaced_in_place_is_read_anew(tmp_path):
    path = archive(tmp_path / "p.zip", "a.jpg")
    assert found(["b.jpg"], path) == [None]
    archive(path, "a.jpg", "b.jpg")
    assert found(["b.jpg"], path) == ["b.jpg"]


def test_a_large_table_lists_each_folder_once(folder, monkeypatch):
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scandir(path))
    started = time.perf_counter()
    refs, problems = resolve_images(["a.jpg", "shirts/b.jpg"] * 20_000, folder)
    assert len(refs) == 40_000
    assert not problems
    assert len(listed) == 3  # its top folders, its files, those of shirts/
    assert time.perf_counter() - started < 5
