"""``matcher train``: what is refused before any long work, and what is shown."""

import subprocess
import sys

import pytest

from matcher.cli import main
from matcher.training.settings import TrainConfig

GOOD = """
source: {listings: LISTINGS}
image: {backbone: resnet18, size: 32, weights: random}
loss: {method: arcface}
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("loss", "los"), "unknown setting 'los'. Did you mean 'loss'?"),
        (GOOD.replace("arcface", "arcfac"), "Unknown loss 'arcfac'"),
        (GOOD.replace("resnet18", "resnet19"), "resnet19"),
        (GOOD.replace("LISTINGS", "nowhere.csv"), "nowhere.csv"),
        (GOOD + "epochs: 0", "'epochs'"),
        (": :", "no valid YAML"),
    ],
)
def test_a_wrong_config_is_refused_in_one_line(tmp_path, capfd, text, message):
    path = tmp_path / "train.yaml"
    path.write_text(text)
    assert main(["train", str(path), "--out", str(tmp_path / "run")]) == 2
    told = capfd.readouterr()
    assert message in told.err
    assert len(told.err.splitlines()) == 1
    assert not told.out


def test_no_config_is_refused(tmp_path, capfd):
    assert main(["train", str(tmp_path / "none.yaml")]) == 2
    assert "Cannot read the config" in capfd.readouterr().err


def test_a_folder_of_another_command_is_left_alone(tmp_path, capfd):
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text('{"command": "dedupe"}')
    (tmp_path / "x.csv").write_text("id,image,group\n1,a.png,1\n2,b.png,1\n")
    path = tmp_path / "train.yaml"
    path.write_text(GOOD)
    given = ["train", str(path), "--out", str(run), "--listings", str(tmp_path / "x.csv")]
    assert main(given) == 2
    assert "not of a training" in capfd.readouterr().err


def test_help_does_not_load_keras():
    code = (
        "import sys; from matcher.cli.main import main; main(['train', '--help']); "
        "assert not {'keras', 'tensorflow', 'sklearn', 'pandas'} & set(sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert b"CONFIG" in found.stdout


def test_the_example_configs_load(root):
    for path in sorted((root / "configs" / "training").glob("*.yaml")):
        TrainConfig.load(path)
        assert f" configs/training/{path.name}" in path.read_text()  # the command
