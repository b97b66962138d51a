"""Sign bits of random hyperplanes: buckets, tables on disk, ranking by bits."""

import gc
import json
from pathlib import Path

import numpy as np
import pytest

from matcher.errors import ConfigError, StoreError
from matcher.search import ExactIndex, LshIndex, _tables, measure_recall
from matcher.search.lsh import Spec
from matcher.similarity import l2_normalize
from matcher.types import Embeddings


def crowds(rng, n=900, width=24, spread=0.1):
    centers = rng.normal(size=(n // 6, width))
    rows = centers[rng.integers(0, len(centers), n)] + spread * rng.normal(size=(n, width))
    return Embeddings(l2_normalize(rows.astype(np.float32)), "toy")


def signs(held, spec):
    """Bits of each row in each table, the slow way, shape ``(n, n_tables, n_bits)``."""
    shape = held.vectors.shape[1], spec.n_tables * spec.n_bits
    planes = np.random.default_rng(spec.seed).standard_normal(shape)
    bits = [
        [float(row.astype(np.float64) @ plane) > 0 for plane in planes.T] for row in held.vectors
    ]
    return np.array(bits).reshape(len(held), spec.n_tables, spec.n_bits)


def test_it_finds_those_that_share_all_bits_of_a_table(rng):
    held, spec = crowds(rng, 120, 8, 0.4), Spec(n_bits=6, n_tables=3, n_probes=0)
    bits = signs(held, spec)
    shared = (bits[:, None] == bits[None]).all(axis=3).any(axis=2)
    np.fill_diagonal(shared, False)
    for wanted in ({"min_score": -1.0}, {"k": 119}):  # half of the pairs, and all
        found = LshIndex(held, spec).search_within(**wanted)
        there = np.zeros_like(shared)
        there[found.rows(), found.indices] = True
        np.testing.assert_array_equal(there, shared)
    assert 120 < shared.sum() < 119 * 120


def test_a_probe_crosses_the_closest_hyperplane():
    spec = Spec(n_bits=5, n_tables=1, n_probes=1)
    planes = np.random.default_rng(spec.seed).standard_normal((3, 5))
    query = l2_normalize(np.float32([[1, 2, 3]]))
    margins = (query.astype(np.float64) @ planes)[0]
    closest = int(np.argmin(np.abs(margins)))
    normal = planes[:, closest] / np.linalg.norm(planes[:, closest])
    across = query - 1.01 * (query @ normal)[:, None] * normal  # just on its other side
    held = Embeddings(l2_normalize(across.astype(np.float32)), "toy")
    others = np.delete(np.arange(5), closest)
    mine, theirs = (np.sign(v.astype(np.float64) @ planes)[0] for v in (query, held.vectors))
    assert (mine[others] == theirs[others]).all()
    assert mine[closest] != theirs[closest]
    asked = Embeddings(query, "toy")
    assert LshIndex(held, spec).search(asked, k=1).indices.tolist() == [0]
    without = spec.model_copy(update={"n_probes": 0})
    assert LshIndex(held, without).search(asked, k=1).indices.tolist() == []


def test_more_tables_and_probes_find_no_less(rng):
    held, recalls = crowds(rng), []
    for n_tables, n_probes in ((1, 0), (8, 0), (8, 4), (8, 20)):
        index = LshIndex(held, Spec(n_tables=n_tables, n_probes=n_probes))
        found = index.search_within(min_score=0.8)
        recalls.append(measure_recall(index, found, min_score=0.8).value)
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.7 < 0.95 < recalls[-1]


def test_ranked_by_bits_the_fewest_that_differ_are_kept(rng):
    held, spec = crowds(rng, 150, 8), Spec(n_bits=4, n_tables=6, n_probes=0, rank="hamming")
    bits = signs(held, spec)
    shared = (bits[:, None] == bits[None]).all(axis=3).any(axis=2)
    off = (bits[:, None] != bits[None]).sum(axis=(2, 3))
    found = LshIndex(held, spec).search_within(k=3)
    for row in range(150):
        near = sorted((int(off[row, col]), col) for col in range(150) if shared[row, col])[:4]
        want = {col for _, col in near} - {row}
        got = set(found.indices[found.indptr[row] : found.indptr[row + 1]].tolist())
        assert got <= want  # a row finds itself too, but its twins in bits may come first
        assert len(got) == min(3, len(want))


@pytest.mark.parametrize("cutoff", [0.0, 0.1, 0.25])
def test_the_cutoff_is_a_share_of_bits(rng, cutoff):
    held = crowds(rng, 150, 8, 0.4)
    spec = Spec(n_bits=4, n_tables=6, n_probes=0, rank="hamming", cutoff=cutoff)
    bits = signs(held, spec)
    off = (bits[:, None] != bits[None]).mean(axis=(2, 3))
    found = LshIndex(held, spec).search_within(min_score=-1.0)
    got = set(zip(found.rows().tolist(), found.indices.tolist(), strict=True))
    shared = (bits[:, None] == bits[None]).all(axis=3).any(axis=2)
    near = shared & (off <= cutoff)
    assert got == {(a, b) for a, b in np.argwhere(near).tolist() if a != b}


def test_the_cutoff_is_a_cosine_distance(rng):
    held, wanted = crowds(rng, 300, spread=0.4), {"k": 9, "min_score": 0.2}
    bound, near, loose, free = (
        LshIndex(held, Spec(n_bits=5, cutoff=cutoff)).search_within(**wanted).scores
        for cutoff in (0.9, 0.1, 2, None)
    )
    assert near.min() >= 0.9
    assert len(near) == np.count_nonzero(free >= 0.9) < len(free)
    np.testing.assert_array_equal(loose, free)
    np.testing.assert_array_equal(bound, free)  # the search's own bound is the higher one


@pytest.mark.parametrize("rank", ["cosine", "hamming"])
def test_shards_and_blocks_change_nothing(reference, rng, monkeypatch, rank):
    held, spec = crowds(rng, 700), Spec(n_bits=8, rank=rank)
    whole = LshIndex(held, spec).search_within(k=5)
    for name, size in (("SHARD_ROWS", 97), ("HASHED", 13), ("BLOCK_BYTES", 50_000)):
        monkeypatch.setattr(f"matcher.search.lsh.{name}", size)
    parts = LshIndex(held, spec)
    assert len(parts._shards) == 8
    assert reference.by_row(parts.search_within(k=5)) == reference.by_row(whole)


def test_the_tables_are_mapped_not_loaded_and_gone_afterwards(rng):
    index = LshIndex(crowds(rng, 200))
    maps = [array for shard in index._shards for array in (shard.keys, shard.order)]
    assert all(isinstance(array, np.memmap) for array in maps)
    folder = Path(maps[0].filename).parent.parent
    assert folder.exists()
    del index, maps
    gc.collect()
    assert not folder.exists()


def test_a_folder_is_used_again(reference, rng, tmp_path, monkeypatch):
    held, spec = crowds(rng, 200), Spec(folder=str(tmp_path / "new" / "tables"))
    once = LshIndex(held, spec).search_within(k=4)
    monkeypatch.setattr("matcher.search.lsh.write_shards", lambda *_: pytest.fail("written again"))
    again = LshIndex(held, spec).search_within(k=4)
    assert reference.by_row(again) == reference.by_row(once)
    with pytest.raises(pytest.fail.Exception):
        LshIndex(held, spec.model_copy(update={"seed": 1}))
    with pytest.raises(pytest.fail.Exception):
        LshIndex(crowds(rng, 200), spec)


@pytest.mark.parametrize("name", ["keys-0.npy", "order-0.npy", "bits-0.npy", "manifest.json"])
@pytest.mark.parametrize("harm", ["flip", "cut", "gone"])
def test_damaged_tables_are_refused(rng, tmp_path, name, harm):
    held, spec = crowds(rng, 60), Spec(folder=str(tmp_path), rank="hamming")
    LshIndex(held, spec)
    (path,) = tmp_path.glob(f"*/{name}")
    content = bytearray(path.read_bytes())
    if harm == "flip":
        content[0 if name == "manifest.json" else -1] ^= 1
    path.unlink()
    if harm != "gone":
        path.write_bytes(content if harm == "flip" else content[: len(content) // 2])
    with pytest.raises(StoreError, match=r"are damaged: .* Delete that folder"):
        LshIndex(held, spec)


def test_a_manifest_for_other_rows_is_refused(rng, tmp_path):
    held, spec = crowds(rng, 60), Spec(folder=str(tmp_path))
    LshIndex(held, spec)
    (path,) = tmp_path.glob("*/manifest.json")
    path.write_text(json.dumps({"starts": [], "files": {}}))
    with pytest.raises(StoreError, match="it holds other rows"):
        LshIndex(held, spec)


def test_nothing_is_left_where_writing_fails(rng, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_tables, "_write", full)
    with pytest.raises(StoreError, match=r"No space left on device\. Name another folder"):
        LshIndex(crowds(rng, 60), Spec(folder=str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_another_process_may_be_faster(reference, rng, tmp_path, monkeypatch):
    held, spec = crowds(rng, 60), Spec(folder=str(tmp_path))
    once = LshIndex(held, spec).search_within(k=4)
    monkeypatch.setattr(Path, "exists", lambda self: self.name == "manifest.json")
    again = LshIndex(held, spec).search_within(k=4)
    assert reference.by_row(again) == reference.by_row(once)
    assert len(list(tmp_path.iterdir())) == 1


def test_ten_thousand_twins_cost_one_row():
    rows = np.concatenate([np.tile(np.float32([[1, 0]]), (10_000, 1)), np.float32([[0, 1]])])
    index = LshIndex(Embeddings(rows, "toy"))
    assert index._shards[0].keys.shape == (16, 2)
    assert (np.diff(index.search_within(k=3).indptr)[:-1] == 3).all()


def test_all_bits_of_32_and_one(rng):
    held = crowds(rng, 60)
    twice = Embeddings(np.concatenate([held.vectors, held.vectors]), "toy")
    for n_bits in (1, 32):
        found = LshIndex(twice, Spec(n_bits=n_bits, n_probes=32)).search_within(k=1)
        exact = ExactIndex(twice).search_within(k=1)
        np.testing.assert_array_equal(found.scores, exact.scores)


def test_settings_out_of_range_are_refused():
    for setting in ({"n_bits": 33}, {"n_tables": 0}, {"cutoff": -0.1}, {"rank": "dot"}):
        with pytest.raises(ConfigError, match=f"lsh: setting '{next(iter(setting))}'"):
            Spec.read(setting, "lsh")
