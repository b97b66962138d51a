"""Bad input: one sentence on stderr, status 2, no traceback; good rows and earlier output kept."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib

import pandas as pd
import pytest
import yaml
from PIL import Image

from matcher.cli import main
from matcher.config import default_yaml

GOOD = "id,title,image\n" + "".join(f"{i},red shirt size {i % 40},\n" for i in range(200))


@pytest.fixture
def table(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / "listings.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def run(tmp_path, capfd):
    """Run dedupe; return status, stderr lines, matches."""

    def dedupe(path, *options):
        status = main(["dedupe", str(path), "--out", str(tmp_path / "o"), *map(str, options)])
        found = tmp_path / "o" / "matches.csv"
        matches = pd.read_csv(found, dtype=str) if found.exists() else None
        return status, capfd.readouterr().err.splitlines(), matches

    return dedupe


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        ("sku_code,title\n1,a\n", [], ["listings.csv", "id", "'sku_code'", "--id"]),
        ("id,words\n1,a\n", [], ["listings.csv", "'words'", "--title"]),
        ("id,title\n1,a\n", ["--title", "titel"], ["'titel'", "title"]),
        ("id,title\n1,a\n2,b\n1,c\n", [], ["listings.csv", "'1'", "2", "4", "--duplicate-ids"]),
        ("", [], ["listings.csv", "empty"]),
        ("id,title\n", [], ["listings.csv", "no listings"]),
        ("id,title\na b,x\n", [], ["listings.csv", "'a b'", "white space"]),
        ("id,title\n1,caf\xe9\n".encode("latin-1"), [], ["listings.csv", "UTF-8", "--encoding"]),
        ("id,title\n1,a\n", ["--encoders", "brt"], ["'brt'", "Did you mean 'bert'"]),
        ("id,title\n1,a\n", ["--config", "absent.yaml"], ["absent.yaml"]),
        ("id,image\n1,a.jpg\n", ["--images", "absent"], ["absent"]),
        ("id,title\n1,\n2,\n", [], ["None of the encoders could run", "--title"]),
    ],
)
def test_one_sentence_and_status_2(table, run, content, options, told):
    status, errors, matches = run(table(content), *options)
    assert status == 2
    assert matches is None
    assert len(errors) == 1
    assert errors[0].startswith("matcher: ")
    assert "Traceback" not in errors[0]
    for word in told:
        assert word in errors[0]


def test_unknown_key_in_a_config(table, run, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("encoders: {phash: {}}\nfusin: {}\n")
    status, errors, _ = run(table(GOOD), "--config", config)
    assert status == 2
    assert len(errors) == 1
    assert "run.yaml: unknown setting 'fusin'. Did you mean 'fusion'?" in errors[0]


def test_a_part_of_a_config(table, run, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("search: {neighbors: 9}\n")
    status, errors, _ = run(table(GOOD), "--config", config)
    assert (status, len(errors)) == (2, 1)
    assert "run.yaml lacks encoders, fusion, clustering: a config is whole." in errors[0]
    assert "'matcher config' prints one" in errors[0]


def test_a_misspelt_search_method_is_named_as_it_stands_in_the_config(table, run, tmp_path):
    config = tmp_path / "run.yaml"
    whole = yaml.safe_load(default_yaml())
    config.write_text(yaml.safe_dump({**whole, "search": {"method": "lhs"}}))
    status, errors, _ = run(table(GOOD), "--config", config)
    assert (status, len(errors)) == (2, 1)
    assert "run.yaml: setting 'search.method': Input should be 'auto', " in errors[0]
    assert errors[0].endswith("Received: 'lhs'.")


@pytest.mark.parametrize("command", ["dedupe", "audit", "tune"])
def test_trouble_with_the_listings_is_told_whatever_the_command(table, tmp_path, capsys, command):
    words = [f"w{i}x" for i in range(60)]
    rows = [f"{i},{' '.join(words[i // 2 :: 9])},gone.png,{i // 2}" for i in range(60)]
    path = table("\n".join(["id,title,image,label", *rows]) + "\n")
    (tmp_path / "images").mkdir()
    out = tmp_path / ("c.yaml" if command == "tune" else "o")
    options = ["--images", str(tmp_path / "images"), "--encoders", "words,phash"]
    assert main([command, str(path), "--out", str(out), *options]) == 0
    told = capsys.readouterr().out
    assert "Encoders that ran: words." in told
    assert "Left out: phash: no listing has a hash, or a picture that can be read" in told
    assert "60 listings: picture not found in images/" in told


def test_ragged_rows_never_cost_the_others(table, run):
    status, errors, matches = run(table(GOOD + "x,too,many,cells\nlast,fine,\n"))
    assert status == 0
    assert len(matches) == 201
    assert len(errors) == 1
    assert "202" in errors[0]


def test_one_row_of_wrong_bytes_never_costs_the_others(table, run):
    status, errors, matches = run(table(GOOD.encode() + b"odd,caf\xe9 cup,\n"))
    assert status == 0
    assert len(matches) == 201
    assert "UTF-8" in errors[0]


def test_titles_of_a_megabyte_of_control_characters_and_none(table, run):
    rows = f"big,{'x' * 1_000_000},\ncontrols,\x01\x02\x1b[2J,\nnone,,\nnan,NaN,\n"
    status, _, matches = run(table(GOOD + rows))
    assert status == 0
    assert len(matches) == 204


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb() -> bytes:
    """A PNG of 60,000 × 60,000 white pixels in a few kB."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(bytes(750_100)) for _ in range(60)) + packer.flush()
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_pictures_that_cannot_be_read_never_cost_the_others(tmp_path, table, run, rng):
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(4):
        pixels = rng.integers(0, 255, (8, 8, 3), "uint8")
        Image.fromarray(pixels).resize((90, 90)).save(folder / f"good{i}.png")
    good = (folder / "good0.png").read_bytes()
    (folder / "truncated.png").write_bytes(good[: len(good) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "eps.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    Image.open(folder / "good1.png").convert("CMYK").save(folder / "cmyk.jpg")
    frames = [Image.new("L", (8, 8), i % 256) for i in range(300)]
    frames[0].save(folder / "long.gif", save_all=True, append_images=frames[1:])
    names = [
        *(p.name for p in sorted(folder.iterdir())),
        "../listings.csv",
        "/etc/passwd",
        "gone.jpg",
    ]
    rows = "id,title,image\n" + "".join(f"{i},,{name}\n" for i, name in enumerate(names))
    status, _, matches = run(table(rows), "--images", folder)
    assert status == 0
    assert len(matches) == len(names)
    report = json.loads((tmp_path / "o" / "run.json").read_text())
    told = "\n".join(f"{n} {reason}" for reason, n in report["problems"].items())
    assert "2 picture path climbs out of images/" in told
    assert "1 picture not found in images/" in told
    assert "1 picture cannot be read: image file is truncated" in told
    assert "1 picture cannot be read: it has more than 64,000,000 pixels" in told
    assert "2 picture cannot be read: it is no JPEG" in told  # the empty one and the EPS
    assert "1 blank picture" in told  # the first frame of the GIF
    assert report["encoders"]["phash"]["listings"] == 5  # four good ones and the CMYK one


def test_hostile_titles_are_inert_in_csv_and_html_and_raw_in_parquet(table, run, tmp_path):
    import pyarrow.parquet as pq

    evil = "=HYPERLINK(1) <script>alert(1)</script> red cup"
    status, _, _ = run(table(f'id,title\n1,"{evil}"\n2,"{evil}"\n'))
    assert status == 0
    readable = pd.read_csv(tmp_path / "o" / "pairs.csv")
    assert readable["title_left"][0] == "'" + evil
    assert "<script" not in (tmp_path / "o" / "report.html").read_text()
    assert pq.read_table(tmp_path / "o" / "pairs.parquet").num_rows == 1


def test_a_folder_that_cannot_be_written(table, capfd, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert main(["dedupe", str(table(GOOD)), "--out", str(blocked / "o")]) == 2
    errors = capfd.readouterr().err.splitlines()
    assert len(errors) == 1
    assert f"{blocked} is a file. Name a folder in its place." in errors[0]
    assert blocked.read_text() == "in the way"


def test_a_full_disk_leaves_the_earlier_output_whole(table, run, tmp_path, monkeypatch):
    run(table(GOOD))
    before = {p.name: p.read_bytes() for p in (tmp_path / "o").iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matcher.jobs.save.write_parquet", full)
    status, errors, _ = run(table(GOOD))
    assert status == 2
    assert len(errors) == 1
    assert "disk" in errors[0].lower() or "space" in errors[0].lower()
    assert {p.name: p.read_bytes() for p in (tmp_path / "o").iterdir()} == before


def test_ctrl_c_leaves_the_earlier_output_whole(table, run, tmp_path):
    run(table(GOOD))
    before = {p.name: p.read_bytes() for p in (tmp_path / "o").iterdir()}
    code = (  # a test run in the background hands on that it ignores Ctrl-C
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from matcher.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    many = "id,title\n" + "".join(f"{i},red shirt number {i}\n" for i in range(60_000))
    arguments = ["dedupe", str(table(many)), "--out", str(tmp_path / "o")]
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE)
    while not any(p.name.startswith(".matcher-") for p in (tmp_path / "o").iterdir()):
        time.sleep(0.02)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.decode().splitlines() == [
        "matcher: interrupted; what was there before is as it was."
    ]
    assert {p.name: p.read_bytes() for p in (tmp_path / "o").iterdir()} == before
