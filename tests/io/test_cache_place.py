"""The folder of caches: the user's, another, or none."""

import os
from pathlib import Path

import pytest

from matcher.errors import ConfigError, StoreError
from matcher.io import cache_place
from matcher.io.cache_place import (
    cache_folder,
    caching,
    clear_networks,
    make_folder,
    size_of_networks,
    tidy_networks,
)


@pytest.mark.parametrize("named", ["", "  ", "off", "OFF", " Off "])
def test_nothing_is_kept(monkeypatch, named):
    monkeypatch.setenv("MATCHER_CACHE", named)
    assert cache_folder() is None


def test_a_folder_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("MATCHER_CACHE", str(tmp_path / "made later"))
    assert cache_folder() == tmp_path / "made later"
    assert not (tmp_path / "made later").exists()
    monkeypatch.setenv("MATCHER_CACHE", "~/kept")
    assert cache_folder() == Path.home() / "kept"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MATCHER_CACHE", "beside")
    found = cache_folder()
    monkeypatch.chdir("/")
    assert found == tmp_path / "beside"


def test_else_the_folder_of_the_system(monkeypatch, tmp_path):
    monkeypatch.delenv("MATCHER_CACHE", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = cache_folder()
    assert found is not None
    assert found.is_absolute()
    assert "matcher" in found.parts


def test_without_a_home_nothing_is_kept(monkeypatch):
    monkeypatch.delenv("MATCHER_CACHE", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: Path("~/.cache/matcher"))
    assert cache_folder() is None
    monkeypatch.setenv("MATCHER_CACHE", "~nobody-of-this-name/kept")
    with pytest.raises(ConfigError, match=r"MATCHER_CACHE names a folder.*~nobody-of-this-name"):
        cache_folder()


def test_a_block_may_do_without(monkeypatch, tmp_path):
    monkeypatch.setenv("MATCHER_CACHE", str(tmp_path))
    with caching(False):
        assert cache_folder() is None
        with caching(True):  # what encloses it decides
            assert cache_folder() is None
    with caching(True):
        assert cache_folder() == tmp_path


def test_new_folders_are_for_the_user_alone(tmp_path):
    tmp_path.chmod(0o755)
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path, tmp_path / "a", tmp_path / "a/b")]
    assert modes == [0o755, 0o700, 0o700]


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """Makes networks in a folder in which the user has files of his own."""
    monkeypatch.setenv("MATCHER_CACHE", str(tmp_path))
    place = tmp_path / "networks"
    for mine in ("mine/model.safetensors", "f" * 31 + "/a", "F" * 32 + "/a", "e" * 32):
        path = place / mine
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(100))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine").write_bytes(bytes(100))
    (place / ("d" * 32)).symlink_to(tmp_path / "models")

    def make(i, age=0):
        folder = place / f"{i:032x}"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(bytes(1000))
        os.utime(folder, (1e9 - age, 1e9 - age))
        return folder

    return make


def test_only_networks_of_this_package_are_counted_and_removed(kept, tmp_path):
    others = sorted(tmp_path.rglob("*"))
    assert (size_of_networks(), clear_networks()) == (0, 0)
    kept(1)
    kept(2)
    assert size_of_networks() == 2000
    assert clear_networks() == 2000
    assert sorted(tmp_path.rglob("*")) == others


def test_one_that_cannot_be_removed_is_named(kept, monkeypatch):
    folder = kept(1)

    def refuse(path):
        raise OSError("in use")

    monkeypatch.setattr(cache_place.shutil, "rmtree", refuse)
    with pytest.raises(StoreError, match=f"{folder} cannot be removed: in use"):
        clear_networks()


def test_the_networks_used_last_stay(kept, monkeypatch, tmp_path):
    monkeypatch.setattr(cache_place, "MOST_NETWORKS", 2)
    others = set(tmp_path.rglob("*"))
    folders = [kept(i, age) for i, age in enumerate((3, 1, 4, 2))]
    left, new = folders[1] / ".saving-left", folders[1] / ".saving-new"
    for path in (left, new):
        path.mkdir()
        (path / "part").write_bytes(b"1")
    os.utime(left, (1e9, 1e9))
    os.utime(folders[1], (1e9 - 1, 1e9 - 1))
    tidy_networks(tmp_path / "networks")
    assert [folder.exists() for folder in folders] == [False, True, False, True]
    assert (left.exists(), new.exists()) == (False, True)
    assert others <= set(tmp_path.rglob("*"))
    tidy_networks(tmp_path / "absent")
