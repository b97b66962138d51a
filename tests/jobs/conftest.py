"""Fixtures of the tests of jobs: one pair model, trained once."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import matcher
from matcher.jobs.tune import write_config


@pytest.fixture(scope="session")
def pairs_config():
    """A config whose fusion is trained on pairs of titles."""
    return {
        "encoders": {"words": {"encoder": "tfidf", "tokens": "words", "min_score": 0.1}},
        "fusion": {"method": "pairs", "scores": ["words"], "trees": 20},
        "clustering": {"method": "average"},
    }


@pytest.fixture(scope="session")
def table():
    """150 products of two listings each; each listing has lost one or two of six words."""
    rng = np.random.default_rng(0)
    words = [f"w{i}x" for i in range(120)]
    rows = []
    for product in range(150):
        title = rng.choice(words, 6, replace=False)
        for _ in range(2):
            changed = title.copy()
            changed[rng.integers(6, size=2)] = rng.choice(words, 2)
            rows.append({"title": " ".join(changed), "label_group": product})
    table = pd.DataFrame(rows)
    table.insert(0, "id", [f"i{i}" for i in range(len(table))])
    return table


@pytest.fixture(scope="session")
def tuned(table, pairs_config):
    return matcher.tune(table, config=pairs_config)


@pytest.fixture(scope="session")
def saved(tuned, tmp_path_factory):
    """Folder of one pair model's files, not to be changed."""
    folder = tmp_path_factory.mktemp("saved")
    write_config(tuned, folder / "mine.yaml")
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of them."""
    return Path(shutil.copytree(saved, tmp_path / "copied"))
