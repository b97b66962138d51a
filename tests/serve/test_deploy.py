"""What is shipped to run the service says what the command understands, and the page what holds."""

import json
import re
import shlex

import pytest
from typer.main import get_command

from benchmarks.bench_serve import serve_lines
from matcher.cli.app import app
from matcher.serve.keys import RIGHTS
from matcher.serve.settings import ServeSettings
from tests.serve.test_keys import GATED


def parse(words: list[str]) -> dict:
    """Options as the command takes them; fails where it would not."""
    command = get_command(app).commands[words[0]]
    return command.make_context("serve", words[1:], resilient_parsing=False).params


def test_the_container_s_command(root):
    text = (root / "deploy" / "Containerfile").read_text()
    words = json.loads(re.search(r"^CMD (\[.*\])$", text, re.MULTILINE).group(1))
    options = parse(words)
    assert options["host"] == "0.0.0.0"
    assert str(options["keys"]).startswith(options["place"].rpartition("/")[0])
    assert f"127.0.0.1:{options['port']}/readyz" in text
    assert f"EXPOSE {options['port']}" in text
    assert re.search(r"^USER \d+$", text, re.MULTILINE)


def test_the_unit_s_command(root):
    text = (root / "deploy" / "matcher.service").read_text()
    words = shlex.split(re.search(r"^ExecStart=(.*)$", text, re.MULTILINE).group(1))
    options = parse(words[1:])
    assert options["host"] == "127.0.0.1"
    assert options["place"].startswith("/var/lib/matcher/")
    stop = int(re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE).group(1))
    usual = ServeSettings()
    assert stop > usual.stop_seconds + usual.drain_seconds


def test_every_route_right_and_limit_is_in_the_page(root):
    page = (root / "docs" / "serve.md").read_text(encoding="utf-8")
    for param in GATED:
        route, method = param.values
        path = route.path.replace("{id:path}", "{id}").replace("{cluster}", "{id}")
        line = next(x for x in page.splitlines() if f"`{method} {path}`" in x)
        assert f"| {route.needs} |" in line
    for right in RIGHTS:
        assert f"`{right}`" in page
    for name, field in ServeSettings.model_fields.items():
        line = next(x for x in page.splitlines() if f"`{name}`" in x and x.startswith("|"))
        shown = "none" if field.default is None else f"{field.default:,}".removesuffix(".0")
        assert shown in line, name


def test_the_table_is_made_from_the_results(root):
    path = root / "benchmarks" / "results" / "serve.json"
    if not path.exists():
        pytest.skip("not measured yet")
    page = (root / "docs" / "serve.md").read_text(encoding="utf-8")
    for line in serve_lines(json.loads(path.read_text())):
        assert line in page
