"""A small BERT to start from: a vocabulary of the titles, and random weights."""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines._base_tables import make_rng
from pipelines._base_titles import Title
from pipelines._base_words import words_to_spell

MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
N_TOKENS = 8_000
MIN_FREQUENCY = 2
DEVIATION = 0.02
SHAPE = {
    "num_hidden_layers": 4,
    "hidden_size": 256,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
}
REST = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "initializer_range": DEVIATION,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
    "dtype": "float32",
}


def write_bert(rows: Sequence[Title], folder: Path, seed: int) -> None:
    """Write a folder as Hugging Face has it, for ``weights`` of a title network.

    Made-up titles, foreign ones among them, would fill the vocabulary with words that nobody
    writes. It is learnt from the real titles, and from ``words_to_spell``.
    """
    from safetensors.numpy import save_file
    from transformers import PreTrainedTokenizerFast

    real = (row.title for row in rows if row.set not in ("foreign", "made-up"))
    tokenizer = train_tokenizer(chain(real, words_to_spell(seed)))
    folder.mkdir(parents=True, exist_ok=True)
    marks = {f"{mark.strip('[]').lower()}_token": mark for mark in MARKS}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=SHAPE["max_position_embeddings"],
        **marks,
    ).save_pretrained(folder)
    vocabulary = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", "utf-8")
    config = {**REST, **SHAPE, "vocab_size": len(tokens)}
    text = json.dumps(config, indent=2, sort_keys=True) + "\n"
    (folder / "config.json").write_text(text, "utf-8")
    weights = draw_weights(len(tokens), seed)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def train_tokenizer(titles: Iterable[str], n_tokens: int = N_TOKENS) -> Any:
    """Learn a WordPiece vocabulary, the same for the same titles in any order.

    Every single letter of the titles is in it, at the start of a word and inside, so that no
    word of such letters is unknown.

    Args:
        titles: What is learnt from.
        n_tokens: Size of the vocabulary; few titles give fewer.

    Returns:
        A ``tokenizers.Tokenizer``.
    """
    from tokenizers import Tokenizer, models, processors, trainers

    plain = _dress(Tokenizer(models.WordPiece(unk_token=MARKS[1])))
    words = _count_words(plain, titles)
    letters = string.ascii_lowercase + string.digits
    seen: Counter[str] = Counter()
    for word, n in words.items():
        seen.update(dict.fromkeys(word, n))
    frequent = {letter for letter, n in seen.items() if n >= MIN_FREQUENCY}
    alphabet = sorted({*string.punctuation, *letters, *frequent})
    inside = [f"##{letter}" for letter in alphabet if letter not in string.punctuation]
    # The trainer numbers what it meets in the order of a hash table; what is given comes first.
    trainer = trainers.WordPieceTrainer(
        vocab_size=n_tokens,
        min_frequency=MIN_FREQUENCY,
        special_tokens=[*MARKS, *alphabet, *inside],
        continuing_subword_prefix="##",
        show_progress=False,
    )
    known = {*alphabet}
    spelled = (w for w in sorted(words) if known.issuperset(w) for _ in range(words[w]))
    plain.train_from_iterator(spelled, trainer)
    learnt = plain.get_vocab()
    vocabulary = {token: i for i, token in enumerate(sorted(learnt, key=learnt.__getitem__))}
    tokenizer = _dress(Tokenizer(models.WordPiece(vocabulary, unk_token=MARKS[1])))
    ends = [(mark, vocabulary[mark]) for mark in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = processors.BertProcessing(*ends)
    return tokenizer


def _count_words(tokenizer: Any, titles: Iterable[str]) -> Counter[str]:
    words: Counter[str] = Counter()
    for title in titles:
        normal = tokenizer.normalizer.normalize_str(title)
        words.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal))
    return words


def _dress(tokenizer: Any) -> Any:
    """Lower case, no accents, no symbols but ASCII's, words as BERT splits them."""
    from tokenizers import Regex, normalizers, pre_tokenizers

    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.BertNormalizer(lowercase=True, strip_accents=True),
            normalizers.Replace(Regex(r"[^\p{L}\p{M}\p{N}\p{P}\x00-\x7f]"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def draw_weights(n_tokens: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """Random weights under Hugging Face's names; norms do nothing, biases are 0."""
    rng = make_rng(seed, "bert")
    width, wide = SHAPE["hidden_size"], SHAPE["intermediate_size"]
    tables = {
        "word": n_tokens,
        "position": SHAPE["max_position_embeddings"],
        "token_type": SHAPE["type_vocab_size"],
    }
    drawn = {f"embeddings.{name}_embeddings.weight": (n, width) for name, n in tables.items()}
    norms = ["embeddings.LayerNorm"]
    biases: dict[str, int] = {}
    for i in range(SHAPE["num_hidden_layers"]):
        at = f"encoder.layer.{i}."
        parts = ("query", "key", "value")
        kernels = {f"{at}attention.self.{part}": (width, width) for part in parts}
        kernels[f"{at}attention.output.dense"] = (width, width)
        kernels[f"{at}intermediate.dense"] = (wide, width)
        kernels[f"{at}output.dense"] = (width, wide)
        drawn |= {f"{name}.weight": shape for name, shape in kernels.items()}
        biases |= {f"{name}.bias": shape[0] for name, shape in kernels.items()}
        norms += [f"{at}attention.output.LayerNorm", f"{at}output.LayerNorm"]
    weights = {n: rng.normal(0, DEVIATION, s).astype(np.float32) for n, s in drawn.items()}
    weights |= {name: np.zeros(n, np.float32) for name, n in biases.items()}
    for name in norms:
        weights[f"{name}.weight"] = np.ones(width, np.float32)
        weights[f"{name}.bias"] = np.zeros(width, np.float32)
    return weights
