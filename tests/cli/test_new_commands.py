"""``matcher audit`` and ``matcher describe`` on real files: what is written, shown and refused."""

import csv
import json
import subprocess
import sys
from html.parser import HTMLParser

import pandas as pd
import pytest
from PIL import Image

from matcher.cli import main

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
FILES = {
    "audit": ["audit.html", "audit.json", "suspects.csv"],
    "describe": ["description.html", "description.json"],
}
COMMANDS = list(FILES)


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, path):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, text):
        self.text += text


@pytest.fixture
def run(tmp_path, capfd):
    """Run a command on a table; return status, what it printed, and its folder."""

    def command(name, table, *options):
        path = tmp_path / "listings.csv"
        if isinstance(table, str):
            path.write_text(table, encoding="utf-8")
        elif isinstance(table, bytes):
            path.write_bytes(table)
        elif table is not None:
            table.to_csv(path, index=False)
        status = main([name, str(path), "--out", str(tmp_path / "o"), *map(str, options)])
        return status, capfd.readouterr(), tmp_path / "o"

    return command


def hostile():
    """Labels, ids and titles that a page or a spreadsheet might take for more than text."""
    rows = [
        ("=1+2", f"=cmd|calc {SCRIPT} red kettle steel", f"=lab {SCRIPT}"),
        ("@b", f"+cmd {SCRIPT} red kettle steel", f"=lab {SCRIPT}"),
        ("-c", f"-1 {SCRIPT} red kettle steel {IMAGE}", IMAGE),
        ("d", "wooden dining chair", f"=lab {SCRIPT}"),
        ("e", f"=cmd|calc {SCRIPT} red kettle steel", "+other"),
    ]
    return pd.DataFrame(rows, columns=["id", "title", "label"])


@pytest.fixture(scope="module")
def misled(root):
    """The example with the labels of two large groups exchanged in one listing each."""
    table = pd.read_csv(root / "examples" / "listings.csv", dtype=str, keep_default_na=False)
    first, second = table["label_group"].value_counts().index[:2]
    for old, new in ((first, second), (second, first)):
        row = table.index[table["label_group"] == old][0]
        table.loc[row, "label_group"] = new
    return table


def test_audit_writes_the_page_with_pictures_and_the_same_suspects_thrice(run, misled, root):
    images = root / "examples" / "images"
    status, printed, out = run("audit", misled, "--images", images, "--show", "3")
    assert status == 0
    assert sorted(path.name for path in out.iterdir()) == FILES["audit"]
    with (out / "suspects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    content = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    assert [row["posting_id"] for row in rows] == [s["id"] for s in content["suspects"]]
    assert content["command"] == "audit"
    assert "phash" in content["encoders"]
    page = Page(out / "audit.html")
    for row in rows[:3]:
        assert row["posting_id"] in printed.out
        assert row["posting_id"] in page.text
    sources = [attributes.get("src", "") for tag, attributes in page.tags if tag == "img"]
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert (out / "audit.html").resolve().as_uri() in printed.out


def test_describe_writes_the_page_and_the_figures_it_prints(run, misled):
    part = misled.drop(columns="image").head(40).assign(phash="")
    part.loc[part.index[:2], "phash"] = "00ff00ff00ff00f1"
    status, printed, out = run("describe", part)
    assert status == 0
    assert sorted(path.name for path in out.iterdir()) == FILES["describe"]
    figures = json.loads((out / "description.json").read_text(encoding="utf-8"))
    assert figures["counts"]["listings"] == len(part)
    assert figures["counts"]["hashes_given"] == 2
    assert f"{len(part)} listings: {len(part)} with a title" in printed.out
    assert "Same perceptual hash: 2 listings in 1 sets" in printed.out
    page = Page(out / "description.html")
    assert str(len(part)) in page.text
    assert not [tag for tag, _ in page.tags if tag in ("script", "iframe", "object", "link")]


@pytest.mark.parametrize("command", COMMANDS)
def test_hostile_titles_are_text_on_the_page(run, command, tmp_path):
    pictures = tmp_path / "images"
    pictures.mkdir()
    Image.new("RGB", (32, 32), "red").save(pictures / "a.png")
    table = hostile().assign(image=["a.png", "../listings.csv", "", "<b>.png", ""])
    status, printed, out = run(command, table, "--images", pictures)
    assert status == 0
    page = Page(out / FILES[command][0])
    assert not [tag for tag, _ in page.tags if tag in ("script", "iframe", "object")]
    assert not [a for _, a in page.tags if any(name.startswith("on") for name in a)]
    assert not [a["src"] for t, a in page.tags if t == "img" and not a["src"].startswith("data:")]
    assert SCRIPT in page.text  # shown as the seller wrote it
    assert "Traceback" not in printed.err


def test_hostile_cells_are_no_formulas_in_a_spreadsheet(run):
    status, _, out = run("audit", hostile())
    assert status == 0
    with (out / "suspects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"'=1+2", "'@b", "e"} <= {row["id"] for row in rows}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(FORMULAS)]
    labels = {row["label"] for row in rows}
    assert "'+other" in labels
    content = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    assert "+other" in {suspect["label"] for suspect in content["suspects"]}  # JSON is no sheet


def test_control_characters_in_a_title_do_not_reach_the_terminal(run):
    table = hostile()
    table.loc[0, "title"] = "red kettle \x1b[2J\x07 steel"
    for command in COMMANDS:
        status, printed, _ = run(command, table)
        assert status == 0
        assert "\x1b[2J" not in printed.out
        assert "\x07" not in printed.out


LABELLED = "id,title,label\na,red kettle,x\nb,red kettle steel,x\n"
BAD = [
    ("code_of_it,title,label\n1,a,x\n", [], ["id", "'code_of_it'", "--id"]),
    ("id,words,label\n1,a,x\n", [], ["'words'", "--title"]),
    (LABELLED, ["--title", "titel"], ["'titel'", "title"]),
    (LABELLED, ["--group", "grp"], ["'grp'"]),
    ("id,title,label\n1,a,x\n1,b,y\n", [], ["'1'", "--duplicate-ids"]),
    ("", [], ["empty"]),
    ("id,title,label\n", [], ["holds no listings"]),
    ("id,title,label\n1,caf\xe9,x\n".encode("latin-1"), [], ["UTF-8", "--encoding"]),
    ("id,image,label\na,a.jpg,x\n", ["--images", "absent"], ["absent"]),
    (None, [], ["listings.csv", "does not exist"]),
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("table", "options", "told"), BAD)
def test_bad_input_ends_with_one_sentence_and_status_2(run, command, table, options, told):
    status, printed, out = run(command, table, *options)
    assert status == 2
    errors = printed.err.splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("matcher: ")
    for word in told:
        assert word in errors[0]
    assert printed.out == ""
    assert not out.exists() or list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--encoders", "brt"], "Did you mean 'bert'"),
        (["--encoders", "phash"], "None of the encoders could run: phash: no listing has"),
        (["--encoders", "numbers"], "proposes matches: numbers"),
        (["--config", "absent.yaml"], "absent.yaml"),
    ],
)
def test_an_audit_that_cannot_compare_says_why(run, options, told):
    table = LABELLED.replace("kettle", "kettle 2")
    status, printed, out = run("audit", table, *options)
    assert status == 2
    assert told in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not out.exists() or list(out.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_usage(command, capsys):
    assert main([command]) == 2
    assert "LISTINGS" in capsys.readouterr().err
    assert main([command, "listings.csv", "--absent"]) == 2
    assert "--absent" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_cannot_be_written(command, tmp_path, capsys):
    listings, blocked = tmp_path / "l.csv", tmp_path / "file"
    listings.write_text(LABELLED)
    blocked.write_text("in the way")
    assert main([command, str(listings), "--out", str(blocked / "o")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert str(blocked) in errors[0]
    assert blocked.read_text() == "in the way"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_leaves_the_earlier_output_whole(command, run, monkeypatch):
    run(command, LABELLED)
    status, _, out = run(command, LABELLED)
    assert status == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    job = {"audit": "matcher.jobs.audit_files", "describe": "matcher.jobs.describe"}[command]
    monkeypatch.setattr(f"{job}.write_text", full)
    status, printed, _ = run(command, LABELLED)
    assert status == 2
    assert "space" in printed.err.lower()
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize("command", COMMANDS)
def test_columns_may_be_named_otherwise_and_cells_parted_by_semicolons(run, command):
    table = "nr;judul;grp;hash\n1;red kettle;x;ff00ff00ff00ff01\n2;red kettle;y;ff00ff00ff00ff01\n"
    columns = ["--id", "nr", "--title", "judul", "--group", "grp", "--phash", "hash"]
    status, printed, out = run(command, table, *columns, "--json")
    assert status == 0
    content = json.loads(printed.out)
    assert content["counts"]["labelled"] == 2
    if command == "audit":
        assert {suspect["label"] for suspect in content["suspects"]} == {"x", "y"}
        assert (out / "suspects.csv").read_text().startswith("nr,")
    else:
        assert content["copies"]["hash"]["several_groups"] == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_good_row_among_bad_ones_is_enough(run, command):
    table = LABELLED + "c,too,many,cells\nd,,y\n"
    status, printed, out = run(command, table)
    assert status == 0
    assert sorted(path.name for path in out.iterdir()) == FILES[command]
    (warning,) = printed.err.splitlines()
    assert "line 4" in warning


def test_an_audit_without_suspects_says_so(run):
    table = "id,title,label\na,red kettle,x\nb,red kettle,x\nc,oak chair,y\nd,oak chair,y\n"
    status, printed, out = run("audit", table)
    assert status == 0
    assert "0 of 4 labels to look at again" in printed.out
    assert len((out / "suspects.csv").read_text().splitlines()) == 1
    assert json.loads((out / "audit.json").read_text())["suspects"] == []


HEAVY = ("sklearn", "tensorflow", "keras", "PIL")


@pytest.mark.parametrize("arguments", [["--help"], ["audit", "--help"], ["describe", "--help"]])
def test_help_lists_both_and_loads_nothing_heavy(arguments):
    code = (
        "import sys; from matcher.cli import main; "
        f"status = main({arguments!r}); "
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]; "
        "print('loaded', loaded); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded []"
    for word in ("audit", "describe") if arguments == ["--help"] else ("--group", "--out"):
        assert word in done.stdout
