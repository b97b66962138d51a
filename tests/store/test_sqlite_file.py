"""The folder and the file of a store in SQLite: made whole, refused whole, safe on the disk."""

import re
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import numpy as np
import pytest

from matcher.errors import StoreError, StoreFullError
from matcher.store import _sqlite_session, create_store, open_store
from matcher.store._sqlite import FILE
from matcher.store._sqlite_session import SqliteSession, explain


@pytest.fixture
def folder(tmp_path, about, columns, vectors):
    """A store with a thousand listings."""
    folder = tmp_path / "store"
    with create_store(folder, about) as store, store.write() as write:
        rows = write.add_listings(columns(*map(str, range(1000))))
        for name, (mark, values) in vectors(1000).items():
            write.add_vectors(name, mark, rows, values)
    return folder


def read_all(folder):
    with open_store(folder) as store, store.read() as read:
        read.listings()
        read.rows_of(list(map(str, range(1000))))
        for encoder in store.about.encoders:
            read.vectors(encoder.name)


def state(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_one_file_is_left_when_it_is_closed(folder):
    read_all(folder)
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_folders_are_made_on_the_way(tmp_path, about):
    create_store(tmp_path / "a" / "b", about).close()
    read_nothing = open_store(tmp_path / "a" / "b")
    with read_nothing, read_nothing.read() as read:
        assert read.count() == 0


def test_a_write_is_acknowledged_when_it_is_on_the_disk(folder):
    """What no kill can show: only a power cut would."""
    with closing(SqliteSession(folder / FILE, 1)) as session:
        full, on = 2, 1
        assert session.select("PRAGMA synchronous") == [(full,)]
        assert session.select("PRAGMA fullfsync") == [(on,)]
        assert session.select("PRAGMA checkpoint_fullfsync") == [(on,)]
        assert session.select("PRAGMA journal_mode") == [("wal",)]
        assert session.select("PRAGMA foreign_keys") == [(on,)]


def damage(start, end):
    def apply(path):
        content = bytearray(path.read_bytes())
        start_at, end_at = (int(x * len(content)) if x < 1 else x for x in (start, end))
        content[start_at:end_at] = b"\xa5" * (end_at - start_at)
        path.write_bytes(content)

    return apply


DAMAGES = {
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut in the header": lambda path: path.write_bytes(path.read_bytes()[:50]),
    "a text": lambda path: path.write_text("these are my listings\n" * 100),
    "no magic": damage(0.0, 16),
    "no schema": damage(100, 3100),
    "no encoders": damage(16384, 16384 * 4),
    "garbage within": damage(0.3, 0.7),
    "garbage at the end": damage(0.6, 0.999),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_file_is_refused(folder, case):
    DAMAGES[case](folder / FILE)
    with pytest.raises(StoreError, match=r"damaged|no catalogue|another program"):
        read_all(folder)


def test_another_programs_database_is_left_alone(tmp_path, about):
    with closing(sqlite3.connect(tmp_path / FILE)) as other:
        other.execute("CREATE TABLE about (mine TEXT)")
    before = state(tmp_path)
    with pytest.raises(StoreError, match="another program"):
        open_store(tmp_path)
    with pytest.raises(StoreError, match="another program"):
        create_store(tmp_path, about)
    assert state(tmp_path) == before


def test_a_newer_store_is_left_alone_to_the_byte(folder, about):
    with closing(sqlite3.connect(folder / FILE)) as newer:
        newer.execute("PRAGMA user_version = 99")
    before = state(folder)
    with pytest.raises(StoreError, match=r"version 99.*knows up to 1"):
        open_store(folder)
    assert state(folder) == before


def test_a_newer_store_is_known_by_its_log(folder, tmp_path):
    """A newer program was killed before it could write the version into the file itself."""
    torn = tmp_path / "torn"
    with closing(sqlite3.connect(folder / FILE)) as newer:
        newer.execute("PRAGMA user_version = 99")
        shutil.copytree(folder, torn)
    before = (torn / FILE).read_bytes(), (torn / f"{FILE}-wal").read_bytes()
    assert int.from_bytes(before[0][60:64], "big") == 1
    with pytest.raises(StoreError, match="version 99"):
        open_store(torn)
    assert ((torn / FILE).read_bytes(), (torn / f"{FILE}-wal").read_bytes()) == before


def test_a_version_that_never_was(folder):
    with closing(sqlite3.connect(folder / FILE)) as odd:
        odd.execute("PRAGMA user_version = -1")
    with pytest.raises(StoreError, match="damaged"):
        open_store(folder)


def test_a_creation_that_was_cut_off_can_be_done_again(tmp_path, about):
    (tmp_path / FILE).touch()
    with pytest.raises(StoreError, match=r"no catalogue"):
        open_store(tmp_path)
    create_store(tmp_path, about).close()
    with open_store(tmp_path) as store:
        assert store.about.config == about.config


def test_a_creation_that_fails_leaves_nothing_in_the_way(tmp_path, about, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SqliteSession, "set_version", fail)
        with pytest.raises(KeyboardInterrupt):
            create_store(tmp_path, about)
    create_store(tmp_path, about).close()


@pytest.mark.parametrize("turn", range(8))
def test_of_those_that_create_at_once_one_wins(tmp_path, about, turn):
    together = Barrier(3)

    def create(_):
        together.wait()
        try:
            create_store(tmp_path, about).close()
        except StoreError as error:
            return str(error)
        return "made"

    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(create, range(3)))
    assert ends.count("made") == 1
    assert sum("already" in end for end in ends) == 2


@pytest.mark.parametrize("what", ["file", "folder in its place"])
def test_a_place_that_cannot_be_used(tmp_path, about, what):
    place = tmp_path / "place"
    if what == "file":
        place.write_text("a file")
    else:
        (place / FILE).mkdir(parents=True)
    with pytest.raises(StoreError):
        create_store(place, about)
    with pytest.raises(StoreError, match="holds no catalogue"):
        open_store(place)


def test_a_full_disk_costs_the_write_alone(folder, columns, monkeypatch):
    pages = (folder / FILE).stat().st_size // 16384 + 5
    long = "x" * 100_000
    with monkeypatch.context() as patch:
        settings = (*_sqlite_session._SETTINGS, f"max_page_count = {pages}")
        patch.setattr(_sqlite_session, "_SETTINGS", settings)
        with open_store(folder) as store:
            with pytest.raises(StoreFullError, match="Make room"), store.write() as write:
                write.add_listings(columns("a", "b", titles=[long, long]))
            with store.read() as read:
                assert read.count() == 1000
                assert read.vectors("picture").rows.size == 1000
            with store.write() as write:  # a smaller one has room
                assert write.add_listings(columns("a")).tolist() == [1001]
    with open_store(folder) as store, store.write() as write:
        write.add_listings(columns("b", titles=[long]))


def test_a_disk_without_room_is_known_whatever_the_error_says(tmp_path, monkeypatch):
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_WRITE"
    assert type(explain(error, tmp_path / FILE, 1)) is StoreError
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0))
    assert type(explain(error, tmp_path / FILE, 1)) is StoreFullError


def test_removed_texts_make_room_for_new_ones(folder, columns):
    """A file does not grow for ever while listings come and go."""
    sizes = []
    with open_store(folder) as store:
        for turn in range(6):
            with store.write() as write:
                ids = [f"{turn} {n}" for n in range(200)]
                write.add_listings(columns(*ids, titles=["x" * 5000] * 200))
            with store.write() as write:
                write.remove_listings(write.rows(since=write.revision - 2)[-200:])
                assert write.count() == 1000
            sizes.append((folder / FILE).stat().st_size)
    assert sizes[-1] <= sizes[0] * 2


def test_a_vector_of_another_size_is_damage(folder):
    with closing(sqlite3.connect(folder / FILE)) as other, other:
        other.execute("UPDATE vectors_0 SET value = x'00' WHERE row_no = 7")
        other.execute("UPDATE vectors_2 SET value = x'00' WHERE row_no = 7")
    with open_store(folder) as store, store.read() as read:
        for name, why in (("picture", "has not 3 numbers"), ("words", "half an entry")):
            with pytest.raises(StoreError, match=why):
                read.vectors(name)
        assert read.vectors("half", np.array([7])).rows.tolist() == [7]


def test_a_backup_taken_during_a_write_is_a_store(folder, tmp_path, columns):
    (tmp_path / "copy").mkdir()
    with open_store(folder) as store, store.write() as write:
        write.add_listings(columns("new"))
        with (
            closing(sqlite3.connect(folder / FILE)) as source,
            closing(sqlite3.connect(tmp_path / "copy" / FILE)) as copy,
        ):
            source.backup(copy)
    with open_store(tmp_path / "copy") as store, store.read() as read:
        assert read.count() == 1000
        assert read.rows_of(["new"]).tolist() == [-1]


def test_the_example_of_the_document_runs(root, tmp_path, monkeypatch, capsys):
    (code,) = re.findall(
        r"```python\n(.*?)```", (root / "docs" / "store.md").read_text(), re.DOTALL
    )
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert capsys.readouterr().out == "1 ('red mug', 'mug, red') (2, 2)\n"
