"""The committed pipelines run from the command line and leave what they promise."""

import json
import subprocess
import sys

from matcher.config import RunConfig


def test_shopee_tunes_matches_and_scores_what_was_held_out(root, tmp_path):
    arguments = ["configs/shopee.yaml", "examples/listings.csv", "--images", "examples/images"]
    command = [sys.executable, "-m", "pipelines.shopee", *arguments, "--out", str(tmp_path)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    RunConfig.load(tmp_path / "config.yaml")
    held_out = json.loads((tmp_path / "held_out.json").read_text())
    assert held_out["gallery"] == 219
    assert 90 < held_out["scored"] < 130
    assert 0.5 < held_out["rowwise_f1"] < 1
    assert (tmp_path / "matches.csv").exists()
