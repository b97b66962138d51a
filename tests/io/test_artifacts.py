"""Saved models: whole or refused, whatever happened to the file."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from matcher.errors import StoreError
from matcher.io.artifacts import (
    CONFIG,
    TENSORS,
    fingerprint,
    load_model,
    read_config,
    read_tensors,
    save_model,
)

OLD = ({"name": "old", "size": 224}, {"a/kernel": np.float32([[1, 2], [3, 4]])})
NEW = ({"name": "new", "size": 96}, {"a/kernel": np.float32([[5, 6], [7, 8]])})


def same(loaded, saved) -> bool:
    config, tensors = saved
    return (
        loaded[0] == config
        and loaded[1].keys() == tensors.keys()
        and all(np.array_equal(loaded[1][name], tensors[name]) for name in tensors)
    )


def test_what_is_saved_comes_back(tmp_path, rng):
    tensors = {
        "matrix": rng.normal(size=(3, 4)).astype(np.float32),
        "turned": rng.normal(size=(3, 4)).astype(np.float32).T,
        "count": np.array(7, np.int32),
        "empty": np.zeros((0, 5), np.float32),
        "half": np.float16([0.5]),
        "codes": np.uint8([[1, 255]]),
    }
    config = {"name": "größe", "nested": {"list": [1, 2.5, None, True]}}
    mark = save_model(tmp_path / "deep" / "model", config, tensors)
    loaded_config, loaded = load_model(tmp_path / "deep" / "model")
    assert loaded_config == config
    assert mark == fingerprint(config, tensors) == fingerprint(loaded_config, loaded)
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        np.testing.assert_array_equal(loaded[name], tensor, strict=True)


def test_fingerprint_by_hand():
    text = '{\n  "n": 1\n}'
    digest = hashlib.sha256(text.encode() + b"\0w\0float32\0(2,)\0")
    digest.update(b"\x00\x00\x80\x3f\x00\x00\x00\x40")  # 1.0 and 2.0, little-endian
    assert fingerprint({"n": 1}, {"w": np.float32([1, 2])}) == digest.hexdigest()


def test_fingerprint_sees_everything_but_order():
    a, b = np.float32([1, 2]), np.float32([3, 4])
    mark = fingerprint({"x": 1, "y": 2}, {"a": a, "b": b})
    assert fingerprint({"y": 2, "x": 1}, {"b": b, "a": a}) == mark
    others = [
        fingerprint({"x": 1, "y": 3}, {"a": a, "b": b}),
        fingerprint({"x": 1, "y": 2}, {"a": b, "b": a}),
        fingerprint({"x": 1, "y": 2}, {"a": a, "c": b}),
        fingerprint({"x": 1, "y": 2}, {"a": a[:, None], "b": b}),
        fingerprint({"x": 1, "y": 2}, {"a": a.view(np.int32), "b": b}),
        fingerprint({"x": 1, "y": 2}, {"a": a}),
    ]
    assert len({mark, *others}) == 7


def test_other_files_of_the_folder_stay(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    save_model(tmp_path, *OLD)
    save_model(tmp_path, *NEW)
    assert same(load_model(tmp_path), NEW)
    assert sorted(p.name for p in tmp_path.iterdir()) == [CONFIG, TENSORS, "tokenizer.json"]


def test_config_is_readable_beside_the_tensors(tmp_path):
    save_model(tmp_path, *OLD)
    assert json.loads((tmp_path / CONFIG).read_text()) == OLD[0]
    assert read_config(tmp_path) == OLD[0]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_both_files_can_be_read_by_the_same_people(tmp_path):
    save_model(tmp_path, *OLD)
    modes = {(tmp_path / name).stat().st_mode for name in (TENSORS, CONFIG)}
    assert len(modes) == 1


class Killed(BaseException):
    """Nothing but a finally clause runs after it."""


@pytest.mark.parametrize("steps", range(8))
def test_a_crash_at_any_step_leaves_a_whole_model(tmp_path, monkeypatch, steps):
    save_model(tmp_path, *OLD)
    left = steps

    def fragile(function):
        def call(*args, **kwargs):
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(Path, "replace", fragile(Path.replace))
    monkeypatch.setattr(Path, "unlink", fragile(Path.unlink))
    monkeypatch.setattr("matcher.io.artifacts._flush", fragile(lambda path: None))
    try:
        save_model(tmp_path, *NEW)
        finished = True
    except Killed:
        finished = False
    monkeypatch.undo()
    loaded = load_model(tmp_path)
    # two flushes, unlink, replace: from the fifth step on the new tensors are in place
    assert same(loaded, OLD if steps < 4 else NEW)
    assert finished == (steps >= 6)


def test_any_damaged_byte_is_noticed(tmp_path):
    save_model(tmp_path, *OLD)
    (tmp_path / CONFIG).unlink()
    path = tmp_path / TENSORS
    whole = path.read_bytes()
    refused = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x11]) + whole[at + 1 :])
        try:
            assert same(load_model(tmp_path), OLD), f"byte {at}"
        except StoreError:
            refused += 1
    assert refused >= len(whole) - 16  # all but blanks that pad the header


@pytest.mark.parametrize("length", [0, 5, 20, -1])
def test_a_file_cut_short_is_refused(tmp_path, length):
    save_model(tmp_path, *OLD)
    path = tmp_path / TENSORS
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(StoreError, match=r"model\.safetensors is damaged"):
        load_model(tmp_path)


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"nowhere.model\.safetensors does not exist"):
        load_model(tmp_path / "nowhere")


def test_a_file_from_elsewhere_is_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file(dict(OLD[1]), tmp_path / TENSORS)
    with pytest.raises(StoreError, match="was not written by this package"):
        load_model(tmp_path)
    assert read_tensors(tmp_path / TENSORS)[1].keys() == OLD[1].keys()


def test_an_edited_config_is_refused_with_the_way_out(tmp_path):
    save_model(tmp_path, *OLD)
    (tmp_path / CONFIG).write_text('{"name": "old", "size": 64}')
    with pytest.raises(StoreError, match="Delete it to use those stored in the model"):
        load_model(tmp_path)
    (tmp_path / CONFIG).unlink()
    assert same(load_model(tmp_path), OLD)


@pytest.mark.parametrize("text", ["", "[]", "{", "\udc80", "[" * 100_000])
def test_a_damaged_config_is_refused(tmp_path, text):
    (tmp_path / CONFIG).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(StoreError, match=r"config\.json"):
        read_config(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"could not be saved in .*file"):
        save_model(tmp_path / "file", *OLD)


def test_bfloat16_is_widened(tmp_path):
    header = b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    content = len(header).to_bytes(8, "little") + header + b"\x80\x3f\x00\xc0"  # 1 and -2
    (tmp_path / "half.safetensors").write_bytes(content)
    _, tensors = read_tensors(tmp_path / "half.safetensors")
    assert tensors["a"].dtype == np.float32
    assert tensors["a"].tolist() == [1, -2]


def test_a_full_disk_leaves_the_old_model(tmp_path):
    resource = pytest.importorskip("resource")
    save_model(tmp_path, *OLD)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(StoreError, match=r"could not be saved in .*: .*File too large"):
            save_model(tmp_path, {}, {"a": np.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert same(load_model(tmp_path), OLD)
    assert sorted(path.name for path in tmp_path.iterdir()) == [CONFIG, TENSORS]
