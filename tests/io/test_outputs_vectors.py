"""Embeddings and hashes as files for other programs."""

import numpy as np
import pytest
from pyarrow import parquet
from scipy.sparse import csr_array

from matcher.errors import ConfigError, DataError, StoreError
from matcher.io.vectors import write_embeddings
from matcher.types import Embeddings, Hashes

IDS = ("007", "é", "c")
DENSE = Embeddings(np.array([[1, 0], [0, 0], [0.6, 0.8]], np.float32), "bert-1")
SPARSE = Embeddings(csr_array(DENSE.vectors), "tfidf-2")
HASHES = Hashes(np.array([255, 3, 1 << 63], np.uint64), np.array([True, False, True]), "phash")


def test_dense_parquet(tmp_path):
    write_embeddings(tmp_path / "v.parquet", IDS, DENSE, "sku")
    table = parquet.read_table(tmp_path / "v.parquet")
    assert table.column("sku").to_pylist() == list(IDS)
    vectors = np.array(table.column("vector").to_pylist(), np.float32)
    np.testing.assert_array_equal(vectors, DENSE.vectors)
    assert table.schema.metadata == {b"source": b"bert-1", b"dimensions": b"2"}


def test_sparse_parquet(tmp_path):
    write_embeddings(tmp_path / "v.parquet", IDS, SPARSE)
    table = parquet.read_table(tmp_path / "v.parquet")
    assert table.column("indices").to_pylist() == [[0], [], [0, 1]]
    values = table.column("values").to_pylist()
    assert values == [[1], [], np.float32([0.6, 0.8]).tolist()]
    assert table.schema.metadata[b"dimensions"] == b"2"


def test_hashes_parquet(tmp_path):
    write_embeddings(tmp_path / "v.PARQUET", IDS, HASHES)
    table = parquet.read_table(tmp_path / "v.PARQUET")
    assert table.column("phash").to_pylist() == ["00000000000000ff", None, "8000000000000000"]


@pytest.mark.parametrize("encoded", [DENSE, SPARSE, HASHES], ids=["dense", "sparse", "hashes"])
def test_npz_needs_no_pickle(tmp_path, encoded):
    write_embeddings(tmp_path / "v.npz", IDS, encoded)
    with np.load(tmp_path / "v.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    assert arrays.pop("ids").tolist() == list(IDS)
    assert str(arrays.pop("source")) == encoded.source
    if encoded is SPARSE:
        back = csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), arrays["shape"])
        np.testing.assert_array_equal(back.toarray(), DENSE.vectors)
    elif encoded is DENSE:
        np.testing.assert_array_equal(arrays["vectors"], DENSE.vectors)
    else:
        assert arrays["codes"].tolist() == HASHES.codes.tolist()
        assert arrays["present"].tolist() == HASHES.present.tolist()


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_no_listings(tmp_path, ending):
    write_embeddings(tmp_path / f"v.{ending}", (), Embeddings(np.empty((0, 4), np.float32), "x"))
    assert (tmp_path / f"v.{ending}").stat().st_size > 0


def test_rows_that_are_not_contiguous(tmp_path):
    wide = np.eye(4, dtype=np.float32)
    write_embeddings(tmp_path / "v.parquet", ("a", "b"), Embeddings(wide[::2, ::2], "x"))
    assert parquet.read_table(tmp_path / "v.parquet").column("vector").to_pylist() == [
        [1, 0],
        [0, 1],
    ]


@pytest.mark.parametrize("name", ["v.csv", "v.npy", "v", "npz"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match=rf"written to \.parquet or \.npz\. Received: '{name}'"):
        write_embeddings(tmp_path / name, IDS, DENSE)


def test_one_id_per_row(tmp_path):
    with pytest.raises(DataError, match=r"3 listings are encoded\. Received: 2 ids"):
        write_embeddings(tmp_path / "v.npz", IDS[:2], DENSE)


def test_unwritable(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"v\.npz: .*file is a file\. Name"):
        write_embeddings(tmp_path / "file" / "v.npz", IDS, DENSE)
