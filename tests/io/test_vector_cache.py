"""The cache of vectors gives back what was put in, or nothing, whatever becomes of its files."""

import logging
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.errors import ConfigError
from matcher.io import vector_cache
from matcher.io.vector_cache import VectorCache
from matcher.io.vector_files import clear_vectors, list_vectors

ROWS = {bytes([i]) * 32: np.full(300, i, np.float32).tobytes() for i in range(200)}


@pytest.fixture
def filled(tmp_path):
    """Folder with one file of 200 vectors."""
    with VectorCache(tmp_path, "toy:1") as cache:
        cache.put(ROWS)
        assert cache.get(list(ROWS)) == ROWS
    return tmp_path


def look_up(folder, source="toy:1"):
    with VectorCache(folder, source) as cache:
        return cache.get(list(ROWS))


def only_file(folder):
    (file,) = folder.iterdir()
    return file


def test_what_was_put_in_comes_back_from_the_disk(filled):
    assert look_up(filled) == ROWS
    (held,) = list_vectors(filled)
    assert held.n_vectors == 200
    assert held.n_bytes >= 200 * 1200
    assert held.made_by.startswith("toy:1 (matcher ")


def test_what_was_not_put_in_is_left_out(filled):
    with VectorCache(filled, "toy:1") as cache:
        assert cache.get([b"\xff" * 32, b"\1" * 32]) == {b"\1" * 32: ROWS[b"\1" * 32]}
        assert cache.get([]) == {}


def test_encoders_never_see_each_others_vectors(filled):
    assert look_up(filled, "toy:2") == {}
    assert look_up(filled, "toy/1") == {}  # looks the same in a file name
    assert look_up(filled) == ROWS


def test_a_new_version_of_a_library_begins_anew(filled, monkeypatch):
    monkeypatch.setattr("matcher.io.versions.version", lambda name: "99")
    assert look_up(filled) == {}


def test_other_code_begins_anew(filled, monkeypatch):
    monkeypatch.setattr(vector_cache, "digest_of_code", lambda *patterns: "0123456789")
    assert look_up(filled) == {}
    with VectorCache(filled, "toy:1") as cache:
        cache.put(ROWS)
    assert sum("code 01234567)" in held.made_by for held in list_vectors(filled)) == 1


def test_a_file_under_the_name_of_another_is_not_believed(filled, caplog):
    (mine,) = filled.iterdir()
    with VectorCache(filled, "toy:2") as cache:
        shutil.copy(mine, cache.path)
        assert cache.get(list(ROWS)) == {}
    assert "damaged and begun anew: it was made by something else" in caplog.text


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"no database at all" * 100,
        lambda content: content[: len(content) // 2],
        lambda content: content[:100],
        lambda content: b"",
        lambda content: content[:4096] + bytes(len(content) - 4096),
        lambda content: os.urandom(len(content)),
    ],
    ids=["text", "half", "header", "empty", "zeros", "noise"],
)
def test_a_damaged_file_is_begun_anew(filled, spoil):
    file = only_file(filled)
    file.write_bytes(spoil(file.read_bytes()))
    with VectorCache(filled, "toy:1") as cache:
        found = cache.get(list(ROWS))
        assert all(ROWS[digest] == vector for digest, vector in found.items())
        cache.put(ROWS)
    assert look_up(filled) == ROWS


@given(at=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255), n=st.integers(1, 2000))
def test_no_damage_makes_a_wrong_vector(tmp_path_factory, at, bits, n):
    folder = tmp_path_factory.mktemp("spoilt")
    with VectorCache(folder, "toy:1") as cache:
        cache.put(ROWS)
    content = np.frombuffer(only_file(folder).read_bytes(), np.uint8).copy()
    start = int(at * len(content))
    content[start : start + n] ^= bits
    only_file(folder).write_bytes(content.tobytes())
    with VectorCache(folder, "toy:1") as cache:
        found = cache.get(list(ROWS))
        assert all(ROWS[digest] == vector for digest, vector in found.items())


def test_a_row_with_a_wrong_checksum_is_absent_until_it_is_put_in_again(filled):
    with sqlite3.connect(only_file(filled)) as connection:
        wrong = np.full(300, 7, np.float32).tobytes()
        connection.execute("UPDATE vectors SET vector=? WHERE digest=?", (wrong, b"\3" * 32))
        connection.execute("UPDATE vectors SET vector='text' WHERE digest=?", (b"\4" * 32,))
    connection.close()
    assert ROWS.keys() - look_up(filled).keys() == {b"\3" * 32, b"\4" * 32}
    with VectorCache(filled, "toy:1") as cache:
        cache.put(ROWS)
    assert look_up(filled) == ROWS


def test_a_database_with_other_tables_is_begun_anew(filled, caplog):
    with sqlite3.connect(only_file(filled)) as connection:
        connection.execute("ALTER TABLE vectors RENAME TO others")
    connection.close()
    with VectorCache(filled, "toy:1") as cache:
        cache.put(ROWS)
    assert look_up(filled) == ROWS
    assert caplog.text.count("begun anew") == 1


def test_a_file_that_another_process_locks_is_done_without(filled, monkeypatch, caplog):
    monkeypatch.setattr(vector_cache, "PATIENCE", 0.01)
    holder = sqlite3.connect(only_file(filled), isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with VectorCache(filled, "toy:1") as cache:
        assert cache.get(list(ROWS)) == {}
        assert cache.get(list(ROWS)) == {}
        cache.put(ROWS)
    holder.close()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "is not used: database is locked." in caplog.text
    assert look_up(filled) == ROWS


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_cache_that_cannot_be_written_is_still_read(filled, caplog):
    only_file(filled).chmod(stat.S_IRUSR)
    filled.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with VectorCache(filled, "toy:1") as cache:
        cache.put({b"\xfe" * 32: b"1234"})
        cache.put({b"\xff" * 32: b"1234"})
        assert cache.get(list(ROWS)) == ROWS
    filled.chmod(stat.S_IRWXU)
    assert caplog.text.count("nothing new is kept") == 1


def test_a_full_disk_is_done_without(filled, caplog):
    with VectorCache(filled, "toy:1") as cache:
        assert cache.get([b"\1" * 32])
        (pages,) = cache._connection.execute("PRAGMA page_count").fetchone()
        cache._connection.execute(f"PRAGMA max_page_count={pages}")
        cache.put({i.to_bytes(32, "big"): bytes(5000) for i in range(1000)})
        assert cache.get(list(ROWS)) == ROWS
        other = VectorCache(filled, "toy:1")
        other.put({b"\xff" * 32: b"1234"})  # the lock of what failed is gone
        other._close()
    assert caplog.text.count("database or disk is full") == 1
    assert len(caplog.records) == 1


@pytest.mark.parametrize("blocked", ["file", "folder", "pipe"])
def test_a_place_that_is_none_is_done_without(tmp_path, blocked, caplog):
    folder = tmp_path / "cache"
    if blocked == "file":
        folder.write_text("in the way")
    else:
        path = VectorCache(folder, "toy:1").path
        folder.mkdir()
        path.mkdir() if blocked == "folder" else os.mkfifo(path)
    with VectorCache(folder, "toy:1") as cache:
        assert cache.get(list(ROWS)) == {}
        cache.put(ROWS)
    assert len(caplog.records) == 1
    assert "is not used" in caplog.text


def test_an_interrupted_transaction_leaves_nothing(filled):
    def broken():
        yield b"new".ljust(32), b"1234"
        raise KeyboardInterrupt

    class Interrupting(dict):
        def items(self):
            return broken()

    with VectorCache(filled, "toy:1") as cache:
        with pytest.raises(KeyboardInterrupt):
            cache.put(Interrupting({b"new".ljust(32): b"1234"}))
        assert cache.get([b"new".ljust(32)]) == {}
        cache.put({b"new".ljust(32): b"5678"})
        assert cache.get([b"new".ljust(32)]) == {b"new".ljust(32): b"5678"}


def test_several_processes_fill_one_file(tmp_path):
    code = (
        "import sys; from pathlib import Path; from matcher.io.vector_cache import VectorCache\n"
        "me = int(sys.argv[2])\n"
        "with VectorCache(Path(sys.argv[1]), 'toy:1') as cache:\n"
        "    for i in range(20):\n"
        "        keys = [bytes([me, i, j]) * 8 for j in range(20)]\n"
        "        cache.put({key: key * 40 for key in keys})\n"
        "        assert len(cache.get(keys)) == 20\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    runs = [
        subprocess.Popen([*command, str(me)], stderr=subprocess.PIPE, text=True) for me in range(3)
    ]
    assert [(run.communicate()[1], run.returncode) for run in runs] == [("", 0)] * 3
    (held,) = list_vectors(tmp_path)
    assert held.n_vectors == 3 * 20 * 20


def test_the_files_used_longest_ago_make_room(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("MATCHER_CACHE_GB", "0.0012")
    some = {bytes([i]) * 32: bytes(4000) for i in range(100)}
    for age, name in enumerate(("b", "a", "c")):
        with VectorCache(tmp_path, name) as cache:
            cache.put({key: value for key, value in some.items() if key[0] < 60})
            os.utime(cache.path, (age, age))
    with VectorCache(tmp_path, "b") as cache:
        assert cache.get([b"\1" * 32])  # used just now
    with VectorCache(tmp_path, "d") as cache:
        cache.put(some)
    assert [held.made_by.split()[0] for held in list_vectors(tmp_path)] == ["b", "c", "d"]
    assert sum(held.n_bytes for held in list_vectors(tmp_path)) < 1.2e6 + 400_000
    assert not caplog.records


def test_a_file_that_would_be_too_large_stops_growing(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("MATCHER_CACHE_GB", "0.0005")
    with VectorCache(tmp_path, "toy:1") as cache:
        cache.put({bytes([i]) * 32: bytes(4000) for i in range(50)})
        cache.put({bytes([i]) * 32: bytes(4000) for i in range(50, 150)})
        cache.put({bytes([200]) * 32: bytes(40)})
        assert len(cache.get([bytes([i]) * 32 for i in range(201)])) == 50
    assert len(caplog.records) == 1
    assert "it may hold 0.0005 GB; set MATCHER_CACHE_GB to more" in caplog.text


def test_a_file_at_its_limit_drives_no_other_out(filled, monkeypatch, caplog):
    for size in ("0.0005", "0"):
        monkeypatch.setenv("MATCHER_CACHE_GB", size)
        with VectorCache(filled, "toy:2") as cache:
            cache.put({bytes([i]) * 32: bytes(6000) for i in range(100)})
    assert look_up(filled) == ROWS
    assert len(caplog.records) == 2


def test_files_of_others_are_left_alone(filled, tmp_path, monkeypatch):
    path = only_file(filled)
    mine = [filled / name for name in ("a.sqlite", f"a-{'0' * 15}.sqlite", f"a-{'g' * 16}.sqlite")]
    for file in mine:
        file.write_bytes(bytes(10_000))
    link = filled / f"a-{'0' * 16}.sqlite"
    link.symlink_to(mine[0])
    assert [held.path for held in list_vectors(filled)] == [path]
    monkeypatch.setenv("MATCHER_CACHE_GB", "0.001")
    with VectorCache(filled, "toy:2") as cache:
        cache.put({bytes([i]) * 32: bytes(8000) for i in range(100)})
    assert not path.exists()
    assert clear_vectors(filled) > 0
    assert sorted(filled.iterdir()) == sorted([*mine, link])


def test_a_file_that_another_process_removes_meanwhile(filled, monkeypatch):
    gone = filled / f"gone-{'0' * 16}.sqlite"
    glob = Path.glob
    monkeypatch.setattr(Path, "glob", lambda path, what: [*glob(path, what), gone])
    assert len(list_vectors(filled)) == 1
    with VectorCache(filled, "toy:2") as cache:
        cache.put({b"1" * 32: b"1234"})
        assert cache.get([b"1" * 32])
    assert clear_vectors(filled) > 0


def test_the_folder_is_for_the_user_alone(tmp_path):
    with VectorCache(tmp_path / "cache" / "vectors", "toy:1") as cache:
        cache.put(ROWS)
    assert [p.stat().st_mode & 0o777 for p in cache.path.parents[:2]] == [0o700, 0o700]


@pytest.mark.parametrize("size", ["much", "-1", "nan", ""])
def test_a_size_that_is_none_is_refused(tmp_path, monkeypatch, size):
    monkeypatch.setenv("MATCHER_CACHE_GB", size)
    with pytest.raises(ConfigError, match="MATCHER_CACHE_GB is a number of gigabytes"):
        VectorCache(tmp_path, "toy:1")


def test_emptying_beside_a_run_that_goes_on(filled):
    with VectorCache(filled, "toy:1") as cache:
        assert cache.get(list(ROWS)) == ROWS
        assert clear_vectors(filled) > 0
        assert list_vectors(filled) == []
        with VectorCache(filled, "toy:1") as other:
            other.put({b"\xff" * 32: b"1234"})
            cache.put(ROWS)  # not into the file of the other
            assert other.get([b"\xff" * 32, b"\1" * 32]) == {b"\xff" * 32: b"1234"}
    assert look_up(filled) == {}


def test_listing_says_which_file_is_damaged(filled):
    only_file(filled).write_bytes(b"nothing" * 1000)
    (held,) = list_vectors(filled)
    assert (held.made_by, held.n_vectors, held.n_bytes) == ("", 0, 7000)
    assert clear_vectors(filled) == 7000
    assert list_vectors(filled / "absent") == []
