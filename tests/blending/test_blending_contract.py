"""What every blending promises, whatever it does to the vectors."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from matcher.blending import available_blendings, make_blending
from matcher.errors import ConfigError, DataError
from matcher.search import Distinct
from matcher.types import Embeddings, Hashes

SETTINGS = {
    "concatenation": {"into": "blend"},
    "alpha_qe": {},
    "dba": {},
    "inb": {},
    "shared_titles": {"by": "image"},
}
N = 12


@pytest.fixture(params=available_blendings())
def make(request):
    """Build the blending under test of some modalities."""

    def build(of="title", **settings):
        return make_blending(request.param, **{"of": of, **SETTINGS[request.param], **settings})

    return build


@pytest.fixture(params=["dense", "sparse"])
def table(request, rng, toys):
    titles = rng.random((N, 5)) * (rng.random((N, 5)) < 0.5)
    titles[3] = 0
    codes = [int(code) for code in rng.integers(0, 3, N)]
    codes[4] = None
    return {
        "title": toys.vectors(titles, sparse=request.param == "sparse", terms=tuple("abcde")),
        "image": toys.hashes(codes),
        "other": toys.vectors(rng.random((N, 3))),
    }


def only_written(blending, table):
    (name,) = blending.written
    return table[name]


def test_unit_vectors_of_the_same_kind(make, table):
    blending = make()
    (blended,) = blending.blend(table)
    found, given = only_written(blending, blended), table["title"]
    assert isinstance(found, Embeddings)  # which checks the norms
    assert isinstance(found.vectors, csr_array) == isinstance(given.vectors, csr_array)
    assert found.vectors.shape == given.vectors.shape
    assert np.isfinite(Distinct.of(found).encoded.vectors.sum())


def test_what_was_given_stays_as_it_was(make, table):
    before = dict(table)
    copy = table["title"].vectors.copy()
    (blended,) = make().blend(table)
    assert table == before
    assert abs(table["title"].vectors - copy).max() == 0
    assert blended["other"] is table["other"]
    assert blended["image"] is table["image"]


def test_a_listing_without_a_title_goes_on_without(make, table):
    blending = make()
    (blended,) = blending.blend(
        {**table, "image": Hashes(np.arange(N, dtype=np.uint64), np.ones(N, bool))}
    )
    np.testing.assert_array_equal(only_written(blending, blended).present, table["title"].present)


def test_origin_tells_method_and_settings(make, table):
    blending = make()
    (blended,) = blending.blend(table)
    source = only_written(blending, blended).source
    assert source.startswith(f"toy+{blending.method}:")
    (other,) = make(of=["title", "other"]).blend(table) if blending.joins else ({},)
    assert all(rows.source != source for rows in other.values())
    (searched,) = blending.model_copy(update={"min_score": 0.9}).blend(table)
    assert only_written(blending, searched).source == source


def test_words_are_kept_where_columns_are(make, table):
    blending = make()
    (blended,) = blending.blend(table)
    assert only_written(blending, blended).terms == tuple("abcde")


def test_a_new_name_leaves_the_old_vectors(make, table):
    blending = make(into="new")
    (blended,) = blending.blend(table)
    assert blending.written == ("new",)
    assert blended["title"] is table["title"]
    (other,) = make().blend(table)
    assert abs(blended["new"].vectors - only_written(make(), other).vectors).max() == 0


def test_a_modality_that_did_not_run_is_passed_over(make, table):
    (blended,) = make(of="missing").blend(table)
    assert blended == table
    if make().joins and make().written == ("title",):
        (part,) = make(of=["missing", "title"]).blend(table)
        (alone,) = make().blend(table)
        assert abs(part["title"].vectors - alone["title"].vectors).max() == 0


def test_hashes_are_vectors_with_the_same_scores(make, toys):
    blending = make(of="hash")
    codes = [0, 2**64 - 1, 0b1011 << 40, None]
    alone = {"hash": toys.hashes(codes), "image": toys.hashes([1, 2**30, 2**50 + 2**51, None])}
    spread = {"neighbor_min_score": 1.0, "min_scores": (1.0,)}
    fields = type(blending).model_fields
    blending = blending.model_copy(update={k: v for k, v in spread.items() if k in fields})
    (blended,) = blending.blend(alone)
    found = only_written(blending, blended)
    expected = [[1 - ((a ^ b).bit_count() / 32) for b in codes[:3]] for a in codes[:3]]
    np.testing.assert_allclose(toys.scores(found, found)[:3, :3], expected, atol=1e-6)
    assert not found.present[3]


def test_the_gallery_never_depends_on_the_queries(make, table, rng, toys):
    blending = make()
    few = {name: take(rows, np.array([0, 3, 5])) for name, rows in table.items()}
    queries, gallery = blending.blend(few, table)
    _, same = blending.blend(table, table)
    assert (
        abs(only_written(blending, gallery).vectors - only_written(blending, same).vectors).max()
        == 0
    )
    assert only_written(blending, queries).source == only_written(blending, gallery).source
    assert len(only_written(blending, queries)) == 3


def take(encoded, rows):
    if isinstance(encoded, Hashes):
        return Hashes(encoded.codes[rows], encoded.present[rows], encoded.source)
    return Embeddings(encoded.vectors[rows], encoded.source, terms=encoded.terms)


def test_rows_in_another_order_blend_the_same(make, table, rng):
    blending, moved = make(), rng.permutation(N)
    (first,) = blending.blend(table)
    (second,) = blending.blend({name: take(rows, moved) for name, rows in table.items()})
    gap = only_written(blending, first).vectors[moved] - only_written(blending, second).vectors
    assert abs(gap).max() < 1e-6


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("sparse", [False, True])
def test_hardly_any_rows(make, n, sparse, toys):
    table = {"title": toys.vectors(np.ones((n, 4)), sparse), "image": toys.hashes([7] * n)}
    blending = make()
    (blended,) = blending.blend(table)
    assert abs(only_written(blending, blended).vectors - table["title"].vectors).sum() < 1e-6
    queries, gallery = blending.blend(table, table)
    assert len(only_written(blending, queries)) == len(only_written(blending, gallery)) == n


def test_no_queries_in_a_full_gallery(make, table):
    none = {name: take(rows, np.array([], np.int64)) for name, rows in table.items()}
    queries, gallery = make().blend(none, table)
    assert len(only_written(make(), queries)) == 0
    assert len(only_written(make(), gallery)) == N


@pytest.mark.parametrize("sparse", [False, True])
def test_copies_stay_equal_in_a_crowd(make, sparse, toys):
    rows = np.vstack([np.tile([3, 1, 2], (10_000, 1)), [[0, 0, 1]], [[3, 2, 2]]])
    table = {"title": toys.vectors(rows, sparse), "image": toys.hashes([5] * len(rows))}
    blending = make()
    (blended,) = blending.blend(table)
    found = only_written(blending, blended)
    assert Distinct.of(found).number[9_999] == 0
    assert Distinct.of(found).n_different <= 3


@pytest.mark.parametrize("sparse", [False, True])
def test_a_few_copies_stay_equal_to_the_last_bit(make, sparse, rng, toys):
    rows = np.repeat(rng.random((6, 7)), 3, axis=0)
    table = {"title": toys.vectors(rows, sparse), "image": toys.hashes([1, 1, 1] * 6)}
    blending = make()
    (blended,) = blending.blend(table)
    assert Distinct.of(only_written(blending, blended)).n_different <= 6


def test_one_or_two_tables(make, table):
    for tables in ((), (table,) * 3):
        with pytest.raises(DataError, match="one table, or queries"):
            make().blend(*tables)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"of": []}, "of"),
        ({"of": ["a", "a"]}, "more than once"),
        ({"into": "a b"}, "into"),
        ({"min_score": 2}, "min_score"),
        ({"neighbours": 3}, "unknown setting 'neighbours'"),
    ],
)
def test_wrong_settings_are_named(make, wrong, message):
    name = make().method
    with pytest.raises(ConfigError, match=message):
        make_blending(name, **{"of": "title", **SETTINGS[name], **wrong})


def test_unknown_blending_is_named():
    with pytest.raises(ConfigError, match="Did you mean 'inb'"):
        make_blending("inbb")


def test_settings_survive_a_round_trip(make):
    import yaml

    blending = make()
    again = yaml.safe_load(yaml.safe_dump(blending.model_dump()))
    assert make_blending(blending.method, **again) == blending
