"""The main path on tables like none: missing modalities, hubs, labels of one kind, crowds."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

import matcher
from matcher.clustering import Constraints
from matcher.io.atomic import OutputFolder
from matcher.jobs import audit as auditing
from matcher.jobs import tune as tuning
from matcher.jobs.audit import audit
from matcher.jobs.found import search
from matcher.jobs.save import save
from matcher.jobs.steps import encode

TITLES = {"words": {"encoder": "tfidf"}}
# What one listing lacks is not a score of 0, and what both lack is no likeness.
MISSING = pd.DataFrame(
    {
        "id": ["both", "title", "hash", "nothing", "empty"],
        "title": ["red kettle steel", "red kettle steel", "", "", ""],
        "phash": ["ff00ff00ff00ff0f", "", "ff00ff00ff00ff0f", "", ""],
    }
)
TWO = {"encoders": {**TITLES, "phash": {}}, "clustering": {"method": "components"}}


@pytest.mark.parametrize(
    "fusion",
    [
        {"method": "union", "thresholds": {"words": 0.8, "phash": 0.8}},
        {"method": "weighted", "weights": {"words": 1, "phash": 3}, "threshold": 0.9},
        {"method": "boundary", "thresholds": {"words": 0.9, "phash": 0.9}},
        {"method": "ranks", "weights": {"words": 1, "phash": 1}, "rank": 1},
    ],
)
@pytest.mark.parametrize("matches", ["clusters", "pairs"])
def test_a_missing_modality_neither_matches_nor_refuses(fusion, matches):
    found = matcher.dedupe(MISSING, config={**TWO, "fusion": fusion, "matches": matches})
    pairs = {row["id_left"] + " " + row["id_right"]: row for row in found.pairs.to_dict("records")}
    assert pairs["both title"]["words"] == pytest.approx(1)
    assert np.isnan(pairs["both title"]["phash"])
    assert np.isnan(pairs["both hash"]["words"])
    for name in ("both title", "both hash"):
        assert pairs[name]["score"] >= 0.5
    cluster = found.clusters["cluster"].tolist()
    assert cluster == [0, 0, 0, 1, 2]
    if matches == "pairs":
        assert set(pairs) == {"both title", "both hash"}
    written = found.pairs_table().column("phash")
    assert written.null_count == sum(np.isnan(row["phash"]) for row in pairs.values())


def test_a_weighted_mean_is_over_what_both_have():
    """By hand: words 1, hashes 16 of 64 bits apart: (1 · 1 + 3 · 0.5) / 4; alone 1."""
    table = pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "title": ["red kettle", "red kettle", "red kettle"],
            "phash": ["00000000ffff00ff", "0000ffffffff00ff", ""],
        }
    )
    fusion = {"method": "weighted", "weights": {"words": 1, "phash": 3}, "threshold": 0.5}
    found = matcher.dedupe(table, config={**TWO, "fusion": fusion}).pairs
    score = found.set_index(["id_left", "id_right"])["score"]
    ratio = (1 + 3 * 0.5) / 4 / 0.5
    assert score[("a", "b")] == pytest.approx(ratio / (1 + ratio))
    assert score[("a", "c")] == score[("b", "c")] == pytest.approx(2 / 3)


def test_thirty_listings_with_nothing_to_compare_are_no_crowd():
    """They are equal in every modality, in that they lack it: that makes them no product."""
    n = 30
    table = pd.DataFrame({"id": range(2 * n), "title": "", "phash": ""})
    table.loc[: n - 1, "phash"] = [f"{code:016x}" for code in around_a_hub(n)[1]]
    found = matcher.dedupe(table, config=hub_config("components"))
    assert found.clusters["cluster"].nunique() == 2 * n
    assert len(found.pairs) == 0


def test_a_title_taken_over_from_a_picture_is_a_title_of_its_own_in_no_reason():
    """Of shared titles the reason names what the listing itself says."""
    table = pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "title": ["red kettle steel", "blue kettle", "wooden chair"],
            "phash": ["ff00ff00ff00ff0f", "ff00ff00ff00ff0f", "123456789abcdef0"],
            "label": ["x", "y", "x"],
        }
    )
    found = matcher.dedupe(table)
    (reason,) = found.pairs["reason"]
    words = next(part for part in reason.split("; ") if part.startswith("words in common"))
    assert words.startswith("words in common: kettle (")
    told = audit(table)
    for alike in told.alike:
        assert "red" not in alike
        assert "blue" not in alike


def test_words_that_came_with_the_picture_only_are_told_as_such():
    table = MISSING.iloc[[0, 2]]
    (reason,) = matcher.dedupe(table).pairs["reason"]
    assert "words in common" not in reason
    assert "words alike through other listings (1.00)" in reason
    assert "phash: identical" in reason


# Seven points of GF(7) and seven values: polynomials of degree 3 or less agree in 3 points at
# most, so that the hashes differ from the hub's in 7 bits, and from one another in 8 or more.
def around_a_hub(n):
    sets = []
    for a, b, c, d in itertools.islice(itertools.product(range(7), repeat=4), n):
        sets.append([7 * x + (a + b * x + c * x**2 + d * x**3) % 7 for x in range(7)])
    hub = 0x0F0F_0F0F_0F0F_0F0F
    return hub, [hub ^ sum(1 << bit for bit in bits) for bits in sets]


def hub_config(method, max_size=50):
    return {
        "encoders": {"phash": {"min_score": 1 - 7 / 32}},
        "fusion": {"method": "union", "thresholds": {"phash": 1 - 7 / 32}},
        "clustering": {"method": method, "min_score": 0.5, "max_size": max_size},
    }


@pytest.mark.parametrize(
    ("method", "largest", "reached"),
    [
        ("components", 49, 1000 - 24),  # the hub and 24 pairs: one more would be 51
        ("center", 3, 1000 - 1),
        ("average", 3, 1000 - 1),
    ],
)
def test_a_hub_of_a_thousand_clusters_is_capped_and_reported(tmp_path, method, largest, reached):
    hub, others = around_a_hub(1000)
    codes = [hub, *itertools.chain.from_iterable((code, code) for code in others)]
    ids = ["hub", *(f"{name}{i}" for i in range(1000) for name in "xy")]
    table = pd.DataFrame({"id": ids, "phash": [f"{code:016x}" for code in codes]})
    found = matcher.dedupe(table, config=hub_config(method))
    counts = found.report.counts
    assert counts["largest_cluster"] <= 50
    cluster = found.clusters["cluster"].to_numpy()
    assert (cluster[1::2] == cluster[2::2]).all()  # copies stay together
    assert counts["candidate_pairs"] == 1000 + 2000
    if method != "average":
        assert counts["largest_cluster"] == largest
        assert found.report.bridges == {"hub": reached}
    assert list(found.report.bridges) == ["hub"]
    assert found.report.bridges["hub"] >= reached - 1
    with OutputFolder(tmp_path / "o") as out:
        save(found, out)
    written = json.loads((tmp_path / "o" / "run.json").read_text())
    assert written["bridges"] == found.report.bridges
    assert len(found.near_misses) == 1000  # of the many pairs of the hub, no more are kept


def test_bridges_and_chains_are_counted():
    hub, others = around_a_hub(12)
    codes = [hub, *itertools.chain.from_iterable((code, code) for code in others)]
    table = pd.DataFrame({"id": range(25), "phash": [f"{code:016x}" for code in codes]})
    capped = matcher.dedupe(table, config=hub_config("components", max_size=3)).report
    assert capped.bridges == {"0": 11}
    assert capped.counts["chains"] == 0
    free = matcher.dedupe(table, config=hub_config("components")).report
    assert free.bridges == {}
    # Through the hub all are one cluster, whose ends are no candidates of one another.
    assert (free.counts["clusters"], free.counts["chains"]) == (1, 1)
    nine = matcher.dedupe(table.iloc[:19], config=hub_config("components", max_size=3)).report
    assert nine.bridges == {}  # nine clusters, one of them its own: below ten


LABELS = {"one group": ["g"] * 4, "all singletons": list("wxyz"), "none": [""] * 4}


@pytest.mark.parametrize("labels", LABELS)
def test_labels_of_one_kind(labels):
    titles = ["red kettle steel", "red kettle steel new", "wooden chair", "blue lamp"]
    table = pd.DataFrame({"id": list("abcd"), "title": titles, "label": LABELS[labels]})
    found = matcher.dedupe(table)
    assert found.clusters["cluster"].tolist() == [0, 0, 1, 2]
    if labels == "none":
        assert found.metrics == {}
        return
    scores = {name: found.metrics[name] for name in ("rowwise_precision", "rowwise_recall")}
    if labels == "one group":
        assert scores == {"rowwise_precision": 1, "rowwise_recall": (2 + 2 + 1 + 1) / 16}
    else:
        assert scores == {"rowwise_precision": (0.5 + 0.5 + 1 + 1) / 4, "rowwise_recall": 1}
    assert set(audit(table).suspects.tolist()) <= set(range(4))


def crowd(n, labels="crowd"):
    """``n`` identical listings, and 40 products of two listings each."""
    rng = np.random.default_rng(0)
    titles = ["red kettle 2l steel"] * n
    groups = [labels] * n
    for product in range(40):
        title = " ".join(f"w{i}x" for i in rng.integers(0, 400, 5))
        titles += [title, title]
        groups += [f"g{product}"] * 2
    ids = [f"i{i}" for i in range(len(titles))]
    return pd.DataFrame({"id": ids, "title": titles, "label_group": groups})


FEW = {
    "encoders": TITLES,
    "search": {"neighbors": 5},
    "fusion": {"method": "union", "thresholds": {"words": 0.9}},
    "clustering": {"method": "components"},
}


@pytest.fixture
def held(monkeypatch):
    """How many pairs a job found at a time."""
    numbers = []

    def count(module):
        find = module.find_candidates

        def found(*args, **settings):
            pairs = find(*args, **settings)
            numbers.append(len(pairs))
            return pairs

        monkeypatch.setattr(module, "find_candidates", found)
        return numbers

    return count


@pytest.mark.parametrize("blending", [[], [{"method": "inb", "of": "words"}]])
def test_ten_thousand_identical_listings_to_dedupe(blending):
    config = matcher.RunConfig.read({**FEW, "blending": blending}, "test")
    listings = matcher.listings_from_table(crowd(10_000))
    found = search(config, encode(config, listings, listings), Constraints())
    assert found.rows.tolist() == [0, *range(10_000, 10_080)]  # the crowd is searched as one
    assert (found.first[:10_000] == 0).all()
    assert len(found.candidates) <= 5 * 81


@pytest.mark.parametrize("aims", [{}, {"gallery_size": 20_000}])
def test_ten_thousand_identical_listings_to_tune(held, aims):
    numbers = held(tuning)
    tuned = matcher.tune(crowd(10_000), config=FEW, **aims)
    assert max(numbers) <= 5 * 81  # the crowd is searched as one
    assert tuned.gallery_size == aims.get("gallery_size", 10_080)


def test_copies_say_nothing_of_impostors(held):
    """Each of a crowd has nothing but its copies for neighbours: no bound for impostors."""
    numbers = held(tuning)
    with pytest.raises(matcher.DataError, match=r"more than ten .* Received: 81 listings"):
        matcher.tune(crowd(10_000), config=FEW, unlabelled=True)
    assert max(numbers) <= 5 * 81


def test_ten_thousand_identical_listings_to_audit(held):
    numbers = held(auditing)
    found = audit(crowd(10_000), config=FEW)
    assert max(numbers) <= 5 * 10_080
    # Of a label of more than 50, each listing is compared with 50 others, both ways.
    assert len(found.graph.indices) <= 2 * (5 + 25) * 10_080
    assert len(found.suspects) == 0
