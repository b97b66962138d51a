"""The commands: what they refuse before anything starts, and keys."""

import re
import socket
import subprocess
import sys

import pytest
import yaml

from matcher.cli import main
from matcher.errors import BackendError, ConfigError
from matcher.serve import run, tenants
from matcher.serve.keys import Keys, make_key, read_keys
from tests.serve.fake import FakeCatalog


@pytest.fixture
def served(monkeypatch):
    """Runs the command on catalogues in memory; gives what would have been served."""
    seen = []
    opened = {}

    def open_catalog(place, timeout):
        opened[place] = FakeCatalog(place)
        return opened[place]

    monkeypatch.setattr(tenants, "open_catalog", open_catalog)
    monkeypatch.setattr(run, "run", lambda *given: seen.append(given))
    return seen, opened


def told(capsys) -> str:
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("matcher: ")
    return errors[0]


def test_a_catalogue_on_this_machine_needs_no_keys(served, tmp_path):
    seen, opened = served
    assert main(["serve", str(tmp_path)]) == 0
    ((_, host, port, settings),) = seen
    assert (host, port, settings.max_batch) == ("127.0.0.1", 8000, 32)
    assert list(opened) == [str(tmp_path)]
    assert opened[str(tmp_path)].batches == [1]  # so that nothing is loaded later


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.org"])
def test_other_machines_need_keys(served, tmp_path, capsys, host):
    assert main(["serve", str(tmp_path), "--host", host]) == 2
    assert "keys are needed" in told(capsys)
    assert served == ([], {})


def test_with_keys_other_machines_may_ask(served, tmp_path):
    seen, opened = served
    keys = tmp_path / "keys.yaml"
    entry = {"name": "ana", "sha256": make_key()[1], "catalog": "shop"}
    keys.write_text(yaml.safe_dump({"keys": [entry]}))
    assert main(["serve", "--keys", str(keys), "--host", "0.0.0.0", "--port", "80"]) == 0
    assert seen[0][1:3] == ("0.0.0.0", 80)
    assert list(opened) == [str(tmp_path / "shop")]


def test_limits(served, tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text("max_body_mb: 8\nmatch_slots: 5\n")
    assert main(["serve", str(tmp_path), "--limits", str(limits), "--rate", "2.5"]) == 0
    settings = served[0][0][3]
    assert (settings.max_body_bytes, settings.match_slots, settings.rate) == (8_000_000, 5, 2.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], ["Name a catalogue", "--keys"]),
        (["--keys", "absent.yaml"], ["absent.yaml"]),
        (["DIR", "--limits", "absent.yaml"], ["absent.yaml"]),
        (["DIR", "--rate", "0"], ["rate"]),
        (["postgresql://user:secret@host/db"], ["--images"]),
    ],
)
def test_one_sentence_and_status_2(served, tmp_path, capsys, options, words):
    given = [str(tmp_path) if option == "DIR" else option for option in options]
    assert main(["serve", *given]) == 2
    sentence = told(capsys)
    for word in words:
        assert word in sentence
    assert "secret" not in sentence
    assert all(catalog.closed for catalog in served[1].values())


def test_pictures_of_a_catalogue_in_postgresql_have_a_folder_of_their_own(tmp_path):
    places = ["postgresql://host/db?schema=a", "postgresql://host/db?schema=b"]
    folders = {tenants.image_folder(place, tmp_path) for place in places}
    assert len(folders) == 2
    assert {folder.parent for folder in folders} == {tmp_path}
    assert (
        tenants.image_folder(str(tmp_path / "shop"), tmp_path / "x") == tmp_path / "shop" / "images"
    )


def test_catalogues_before_one_that_cannot_be_opened_are_closed(monkeypatch, tmp_path):
    opened = []

    def open_catalog(place, timeout):
        if opened:
            raise ConfigError("broken")
        opened.append(FakeCatalog(place))
        return opened[0]

    monkeypatch.setattr(tenants, "open_catalog", open_catalog)
    with pytest.raises(ConfigError, match="broken"):
        tenants.open_all(["a", "b"], run.ServeSettings())
    assert opened[0].closed


def test_a_port_that_is_taken(build, tmp_path):
    script = (
        "import sys; from matcher.serve.run import run; from matcher.serve.app import make_app\n"
        "from matcher.serve.keys import Keys; from matcher.serve.settings import ServeSettings\n"
        "from matcher.errors import StoreError\n"
        "try: run(make_app({}, Keys()), '127.0.0.1', int(sys.argv[1]), ServeSettings())\n"
        "except StoreError as error: print(error); raise SystemExit(7)"
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([sys.executable, "-c", script, port], capture_output=True, text=True)
    assert done.returncode == 7, done.stderr
    assert f"cannot listen on 127.0.0.1, port {port}" in done.stdout


def test_a_made_key_works_and_is_shown_once(tmp_path, capsys):
    assert main(["key", "ana", "--catalog", "shop", "--rights", "read, review"]) == 0
    out, err = capsys.readouterr()
    text = re.fullmatch(r"matcher: the key, shown this once: (\S+)\n", err).group(1)
    assert text not in out
    path = tmp_path / "keys.yaml"
    path.write_text("keys:\n" + out)
    found = read_keys(path).find(text)
    assert (found.name, found.rights) == ("ana", {"read", "review"})


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["a b"], "name"),
        (["ana", "--rights", "all"], "rights"),
        (["ana", "--catalog", ""], "catalog"),
    ],
)
def test_keys_that_are_not_made(capsys, options, word):
    assert main(["key", *options]) == 2
    assert word in told(capsys)


def test_a_missing_extra_is_named(monkeypatch, tmp_path, capsys):
    import importlib.util

    from matcher.cli.serving import check_extra

    whole = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "structlog" else whole(name)
    )
    with pytest.raises(BackendError, match=r"structlog.*pip install 'matcher\[serve\]'"):
        check_extra()
    assert main(["serve", str(tmp_path)]) == 2
    assert "matcher[serve]" in told(capsys)


def test_the_command_loads_nothing_of_the_service_before_it_serves():
    script = (
        "import sys; from matcher.cli import main; main(['--help'])\n"
        "heavy = {'fastapi', 'uvicorn', 'structlog', 'prometheus_client', 'starlette', 'PIL'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_without_a_place_there_is_no_open_door():
    assert Keys().open is None
    assert Keys(place="x").open.rights == {"read", "write", "review"}
