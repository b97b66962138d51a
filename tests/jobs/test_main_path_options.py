"""Every option of the main path: on listings like real ones, on hardly any, on one modality."""

import numpy as np
import pandas as pd
import pytest

import matcher
from matcher.encoders.phash import Spec as Phash
from matcher.jobs.audit import audit

TITLES = {"words": {"encoder": "tfidf"}}
BOTH = {
    "encoders": {
        **TITLES,
        "characters": {"encoder": "tfidf", "tokens": "characters", "min_score": 0.4},
        "quantities": {"encoder": "tfidf", "tokens": "quantities", "candidates": False},
        "phash": {"min_score": 0.6875},
    },
    "fusion": {
        "method": "boundary",
        "thresholds": {"words": 0.85, "characters": 0.85, "phash": 0.8},
        "vetoes": {"quantities": 0.05},
    },
    "clustering": {"method": "average", "min_score": 0.47},
}
EVEN = {"words": 1, "characters": 1, "phash": 1}
FUSIONS = {
    "boundary": BOTH["fusion"],
    "union": {"method": "union", "thresholds": {"words": 0.7, "characters": 0.7, "phash": 0.9}},
    "weighted": {"method": "weighted", "weights": EVEN, "threshold": 0.6},
    "ranks": {"method": "ranks", "weights": EVEN, "rank": 2},
    "pairs": {"method": "pairs", "scores": list(EVEN), "trees": 20},
}
BLENDINGS = {
    "shared_titles": {"of": ["words", "characters"], "by": "phash"},
    "inb": {"of": ["words", "phash"], "min_scores": 0.6},
    "alpha_qe": {"of": "words"},
    "dba": {"of": ["words", "characters"]},
    "concatenation": {"of": ["words", "phash"], "into": "joined", "candidates": False},
}
OPTIONS = {
    **{f"fusion {name}": {"fusion": fusion} for name, fusion in FUSIONS.items()},
    **{
        f"blending {name}": {"blending": [{"method": name, **settings}]}
        for name, settings in BLENDINGS.items()
    },
    "reranking": {"reranking": {"neighbors": 3}},
    "at_least_two": {"at_least_two": True},
}
OPTIONS["blending concatenation"]["fusion"] = {
    "method": "boundary",
    "thresholds": {"joined": 0.7, "characters": 0.85},
}


@pytest.fixture(scope="module")
def table(root):
    """The example: titles, hashes and labels of 219 listings."""
    example = root / "examples"
    listings = matcher.read_listings(example / "listings.csv", example / "images")
    hashes = Phash().fit(listings).encode(listings)
    given = zip(hashes.codes.tolist(), hashes.present.tolist(), strict=True)
    table = pd.read_csv(example / "listings.csv", dtype=str, keep_default_na=False)
    table["phash"] = [f"{code:016x}" if has else "" for code, has in given]
    return table.drop(columns="image")


@pytest.fixture(scope="module")
def config_of(table):
    """A config by the name of its option; the pair model is trained when it is first asked for."""
    made = {}

    def make(option):
        if option not in made:
            config = matcher.RunConfig.read({**BOTH, **OPTIONS[option]}, option)
            made[option] = (
                matcher.tune(table, config=config).config if option == "fusion pairs" else config
            )
        return made[option]

    return make


def partition(found):
    name = found.clusters.columns[0]
    return {frozenset(ids) for ids in found.clusters.groupby("cluster")[name].agg(list)}


@pytest.mark.parametrize("option", OPTIONS)
def test_dedupe_with_every_option(table, config_of, option):
    config = config_of(option)
    found = matcher.dedupe(table, config=config)
    assert found.metrics["rowwise_f1"] > 0.55  # every listing alone: 0.41
    assert found.report.counts["clusters"] > 20
    assert found.report.config == config.dump()
    pairs, near = found.pairs, found.near_misses
    assert pairs["score"].between(0, 1).all()
    assert pairs["score"].is_monotonic_decreasing
    assert near["score"].between(0.35, 1).all()
    cluster = found.clusters.set_index("posting_id")["cluster"]
    same = cluster[pairs["id_left"]].to_numpy() == cluster[pairs["id_right"]].to_numpy()
    assert same.all()
    apart = cluster[near["id_left"]].to_numpy() != cluster[near["id_right"]].to_numpy()
    assert apart.all()


@pytest.mark.parametrize("option", [name for name in OPTIONS if not name.startswith("fusion")])
def test_the_order_of_the_rows_changes_no_cluster(table, config_of, option, rng):
    config = config_of(option)
    wanted = partition(matcher.dedupe(table, config=config))
    shuffled = table.iloc[rng.permutation(len(table))]
    found = partition(matcher.dedupe(shuffled, config=config))
    assert len(found ^ wanted) <= 0.02 * len(wanted)  # equal scores may be taken in another order


@pytest.mark.parametrize("option", OPTIONS)
def test_match_with_every_option(table, config_of, option):
    left, right = table.iloc[::2], table.iloc[1::2]
    found = matcher.match(left, right, config=config_of(option))
    label = table.set_index("posting_id")["label_group"]
    pairs = found.pairs
    assert set(pairs["id_left"]) <= set(left["posting_id"])
    assert set(pairs["id_right"]) <= set(right["posting_id"])
    right_ones = label[pairs["id_left"]].to_numpy() == label[pairs["id_right"]].to_numpy()
    assert len(pairs) > 30
    assert right_ones.mean() > 0.7  # by chance: 0.02
    assert pairs["score"].between(0.5, 1).all()
    assert found.near_misses["score"].between(0.35, 1).all()
    ends = [
        set(map(tuple, rows[["id_left", "id_right"]].to_numpy()))
        for rows in (pairs, found.near_misses)
    ]
    assert not ends[0] & ends[1]


@pytest.mark.parametrize("option", OPTIONS)
def test_look_up_with_every_option(table, config_of, option):
    row = table.iloc[10]
    hits = matcher.look_up(table, title=row["title"], k=3, config=config_of(option)).pairs
    assert hits["id_right"][0] == row["posting_id"]
    assert len(hits) == 3
    assert hits["phash"].isna().all()  # the query has no picture


@pytest.mark.parametrize("option", [name for name in OPTIONS if name.startswith("blending")])
def test_a_blending_shows_in_the_origin_of_what_it_wrote(table, config_of, option):
    config = config_of(option)
    (step,) = config.blending
    encoders = matcher.dedupe(table, config=config).report.encoders
    blended = {name for name, about in encoders.items() if step.method in about["source"]}
    assert blended == set(step.written)


def test_several_blendings_one_after_another(table):
    steps = [{"method": name, **BLENDINGS[name]} for name in ("shared_titles", "inb", "alpha_qe")]
    report = matcher.dedupe(table, config={**BOTH, "blending": steps}).report
    source = report.encoders["words"]["source"]
    assert source.index("shared_titles") < source.index("inb") < source.index("alpha_qe")
    assert report.metrics["rowwise_f1"] > 0.55


def test_reranking_leaves_two_tables_as_they_are(table):
    left, right = table.iloc[::2], table.iloc[1::2]
    plain = matcher.match(left, right, config=BOTH).pairs
    again = matcher.match(left, right, config={**BOTH, "reranking": {"weight": 0.9}}).pairs
    pd.testing.assert_frame_equal(plain, again)


def test_reranking_moves_scores_and_its_weight_of_0_none(table):
    plain = matcher.dedupe(table, config=BOTH)
    none = matcher.dedupe(table, config={**BOTH, "reranking": {"weight": 0}})
    pd.testing.assert_frame_equal(plain.pairs, none.pairs)
    moved = matcher.dedupe(table, config={**BOTH, "reranking": {"weight": 0.5}})
    assert not np.allclose(plain.candidate_scores, moved.candidate_scores)
    # The scores in the table of pairs are those that the clusters were made from.
    scores = moved.pairs["score"].to_numpy()
    assert np.isin(scores, moved.candidate_scores).mean() > 0.9


def test_at_least_two_leaves_nobody_alone_who_has_a_candidate(table):
    plain = matcher.dedupe(table, config=BOTH)
    found = matcher.dedupe(table, config={**BOTH, "at_least_two": True})
    alone, before = (
        {next(iter(ids)) for ids in partition(r) if len(ids) == 1} for r in (found, plain)
    )
    assert alone < before
    kept = {ids for ids in partition(plain) if len(ids) > 1}
    assert kept <= partition(found)  # clusters stay as they are; mates come in twos
    assert all(len(ids) == 2 for ids in partition(found) - kept if len(ids) > 1)


@pytest.mark.parametrize("command", ["dedupe", "match", "look_up", "audit"])
@pytest.mark.parametrize("column", ["title", "phash"])
def test_one_modality_only(table, command, column):
    part = table[table[column] != ""][["posting_id", column, "label_group"]].head(60)
    if command == "dedupe":
        found = matcher.dedupe(part)
        assert found.report.counts["clusters"] > 0
        assert ("phash" in found.report.left_out) == (column == "title")
    if command == "match":
        assert len(matcher.match(part, part).pairs) >= len(part)
    if command == "look_up":
        if column == "title":
            hits = matcher.look_up(part, title=part["title"].iloc[0], k=1).pairs
            assert hits["id_right"].tolist() == [part["posting_id"].iloc[0]]
        else:
            with pytest.raises(matcher.MatcherError):
                matcher.look_up(part, title="kettle")
    if command == "audit":
        assert audit(part).report.counts["labelled"] == 60


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("blending", [None, *BLENDINGS])
def test_no_listing_and_one(n, blending):
    listings = matcher.Listings(("a",) * n, ("red kettle",) * n, (None,) * n)
    steps = [] if blending is None else [{"method": blending, **BLENDINGS[blending]}]
    config = {**BOTH, "blending": steps, "reranking": {}, "at_least_two": True}
    if not n:
        with pytest.raises(matcher.BackendError, match="None of the encoders could run"):
            matcher.dedupe(listings, config=config)
        return
    found = matcher.dedupe(listings, config=config)
    assert found.clusters["cluster"].tolist() == [0]
    assert found.matches["matches"].tolist() == ["a"]
    assert len(found.pairs) == len(found.near_misses) == 0
    assert found.report.bridges == {}


@pytest.mark.parametrize("n", [0, 1])
def test_sides_without_listings(n):
    some = matcher.Listings(("a",), ("red kettle",), (None,))
    few = matcher.Listings(("b",) * n, ("red kettle",) * n, (None,) * n)
    for left, right in ((some, few), (few, some)):
        found = matcher.match(left, right, config=BOTH)
        assert len(found.pairs) == n
        assert len(found.near_misses) == 0
        assert found.matches.shape == (len(left), 2)
