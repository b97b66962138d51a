import pytest
import yaml

from matcher.errors import ConfigError
from matcher.training.settings import TrainConfig

IMAGE = {
    "source": {"listings": "x.csv"},
    "image": {"backbone": "mobilenet-v2", "size": 96},
    "loss": {"method": "arcface", "margin": 0.3},
}


def read(**changes):
    return TrainConfig.read({**IMAGE, **changes}, "run.yaml")


def test_what_is_dumped_is_read_back():
    config = read(
        margin={"start": 0.2, "end": 0.8},
        freezing={"up_to": 0.8, "thaw": {2: 0.0}},
        augment={"flip": False},
        batches={"size": 8, "per_group": 2},
    )
    text = yaml.safe_dump(config.dump())
    assert TrainConfig.parse(text, "again") == config


def test_what_only_says_when_to_write_is_not_decisive():
    one, other = read(), read(checkpoint_minutes=0, tensorboard=True, card={"about": "x"})
    assert one.decisive() == other.decisive() != read(seed=1).decisive()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": {}}, "has one network: give image or title"),
        ({"image": None}, "has one network: give image or title"),
        ({"image": None, "title": {}, "augment": {}}, "augment changes pictures"),
        ({"loss": {"method": "arcfaec"}}, "Unknown loss 'arcfaec'"),
        ({"loss": {"method": "triplet"}}, "set batches.per_group"),
        ({"loss": {"method": "simclr"}}, "set batches.views: true"),
        ({"batches": {"views": True}}, "not for 'arcface'"),
        ({"loss": {"method": "hierarchical"}}, "name its columns in source.levels"),
        ({"source": {"listings": "x", "levels": ["a", "b"]}}, "not for 'arcface'"),
        ({"validation": {"n_folds": 2, "fold": 2}}, "below n_folds=2"),
        ({"validation": {"n_folds": 3, "test_fold": 3}}, "test_fold is below n_folds=3"),
        ({"validation": {"fold": 1, "test_fold": 1}}, "are two folds"),
        ({"validation": {"n_folds": 2, "test_fold": 1}}, "some to train on"),
        (
            {
                "loss": {"method": "triplet"},
                "batches": {"size": 8, "per_group": 2},
                "centers": "means",
            },
            "'triplet' has no centres of classes. Leave centers out",
        ),
        (
            {
                "loss": {"method": "hierarchical"},
                "source": {"listings": "x", "levels": ["a", "b"]},
                "centers": "means",
            },
            "'hierarchical' has no centres",
        ),
        ({"schedule": {"name": "x"}}, "unknown setting 'schedule.name'. Known: warmup, decay"),
        ({"epoch": 3}, "unknown setting 'epoch'. Did you mean 'epochs'"),
        (
            {
                "loss": {"method": "triplet"},
                "batches": {"size": 8, "per_group": 2},
                "augment": {"cut_mix": 0.5},
            },
            "cut_mix mixes labels",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_the_way_out(changes, message):
    with pytest.raises(ConfigError, match=message):
        read(**changes)


def test_settings_are_read_without_keras():
    import subprocess
    import sys

    code = (
        "import sys; from matcher.training.settings import TrainConfig; "
        f"TrainConfig.read({IMAGE!r}, 'x'); assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_file_that_is_no_config_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"Cannot read the config .* Check the path; .*examples"):
        TrainConfig.load(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="no valid YAML"):
        TrainConfig.parse("epochs: 1\nepochs: 2", "x.yaml")
    with pytest.raises(ConfigError, match="must hold settings by name"):
        TrainConfig.parse("- 1", "x.yaml")
