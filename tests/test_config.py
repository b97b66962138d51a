from pathlib import Path

import pytest
import yaml

from matcher.config import RunConfig
from matcher.errors import ConfigError

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
BASE = "encoders: {phash: {}}\nfusion: {method: union, thresholds: {phash: 0.9}}\nclustering: {}\n"


def test_default_reads_back_from_its_own_dump():
    config = RunConfig.default()
    assert RunConfig.parse(yaml.safe_dump(config.dump()), "dump") == config


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.name)
def test_committed_configs_load_and_say_how_to_run_them(path):
    RunConfig.load(path)
    header = path.read_text(encoding="utf-8")
    assert "# Command:" in header
    assert "# Hardware:" in header


def test_the_default_looks_at_what_the_shopee_config_does_and_at_meaning_and_photos():
    shopee, default = RunConfig.load(CONFIGS / "shopee.yaml"), RunConfig.default()
    assert set(default.encoders) - set(shopee.encoders) == {"meaning", "photos"}
    assert default.select(list(shopee.encoders)).encoders == shopee.encoders
    assert shopee.fusion.vetoes == default.fusion.vetoes
    assert default.reranking is None
    assert not default.at_least_two


BLENDED = """
encoders: {words: {encoder: tfidf}, phash: {}}
blending: [{method: inb, of: [words, phash], into: both, candidates: false, min_score: 0.6}]
fusion: {thresholds: {both: 0.7}}
reranking: {neighbors: 4}
at_least_two: true
clustering: {}
"""


def test_a_blended_modality_is_known_to_fusion_and_search():
    config = RunConfig.parse(BLENDED, "here")
    assert config.search_of("both") == (False, 0.6)
    assert config.search_of("words") == (True, 0.3)
    assert RunConfig.read(config.dump(), "again") == config
    assert config.reranking.neighbors == 4
    assert config.at_least_two


def test_a_blending_of_an_unknown_modality_is_refused():
    with pytest.raises(ConfigError, match="blending inb names the modality 'wrds'"):
        RunConfig.parse(BLENDED.replace("of: [words", "of: [wrds"), "here")


def test_selecting_keeps_a_blending_while_one_of_its_modalities_is_there():
    config = RunConfig.parse(BLENDED, "here")
    assert config.select(["words"]).fusion.thresholds == {"both": 0.7}
    part = config.select(["words"])
    assert part.blending[0].of == ("words",)
    assert RunConfig.read(part.dump(), "again") == part
    gone = config.select(["efficientnet"])
    assert gone.blending == ()
    assert gone.fusion.thresholds == {"efficientnet": 0.9}


PAIRS = """
encoders: {words: {encoder: tfidf}, phash: {}}
fusion: {method: pairs, scores: [words, phash], ranks: [words]}
clustering: {}
"""


def test_selecting_for_a_pair_model_before_and_after_training():
    config = RunConfig.parse(PAIRS, "here")
    part = config.select(["phash", "bert"]).fusion
    assert (part.scores, part.ranks) == (("phash", "bert"), ("bert",))
    trained = RunConfig.parse(PAIRS.replace("pairs,", "pairs, model: m,"), "here")
    assert trained.select(["phash"]).fusion.scores == ("words", "phash")


def test_selecting_what_is_there_leaves_the_fusion_as_it_was():
    config = RunConfig.load(CONFIGS / "titles.yaml")
    assert config.select(["tfidf"]) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BASE.replace("clustering", "clustring"), r"unknown setting 'clustring'.*'clustering'"),
        (BASE + "serch: {}", r"unknown setting 'serch'\. Did you mean 'search'"),
        (BASE + "search: {neighbours: 5}", r"'search.neighbours'\. Did you mean 'neighbors'"),
        (BASE + "search: {neighbors: 0}", r"'search.neighbors': .*greater.* Received: 0"),
        (BASE.replace("phash: {}", "phsh: {}"), r"Unknown encoder 'phsh'\. Did you mean 'phash'"),
        (BASE.replace("phash: {}", "phash: {colum: no}"), r"'colum'\. Did you mean 'column'"),
        (BASE.replace("phash: {}", "phash: 3"), r"encoders.phash must hold settings by name"),
        (BASE.replace("union", "onion"), r"Unknown fusion 'onion'\. Did you mean 'union'"),
        (BASE.replace("{phash: 0.9}", "{hash: 0.9}"), r"fusion names the modality 'hash'"),
        (BASE + "matches: cluster", r"setting 'matches'"),
        ("encoders: {}\nfusion: {}\nclustering: {}", r"encoders"),
        ("1: 2", r"settings have names\. Received: 1"),
        (BASE.replace("method: union", "method: 3"), r"named by text\. Received: 3"),
        (BASE.replace("phash: {}", "phash: {name: x}"), r"unknown setting 'name'"),
        (BASE.replace("phash: {}", "phash: {where: x}"), r"unknown setting 'where'"),
        (BASE.replace("method: union", "method: union, where: x"), r"unknown setting 'where'"),
        (BASE.replace("encoders", "a: " + "[" * 3000 + "\nencoders"), r"is no valid YAML"),
        (BASE + "search: {}\nsearch: {}", r"'search' is given more than once"),
        (BASE.replace("phash: {}", "score: {encoder: phash}"), r"none of id_left.*'score'"),
        (BASE.replace("phash: {}", "a b: {encoder: phash}"), r"name is letters.*'a b'"),
        ("- a list", r"must hold settings by name"),
        ("a: [1", r"is no valid YAML"),
        ("!!python/object/apply:os.system [echo hacked]", r"is no valid YAML"),
        ("", r"must hold settings by name\. Received: None"),
    ],
)
def test_wrong_configs_are_refused_by_name(text, message, capfd):
    with pytest.raises(ConfigError, match=message) as caught:
        RunConfig.parse(text, "run.yaml")
    assert str(caught.value).startswith("run.yaml")
    assert "hacked" not in capfd.readouterr().out


def test_a_config_that_is_no_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"Cannot read the config .*absent\.yaml"):
        RunConfig.load(tmp_path / "absent.yaml")


def test_selecting_by_modality_and_by_encoder():
    config = RunConfig.default()
    assert list(config.select(["phash"]).encoders) == ["phash"]
    titles = config.select(["tfidf"])
    assert list(titles.encoders) == ["words", "characters", "models", "numbers", "quantities"]
    assert titles.fusion.vetoes == config.fusion.vetoes
    assert "phash" not in titles.fusion.thresholds


def test_selecting_an_encoder_that_the_config_lacks_adds_it():
    config = RunConfig.default().select(["words", "efficientnet"])
    assert config.fusion.thresholds == {"words": 0.85, "efficientnet": 0.9}


def test_selecting_what_there_is_not():
    with pytest.raises(ConfigError, match=r"Unknown encoder 'tfdif'\. Did you mean 'tfidf'"):
        RunConfig.default().select(["tfdif"])
