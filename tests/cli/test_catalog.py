"""``matcher catalog`` on real files: what is written, shown and refused."""

import csv
import json

import pytest

from matcher.cli import main

TABLE = """id,title
a,red soap bar 250ml
b,soap bar red 250ml new
c,hdmi cable black
d,black hdmi cable long
e,wooden chair
"""


@pytest.fixture
def run(tmp_path, capfd):
    """Run a command of the catalogue; return status, what it printed, and what it complained."""

    def command(name, *options):
        status = main(["catalog", name, str(tmp_path / "shop"), *map(str, options)])
        printed = capfd.readouterr()
        return status, printed.out, printed.err

    return command


@pytest.fixture
def shop(run, tmp_path):
    """A catalogue that is there."""
    (tmp_path / "listings.csv").write_text(TABLE, encoding="utf-8")
    status, out, _ = run("create", tmp_path / "listings.csv", "--encoders", "words,characters")
    assert status == 0
    return out


def test_creating_says_what_it_has_what_is_left_out_and_what_next(shop, tmp_path):
    assert "5 listings: 2 clusters of two or more" in shop
    assert "Encoders: words, characters." in shop
    assert f"matcher catalog query {tmp_path / 'shop'} --title" in shop
    assert (tmp_path / "shop" / "catalog.sqlite").is_file()


def test_blending_is_left_out_and_told(run, tmp_path):
    rows = "id,title,phash\na,red soap,000000000000000f\nb,soap,00000000000000ff\n"
    (tmp_path / "t.csv").write_text(rows, encoding="utf-8")
    status, out, _ = run("create", tmp_path / "t.csv")
    assert status == 0
    assert "Left out: blending shared_titles: it looks at the whole table" in out


def test_creating_twice(shop, run, tmp_path):
    status, _, complaint = run("create", tmp_path / "listings.csv", "--encoders", "words")
    assert status == 2
    assert "There is a catalogue already" in complaint


def test_adding(shop, run, tmp_path):
    (tmp_path / "more.csv").write_text("id,title\nn,red soap bar\na,red soap bar 250ml\n")
    status, out, _ = run("add", tmp_path / "more.csv")
    assert status == 0
    assert out.startswith("1 added, 1 unchanged; revision 2.")
    assert "n  in cluster 1" in out
    status, out, _ = run("add", tmp_path / "more.csv", "--json")
    assert json.loads(out)["unchanged"] == ["n", "a"]


def test_removing(shop, run, tmp_path):
    (tmp_path / "ids.txt").write_text("c\n\nnobody\n", encoding="utf-8")
    status, out, _ = run("remove", "e", "--from", tmp_path / "ids.txt")
    assert status == 0
    assert "2 removed, 1 not there; revision 2." in out
    assert "Not there: nobody" in out
    status, _, complaint = run("remove")
    assert status == 2
    assert "--from FILE" in complaint


def test_asking(shop, run):
    status, out, _ = run("query", "--title", "red soap bar 250ml", "-k", "2")
    lines = out.splitlines()
    assert status == 0
    assert lines[0].split() == ["score", "id", "cluster", "title", "why"]
    assert lines[1].split()[1:4] == ["match", "a", "1"]
    assert out.rstrip().endswith("It matches cluster 1.")
    status, out, _ = run("query", "--title", "red soap bar 250ml", "--json")
    best = json.loads(out)["candidates"][0]
    assert (best["id"], best["match"], best["cluster"]) == ("a", True, 1)
    assert run("query", "--title", "zzz")[1].startswith("Nothing in the catalogue")
    assert run("query")[0] == 2


def test_showing(shop, run):
    assert "Clusters by size" in run("show")[1]
    out = run("show", "1")[1]
    assert "Cluster 1 · 2 listings" in out
    assert "created" in out
    assert run("show", "b")[1] == out
    assert json.loads(run("show", "1", "--json")[1])["ids"] == ["a", "b"]
    assert run("show", "99")[0] == run("show", "99", "--id")[0] == run("show", "nobody")[0] == 2


def test_reviewing_and_deciding(shop, run):
    out = run("review")[1]
    assert "weakest edge" in out
    assert "matcher catalog decide" in out
    status, out, _ = run("decide", "reject", "a", "b", "--who", "ann", "--note", "sizes")
    assert status == 0
    assert "Decision 1: reject, by ann." in out
    assert "undo" in out
    clusters = [line.split()[-1] for line in out.splitlines() if "in cluster" in line]
    assert len(set(clusters)) == 2
    status, out, _ = run("undo", "1", "--who", "bob")
    assert "Decision 2: undo of 1, by bob." in out
    status, out, _ = run("decide", "accept", "1", "--who", "ann")
    assert status == 0
    status, _, complaint = run("decide", "reject", "a", "b", "--who", "bob")
    assert status == 2
    assert "undo 3 first" in complaint
    assert run("decide", "split", "2", "d", "--who", "ann")[0] == 0
    assert run("decide", "merge", "1", "3", "--who", "ann")[0] == 0
    for wrong in (("accept",), ("accept", "x"), ("bless", "1"), ("reject", "a")):
        assert run("decide", *wrong)[0] == 2


def test_files(shop, run, tmp_path):
    run("decide", "reject", "a", "b", "--who", "ann")
    status, out, _ = run("export", "--out", tmp_path / "out")
    assert status == 0
    assert "clusters.csv, pairs.csv, decisions.csv, events.csv" in out
    with (tmp_path / "out" / "decisions.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["id_left"], row["id_right"], row["decision"]) == ("a", "b", "different")


def test_making_anew(shop, run):
    status, out, _ = run("rebuild")
    assert status == 0
    assert "5 listings: 2 clusters" in out


def test_where_there_is_none(run):
    for command in ("show", "review", "rebuild", "export"):
        status, _, complaint = run(command)
        assert status == 2
        assert "holds no catalogue" in complaint


def test_nothing_of_a_title_reaches_the_terminal(run, tmp_path):
    rows = 'id,title\na,"red \x1b[31m soap [bold]x[/bold]"\nb,red soap\n'
    (tmp_path / "t.csv").write_text(rows, encoding="utf-8")
    run("create", tmp_path / "t.csv", "--encoders", "words")
    out = run("query", "--title", "red soap")[1] + run("show", "a")[1]
    assert "\x1b" not in out
    assert "[bold]x[/bold]" in out
