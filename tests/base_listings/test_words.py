"""Foreign and made-up titles, and the vocabulary of all."""

import re
import unicodedata
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np

from pipelines._base_bert import train_tokenizer
from pipelines._base_tables import draw_share
from pipelines._base_titles import Title, translate
from pipelines._base_words import CONSONANTS, VOWELS, Cipher, make_up_titles, misspell


def signature(title):
    """A title with each word replaced by the place where it first stood."""
    words = title.lower().split()
    return [words.index(word) for word in words]


def test_all_foreign_titles_of_a_product_are_in_one_language():
    rows = [Title(f"{i}-{j}", "Red Bag 120 No. 7", f"p{i}", "s") for i in range(40) for j in (0, 1)]
    by_product = defaultdict(set)
    for row in translate(rows, seed=0, share=1):
        by_product[row.product].add(row.title)
        assert row.set == "foreign"
    assert {len(titles) for titles in by_product.values()} == {1}
    assert len(set.union(*by_product.values())) == 40


def test_a_cipher_keeps_kinds_of_letters_and_which_words_are_equal():
    title = "Black bag, black BAG 100ml naïve Ünder 优 🔥 1001"
    for key in "abcde":
        told = Cipher.draw(0, key)(title)
        assert signature(told) == signature(title)
        assert len(told) == len(title)
        for old, new in zip(title, told, strict=True):
            plain, turned = (unicodedata.normalize("NFD", c)[0].lower() for c in (old, new))
            assert (plain in VOWELS) == (turned in VOWELS)
            assert (plain in CONSONANTS) == (turned in CONSONANTS)
            assert old.isdigit() == new.isdigit()
            assert old.isupper() == new.isupper()
        assert told != title


def test_a_third_of_the_products_is_translated_whole():
    rows = [Title(f"{i}-{j}", f"t {i} {j}", f"p{i}", "s") for i in range(1000) for j in (0, 1)]
    sizes = Counter(row.product for row in translate(rows, seed=0))
    assert set(sizes.values()) == {2}
    assert 300 < len(sizes) < 400
    chosen = {f"foreign/p{i}" for i in range(1000) if draw_share(0, "foreign", f"p{i}") < 0.35}
    assert set(sizes) == chosen
    assert translate(rows[::-1], seed=0) == translate(rows, seed=0)[::-1]


def test_made_up_products_have_two_titles_that_share_words(titles):
    products = defaultdict(list)
    for row in titles.rows:
        if row.set == "made-up":
            products[row.product].append(set(re.findall(r"\w+", row.title.lower())))
    assert len(products) == 50
    assert all(len(told) == 2 for told in products.values())
    shared = [len(a & b) / min(len(a), len(b)) for a, b in products.values()]
    assert np.mean(shared) > 0.5
    others = [*products.values()]
    apart = [len(a[0] & b[1]) for a, b in pairwise(others)]
    assert np.mean(apart) < 1


def test_made_up_titles_differ_by_more_than_case():
    for first, second in make_up_titles(300, seed=3):
        assert first.lower() != second.lower()
        assert first.strip()
        assert second.strip()


def test_a_typo_changes_at_most_a_letter_or_two(rng):
    for _ in range(200):
        word = misspell("masker", rng)
        assert abs(len(word) - 6) <= 1
        assert (word[0], word[-1]) in {("m", "r"), ("m", "e")}
    assert misspell("100ml", rng) == "100ml"
    assert misspell("cod", rng) == "cod"


def test_no_word_of_letters_and_digits_is_unknown():
    tokenizer = train_tokenizer(["Red Bag 5", "red bags", "caffè 买 买", "买"] * 3, n_tokens=200)
    for text in ("zqxj 90817 a1b2", "RED🔥bag", "𝐁𝐨𝐥𝐝 naïve", "50% off!", "买"):
        tokens = tokenizer.encode(text).tokens
        assert "[UNK]" not in tokens, text
        assert (tokens[0], tokens[-1]) == ("[CLS]", "[SEP]")
    assert tokenizer.encode("red bag").tokens == ["[CLS]", "red", "bag", "[SEP]"]
    vocabulary = tokenizer.get_vocab()
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    assert [vocabulary[m] for m in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")] == [*range(5)]
