"""The program that measures trainings: its bars, its settings, and the tables on the pages."""

import json

import pytest
import yaml

from benchmarks.machine import CONFIGS, ROOT
from benchmarks.training import (
    RESULTS,
    loss_lines,
    misses_its_bar,
    speed_lines,
    training_lines,
)
from benchmarks.training_cases import LOSSES
from benchmarks.training_runs import _changed
from matcher.training.settings import TrainConfig

GAINED = {"figure": "top1", "before": 0.5, "after": 0.6, "gain": 0.09, "minutes": 3}


@pytest.mark.parametrize(
    ("row", "missed"),
    [
        ({**GAINED, "most_minutes": None}, False),
        ({**GAINED, "most_minutes": 2}, True),
        ({**GAINED, "after": 0.58, "most_minutes": 5}, True),
        ({**GAINED, "after": 0.1, "gain": None, "most_minutes": None}, False),
        ({"figure": "a second", "value": 64.0, "bar": 65.0}, True),
        ({"figure": "a second", "value": 66.0, "bar": 65.0}, False),
        ({"figure": "a second", "value": 1.0, "bar": None}, False),
        ({"loss": "arcface", "top1": 0.1}, False),
    ],
)
def test_a_figure_misses_its_bar(row, missed):
    assert misses_its_bar(row) == missed


def test_settings_are_changed_one_by_one_and_a_loss_as_a_whole():
    settings = {"image": {"size": 96, "pooling": "gem"}, "loss": {"method": "arcface", "scale": 9}}
    changes = {"image": {"size": 64}, "loss": {"method": "softmax"}, "epochs": 2}
    assert _changed(settings, changes) == {
        "image": {"size": 64, "pooling": "gem"},
        "loss": {"method": "softmax"},
        "epochs": 2,
    }


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_measured_with_settings_that_it_takes(name):
    text = (CONFIGS / "training" / "hm.yaml").read_text(encoding="utf-8")
    assert TrainConfig.read(_changed(yaml.safe_load(text), LOSSES[name]), name)


def test_the_pages_show_the_results():
    rows = [
        row
        for case in json.loads(RESULTS.read_text(encoding="utf-8"))["results"].values()
        for row in case["rows"]
    ]
    compared = [row for row in rows if "before" in row]
    headlines = [row for row in compared if row["gain"] is not None]
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    assert "\n".join(training_lines(compared, "../configs")) in page
    assert "\n".join(loss_lines([row for row in rows if "loss" in row])) in page
    assert "\n".join(speed_lines([row for row in rows if "value" in row])) in page
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\n".join(training_lines(headlines, "configs")) in readme
