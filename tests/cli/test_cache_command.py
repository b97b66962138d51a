"""What a person sees of the cache: the line about it, ``--no-cache``, and ``matcher cache``."""

import json
import re
import shutil

import pytest
import yaml

import matcher
from matcher.cli import main


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("MATCHER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def example(tmp_path, root):
    """A copy of 24 example listings with their pictures, whose hashes are not given."""
    import pandas as pd

    table = pd.read_csv(root / "examples" / "listings.csv", dtype=str, keep_default_na=False)
    table = table.drop(columns="image_phash", errors="ignore").iloc[:24]
    (tmp_path / "images").mkdir()
    for name in set(table["image"]):
        shutil.copy(root / "examples" / "images" / name, tmp_path / "images" / name)
    table.to_csv(tmp_path / "listings.csv", index=False)
    return tmp_path / "listings.csv", "--images", tmp_path / "images"


@pytest.fixture
def run(capfd):
    """Run a command that shall succeed; return what it printed."""

    def command(*arguments):
        assert main([str(a) for a in arguments]) == 0
        told = capfd.readouterr()
        assert told.err == ""
        return told.out

    return command


def written(out):
    files = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
    report = json.loads(files.pop("run.json"))
    files.pop("report.html")  # it tells the seconds
    return files, report


def test_a_second_run_encodes_what_is_new_and_finds_the_same(run, example, place, tmp_path):
    outs = [tmp_path / name for name in ("first", "second", "third", "without")]
    assert "From the cache" not in run("dedupe", *example, "--out", outs[0])
    assert "From the cache: 24 of 24 vectors (phash)." in run("dedupe", *example, "--out", outs[1])
    picture = sorted((tmp_path / "images").iterdir())[0]
    shutil.copy(sorted((tmp_path / "images").iterdir())[-1], picture)
    assert "From the cache: 24 of 24" in run("dedupe", *example, "--out", tmp_path / "copied")
    from PIL import Image

    Image.effect_noise((90, 90), 80).save(picture)
    told = run("dedupe", *example, "--out", outs[2])
    n_same = 24 - sum(picture.name in line for line in example[0].read_text().splitlines())
    assert f"From the cache: {n_same} of 24 vectors (phash)." in told
    assert "From the cache" not in run("dedupe", *example, "--out", outs[3], "--no-cache")
    (first, told_first), (second, told_second) = written(outs[0]), written(outs[1])
    assert first == second
    assert told_first["encoders"]["phash"]["from_cache"] == 0
    assert told_second["encoders"]["phash"]["from_cache"] == 24
    assert "from_cache" not in told_second["encoders"]["words"]
    (third, _), (without, told_without) = written(outs[2]), written(outs[3])
    assert third == without
    assert third != first
    assert "from_cache" not in told_without["encoders"]["phash"]
    assert told_without["config"]["cache"] is False


def test_every_command_that_encodes_uses_it(run, example, place, tmp_path):
    table, _, images = example
    run("embed", *example, "--encoders", "phash", "--out", tmp_path / "a.npz")
    line = "From the cache: 24 of 24 vectors (phash)."
    again = ("embed", *example, "--encoders", "phash", "--out")
    assert line in run(*again, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert "From the cache" not in run(*again, tmp_path / "c.npz", "--no-cache")
    query = ("search", table, "--images", images, "--image", sorted(images.iterdir())[0])
    assert "From the cache: 25 of 25 vectors (phash)." in run(*query)
    assert line in run("audit", *example, "--out", tmp_path / "audit")
    both = run("match", table, table, "--images", images, "--out", tmp_path / "match")
    assert "From the cache: 48 of 48 vectors (phash)." in both
    for command in (query, ("match", table, table, "--images", images, "--out", tmp_path / "m")):
        assert "From the cache" not in run(*command, "--no-cache")
    assert "From the cache" not in run("audit", *example, "--out", tmp_path / "au", "--no-cache")


def test_describing_keeps_hashes_unless_it_is_told_not_to(run, example, place, tmp_path):
    run("describe", *example, "--out", tmp_path / "one", "--no-cache")
    assert not place.exists()
    run("describe", *example, "--out", tmp_path / "two")
    assert place.exists()
    pages = [(tmp_path / name / "description.json").read_text() for name in ("one", "two")]
    assert pages[0] == pages[1]


def test_a_home_that_is_not_known_is_told_before_anything_is_encoded(
    example, place, tmp_path, monkeypatch, capfd
):
    monkeypatch.setenv("MATCHER_CACHE", "~nobody-of-this-name/kept")
    assert main(["dedupe", *map(str, example), "--out", str(tmp_path / "o")]) == 2
    assert "MATCHER_CACHE names a folder, or is 'off'. Received: '~nobody" in capfd.readouterr().err


def test_tuning_without_the_cache_does_not_write_that_down(run, root, place, tmp_path):
    table = root / "examples" / "listings.csv"
    run("tune", table, "--images", root / "examples" / "images", "--out", tmp_path / "a.yaml")
    assert place.exists()
    shutil.rmtree(place)
    options = ("--images", root / "examples" / "images", "--no-cache")
    run("tune", table, *options, "--out", tmp_path / "b.yaml")
    assert not place.exists()
    assert (tmp_path / "a.yaml").read_text() == (tmp_path / "b.yaml").read_text()
    assert matcher.RunConfig.load(tmp_path / "b.yaml").cache


def test_a_config_can_do_without(run, example, place, tmp_path):
    values = {**matcher.RunConfig.default().dump(), "cache": False}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(values))
    run("dedupe", *example, "--out", tmp_path / "o", "--config", tmp_path / "c.yaml")
    assert not place.exists()
    with pytest.raises(matcher.ConfigError, match="setting 'cache'"):
        matcher.RunConfig.read({**values, "cache": "somewhere"}, "c.yaml")


def test_looking_at_it_and_emptying_it(run, example, place, tmp_path, monkeypatch):
    assert f"0.0 MB in {place};" in run("cache")
    run("dedupe", *example, "--out", tmp_path / "o")
    told = run("cache")
    n_pictures = len({line.split(",")[1] for line in example[0].read_text().splitlines()[1:]})
    assert f"{n_pictures} vectors" in told
    assert "phash (matcher " in told
    (file,) = (place / "vectors").iterdir()
    file.write_bytes(b"nothing")
    assert f"{file.name} cannot be read" in run("cache")
    (place / "vectors" / "mine.sqlite").write_text("not of this package")
    (place / "networks" / ("0" * 32)).mkdir(parents=True)
    (place / "networks" / ("0" * 32) / "model.safetensors").write_bytes(bytes(2_000_000))
    assert re.search(r"networks +2\.0 MB", run("cache"))
    assert f"2.0 MB removed from {place}." in run("cache", "--clear")
    assert [path.name for path in (place / "vectors").iterdir()] == ["mine.sqlite"]
    assert list((place / "networks").iterdir()) == []
    monkeypatch.setenv("MATCHER_CACHE", "off")
    assert "There is no cache" in run("cache", "--clear")


def test_a_cache_that_cannot_be_used_is_one_line_on_stderr(example, place, tmp_path, capfd):
    place.write_text("a file is in the way")
    out = tmp_path / "o"
    assert main(["dedupe", *map(str, example), "--out", str(out)]) == 0
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith("matcher: the cache ")


def test_a_wrong_size_is_told_before_anything_is_encoded(example, place, tmp_path, capfd):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATCHER_CACHE_GB", "ten")
        assert main(["dedupe", *map(str, example), "--out", str(tmp_path / "o")]) == 2
    assert "MATCHER_CACHE_GB is a number of gigabytes" in capfd.readouterr().err
