"""A file is wholly written or not touched, and every refusal names it."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pytest

from matcher.errors import StoreError
from matcher.io.atomic import OutputFolder, write_atomically
from matcher.io.outputs import write_csv, write_json, write_parquet

TABLE = pa.table({"id": ["1"], "title": ["a"]})


def text(content: str):
    return lambda path: path.write_text(content)


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def disk_full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def old(tmp_path) -> Path:
    """A file from an earlier run."""
    path = tmp_path / "out.txt"
    path.write_text("old")
    return path


# --- one file


def test_writes_and_makes_folders(tmp_path):
    path = tmp_path / "a" / "b" / "out.txt"
    write_atomically(path, text("new"))
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a", "a/b", "a/b/out.txt"]


def test_file_aside_has_the_same_ending_and_folder(old):
    seen = []
    write_atomically(old, lambda path: (seen.append(path), path.write_text("new")))
    assert (seen[0].parent, seen[0].suffix) == (old.parent, ".txt")
    assert seen[0] != old
    assert old.read_text() == "new"


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ValueError, SystemExit])
def test_old_file_survives_any_failure(old, error):
    def fail(path):
        path.write_text("half")
        raise error

    with pytest.raises(error):
        write_atomically(old, fail)
    assert old.read_text() == "old"
    assert names(old.parent) == ["out.txt"]


def test_full_disk(old):
    def fill(path):
        path.write_text("half")
        with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123
            full.write(b"x")

    with pytest.raises(StoreError, match=r"Cannot write .*out\.txt: No space left on device\.$"):
        write_atomically(old, fill)
    assert old.read_text() == "old"
    assert names(old.parent) == ["out.txt"]


def test_disk_that_fills_up_on_flushing(old, monkeypatch):
    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(StoreError, match="No space left"):
        write_atomically(old, text("new"))
    assert old.read_text() == "old"
    assert names(old.parent) == ["out.txt"]


def test_no_permission(old, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StoreError, match=r"out\.txt: Permission denied"):
        write_atomically(old, text("new"))
    assert names(old.parent) == ["out.txt"]


WRITERS = {
    "csv": lambda path: write_csv(TABLE, path),
    "parquet": lambda path: write_parquet(TABLE, path),
    "json": lambda path: write_json({}, path),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_folders_that_cannot_be_made_or_written(old, write):
    with pytest.raises(StoreError, match=r"Cannot write .*x\.out: .*out\.txt is a file\. Name"):
        write(old / "x.out")
    with pytest.raises(StoreError, match=r"Cannot write .*y/x\.out: .*out\.txt is a file\. Name"):
        write(old / "y" / "x.out")
    if Path("/proc").is_dir():
        with pytest.raises(StoreError, match=r"Cannot write /proc/matcher/x\.out: No such file"):
            write(Path("/proc/matcher/x.out"))


def test_neither_a_folder_nor_a_device_is_replaced(tmp_path):
    with pytest.raises(StoreError, match=r"it is a folder\. Name a file"):
        write_atomically(tmp_path, text("x"))
    with pytest.raises(StoreError, match="/dev/null: it is no regular file"):
        write_atomically("/dev/null", text("x"))
    assert Path("/dev/null").is_char_device()


def test_name_that_is_too_long(tmp_path):
    with pytest.raises(StoreError, match="File name too long"):
        write_atomically(tmp_path / ("x" * 300), text("x"))
    longest = tmp_path / ("x" * 255)
    write_atomically(longest, text("x"))
    assert longest.read_text() == "x"


def test_link_is_followed(old, tmp_path):
    link = tmp_path / "elsewhere" / "link.txt"
    link.parent.mkdir()
    link.symlink_to(old)
    write_atomically(link, text("new"))
    assert link.is_symlink()
    assert old.read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="modes of files are those of Unix")
def test_file_is_as_readable_as_any_other(tmp_path):
    (tmp_path / "usual").write_text("")
    write_atomically(tmp_path / "ours", text(""))
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 is of Unix")
def test_kill_leaves_the_old_file(old):
    program = f"""
        import pathlib, time
        from matcher.io.atomic import write_atomically
        def slow(path):
            path.write_text("half")
            print("half", flush=True)
            time.sleep(60)
        write_atomically({str(old)!r}, slow)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    with child:
        assert child.stdout.readline() == b"half\n"
        child.kill()
    assert old.read_text() == "old"


# --- a folder of files


def test_files_appear_together_at_the_end(tmp_path):
    folder = tmp_path / "new" / "out"
    with OutputFolder(folder) as out:
        write_csv(TABLE, out.file("matches.csv"))
        out.file("pictures/1.txt").write_text("x")
        assert not (folder / "matches.csv").exists()
    assert names(folder) == ["matches.csv", "pictures", "pictures/1.txt"]


def test_earlier_files_stay_whole_if_the_run_fails(tmp_path):
    def run(content, error=None):
        with OutputFolder(tmp_path) as out:
            out.file("a.txt").write_text(content)
            if error:
                raise error
            out.file("b.txt").write_text(content)

    run("old")
    (tmp_path / "mine.txt").write_text("not ours")
    for error in (KeyboardInterrupt(), ValueError("x"), FileNotFoundError(2, "weights")):
        with pytest.raises(type(error)):
            run("new", error)
        assert {name: (tmp_path / name).read_text() for name in names(tmp_path)} == {
            "a.txt": "old",
            "b.txt": "old",
            "mine.txt": "not ours",
        }
    run("new")
    assert (tmp_path / "b.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt", "b.txt", "mine.txt"]


def test_a_folder_in_the_way_stops_all_files(tmp_path):
    (tmp_path / "b.txt").mkdir()
    with ExitStack() as stack:
        out = stack.enter_context(OutputFolder(tmp_path))
        out.file("a.txt").write_text("new")
        out.file("b.txt").write_text("new")
        with pytest.raises(StoreError, match=r"b\.txt: it is a folder"):
            stack.close()
    assert names(tmp_path) == ["b.txt"]


def test_unwritable_folder_is_known_before_the_work(old):
    for path in [old, old / "below", *([Path("/proc/x")] if Path("/proc").is_dir() else [])]:
        with pytest.raises(StoreError, match="Cannot write"), OutputFolder(path):
            pytest.fail("the block must not run")
    assert old.read_text() == "old"


def test_full_disk_inside_the_block_names_the_file_that_the_user_knows(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(StoreError) as caught, OutputFolder(tmp_path) as out:
        write_csv(TABLE, out.file("matches.csv"))
    assert str(caught.value) == f"Cannot write {tmp_path / 'matches.csv'}: No space left on device."
    with pytest.raises(StoreError, match="No space left"), OutputFolder(tmp_path):
        disk_full()
    assert names(tmp_path) == []


def test_full_disk_at_the_end(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("old")
    with ExitStack() as stack:
        stack.enter_context(OutputFolder(tmp_path)).file("a.txt").write_text("new")
        monkeypatch.setattr(os, "fsync", disk_full)
        with pytest.raises(StoreError, match="No space left"):
            stack.close()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_names_stay_inside_the_folder(tmp_path):
    with OutputFolder(tmp_path / "out") as out:
        for name in ("../x", str(tmp_path / "x"), "a/../../x", ""):
            with pytest.raises(StoreError, match="must lie in"):
                out.file(name)


def test_two_runs_into_one_folder(tmp_path):
    with OutputFolder(tmp_path) as first, OutputFolder(tmp_path) as second:
        first.file("a.txt").write_text("first")
        second.file("a.txt").write_text("second")
    assert (tmp_path / "a.txt").read_text() == "first"
    assert names(tmp_path) == ["a.txt"]
