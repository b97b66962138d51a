"""Words and titles that nobody wrote: languages by cipher, and a made-up market place."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from pipelines._base_tables import make_rng

T = TypeVar("T")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split(","))


VOWELS = "aeiou"
CONSONANTS = "bcdfghjklmnpqrstvwxyz"
DIGITS = "0123456789"

N_WORDS = 4_000
N_BRANDS = 800
WORD_LENGTHS = (2, 2, 2, 3, 3, 4)  # in syllables
N_REPEATS, N_SPELLED = 60, 30_000
# How often the word of a rank is drawn: 1 / (shift + rank) ** exponent (Zipf, Mandelbrot).
ZIPF_SHIFT, ZIPF_EXPONENT = 15, 0.9
ONSETS = _words("b b c d d g h j k k k l l m m m n n n p p r r s s s t t t w y ng ny sy")
VOWEL_SHARES = (0.4, 0.12, 0.22, 0.08, 0.18)
ENDS = _words("n ng r s t k l m h p")
PREFIXES = ("me", "ber", "ter", "pe", "di", "se")
SUFFIXES = ("an", "kan", "nya", "i")

# What market places in Indonesia, Malaysia and everywhere say.
PROMOTION = _phrases("""
    murah, termurah, paling murah, ready, ready stock, ready stok, stok terbatas, promo, cod,
    bisa cod, bayar di tempat, ori, original, 100% original, asli, premium, import, impor, grosir,
    ecer, terbaru, baru, new, best seller, terlaris, laris, viral, diskon, sale, flash sale,
    gratis ongkir, free ongkir, garansi, garansi resmi, resmi, bpom, halal, kualitas super,
    terbaik, limited edition, bonus, free gift, hadiah, big sale, cuci gudang, hot, kekinian,
    kualitas premium, harga grosir, siap kirim, new arrival""")
THINGS = _words("""
    baju kaos kemeja celana rok jaket sweater hoodie gamis hijab jilbab kerudung daster
    tunik dress sepatu sandal tas dompet topi jam gelang kalung cincin botol masker serum krim
    cream sabun shampoo parfum lipstik bedak toner sunscreen lotion minyak teh kopi susu bubuk
    mainan boneka popok selimut sprei bantal handuk gorden karpet lampu kabel charger casing case
    headset earphone speaker kipas panci wajan pisau gelas piring sendok rak kotak tempat alat
    set tisu obat vitamin madu keripik mie bumbu""")
QUALITIES = _words("""
    wanita pria anak bayi dewasa cewek cowok couple muslim polos motif lengan panjang
    pendek besar kecil mini jumbo tebal tipis halus lembut lucu korea jepang bahan katun
    kulit kayu plastik besi karet tahan air anti untuk dan dengan ukuran model warna varian
    rasa wajah rambut badan tangan kaki dapur mandi motor mobil hp sekolah kerja""")
COLORS = _words("""
    hitam putih merah biru hijau kuning coklat abu ungu pink navy cream silver gold
    maroon black white""")
CLOTHES_SIZES = _words("S M L XL XXL 3XL 4XL")
UNITS = {
    "ml": (30, 50, 60, 100, 120, 150, 200, 250, 330, 500, 600, 1000),
    "gr": (5, 10, 15, 20, 25, 30, 50, 75, 100, 200, 250, 400, 500, 800),
    "g": (10, 20, 50, 100, 150, 200, 250),
    "kg": (1, 2, 3, 5, 10),
    "pcs": (1, 2, 3, 4, 5, 6, 8, 10, 12, 20, 24, 50, 100),
    "cm": (10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 180, 200),
    "gb": (2, 4, 8, 16, 32, 64, 128, 256),
    "inch": (5, 6, 7, 10, 14, 15, 24, 32),
    "watt": (3, 5, 7, 9, 12, 15, 18, 20, 40),
    "liter": (1, 2, 3, 5, 10),
    "lembar": (5, 10, 20, 50, 100),
}


@dataclass(frozen=True, slots=True)
class Cipher:
    """Swaps vowels with vowels, consonants with consonants, digits with digits.

    Case, accents, other scripts and all that is no letter stay.
    """

    table: dict[int, str]

    @classmethod
    def draw(cls, seed: int, key: str) -> Cipher:
        """The cipher of a product."""
        rng = make_rng(seed, "cipher", key)
        table: dict[str, str] = {}
        for kind in (VOWELS, CONSONANTS, DIGITS):
            turned = [kind[i] for i in rng.permutation(len(kind))]
            table |= dict(zip(kind, turned, strict=True))
        table |= {letter.upper(): other.upper() for letter, other in table.items()}
        return cls(str.maketrans(table))

    def __call__(self, title: str) -> str:
        """Translate a title."""
        apart = unicodedata.normalize("NFD", title)
        return unicodedata.normalize("NFC", apart.translate(self.table))


def make_words(n_words: int, rng: np.random.Generator, n_syllables: Sequence[int]) -> list[str]:
    """Draw different words from syllables as in Malay, often with an affix."""
    words: dict[str, None] = {}
    while len(words) < n_words:
        n = int(rng.choice(n_syllables))
        word = "".join(_syllable(rng, last=i == n - 1) for i in range(n))
        if rng.random() < 0.1:
            word = _pick(PREFIXES, rng) + word
        if rng.random() < 0.12:
            word += _pick(SUFFIXES, rng)
        words[word] = None
    return list(words)


def words_to_spell(seed: int) -> Iterator[str]:
    """What a vocabulary learns of made-up titles: how their words are built, not the words.

    The words of market places often enough to be kept whole, and many words that occur once:
    their syllables are learnt.
    """
    for text in (*PROMOTION, *THINGS, *QUALITIES, *COLORS, *UNITS):
        yield from text.lower().split() * N_REPEATS
    yield from make_words(N_SPELLED, make_rng(seed, "spelled"), WORD_LENGTHS)


def make_up_titles(n_products: int, seed: int) -> Iterator[tuple[str, str]]:
    """Two titles of each made-up product: the same core, told in two ways."""
    rng = make_rng(seed, "made up")
    words = _Ranked(make_words(N_WORDS, rng, WORD_LENGTHS))
    names = make_words(N_BRANDS, rng, (1, 2, 2, 3))
    brands = _Ranked([name for name in names if len(name) > 2])
    for _ in range(n_products):
        core = _draw_core(words, brands, rng)
        first = _tell(core, rng, n_promotion=int(rng.integers(0, 3)), again=False)
        second = _tell(core, rng, n_promotion=int(rng.integers(0, 4)), again=True)
        while second.lower() == first.lower():
            second = f"{second} {_pick(PROMOTION, rng)}"
        yield first, second


class _Ranked:
    """Words that are drawn the more often the further to the front they stand."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        weights = 1 / (ZIPF_SHIFT + np.arange(1, len(words) + 1)) ** ZIPF_EXPONENT
        self._upto = np.cumsum(weights / weights.sum())

    def draw(self, rng: np.random.Generator) -> str:
        place = int(np.searchsorted(self._upto, rng.random(), "right"))
        return self._words[min(place, len(self._words) - 1)]


@dataclass(frozen=True, slots=True)
class _Core:
    """What both titles of a product tell: its name, and words that may be left out."""

    name: list[str]
    more: list[str]
    facts: list[str]


def _draw_core(words: _Ranked, brands: _Ranked, rng: np.random.Generator) -> _Core:
    name = [brands.draw(rng).capitalize()] if rng.random() < 0.65 else []
    name += [_pick(THINGS, rng)] if rng.random() < 0.7 else []
    name += [words.draw(rng) for _ in range(int(rng.integers(1, 4)))]
    if rng.random() < 0.12:  # a model number
        name.append(_pick(CONSONANTS, rng).upper() + str(int(rng.integers(10, 10_000))))
    more = [words.draw(rng) for _ in range(int(rng.integers(0, 5)))]
    more += [_pick(QUALITIES, rng) for _ in range(int(rng.integers(0, 4)))]
    facts = [_draw_amount(rng)] if rng.random() < 0.5 else []
    facts += [_pick(COLORS, rng)] if rng.random() < 0.25 else []
    facts += [f"size {_pick(CLOTHES_SIZES, rng)}"] if rng.random() < 0.1 else []
    return _Core(name, more, facts)


def _draw_amount(rng: np.random.Generator) -> str:
    if rng.random() < 0.15:
        return f"isi {_pick(UNITS['pcs'], rng)}"
    unit = _pick(list(UNITS), rng)
    return f"{_pick(UNITS[unit], rng)} {unit}"


def _tell(core: _Core, rng: np.random.Generator, n_promotion: int, again: bool) -> str:
    """Write a title; one told again drops words, turns them round, and may hold a typo."""
    more, facts = list(core.more), list(core.facts)
    name = list(core.name)
    if again:
        more = [word for word in more if rng.random() > 0.35]
        facts = [fact for fact in facts if rng.random() > 0.15]
        if len(name) > 2 and rng.random() < 0.3:
            del name[int(rng.integers(len(name)))]
        if rng.random() < 0.3:
            rng.shuffle(name)
        rng.shuffle(more)
    if rng.random() < 0.5:  # 100 ml as 100ml
        facts = [fact.replace(" ", "") if fact[0].isdigit() else fact for fact in facts]
    parts = [name, more, facts]
    if again and rng.random() < 0.35:
        parts = [parts[i] for i in rng.permutation(3)]
    words = [word for part in parts for word in part]
    for _ in range(n_promotion):
        words.insert(0 if rng.random() < 0.4 else len(words), _pick(PROMOTION, rng))
    if again and rng.random() < 0.3:
        place = int(rng.integers(len(words)))
        words[place] = misspell(words[place], rng)
    return _in_case(_join(words, rng), rng)


def misspell(word: str, rng: np.random.Generator) -> str:
    """Swap, drop, double or replace one letter; words with digits or under four stay."""
    if len(word) < 4 or not word.isalpha():
        return word
    at = int(rng.integers(1, len(word) - 1))
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    other = _pick(VOWELS if word[at] in VOWELS else CONSONANTS, rng)
    changed = word[:at] + other + word[at + 1 :]
    dropped, doubled = word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]
    return _pick((swapped, changed, dropped, doubled), rng)


def _join(words: list[str], rng: np.random.Generator) -> str:
    """Put words together with blanks, at times with a dash, a comma or brackets."""
    draw = rng.random()
    if draw < 0.1 and len(words) > 3:
        at = int(rng.integers(1, len(words)))
        mark = _pick((" - ", " | ", ", ", " / "), rng)
        return " ".join(words[:at]) + mark + " ".join(words[at:])
    if draw < 0.2:
        opening, closing = _pick((("[", "]"), ("(", ")")), rng)
        return " ".join([f"{opening}{words[0]}{closing}", *words[1:]])
    return " ".join(words)


def _in_case(title: str, rng: np.random.Generator) -> str:
    draw = rng.random()
    if draw < 0.45:
        return title.title()
    if draw < 0.6:
        return title.upper()
    return title.lower() if draw < 0.8 else title


def _syllable(rng: np.random.Generator, last: bool) -> str:
    onset = "" if rng.random() < 0.08 else _pick(ONSETS, rng)
    vowel = VOWELS[int(rng.choice(5, p=VOWEL_SHARES))]
    closed = rng.random() < (0.45 if last else 0.2)
    return onset + vowel + (_pick(ENDS, rng) if closed else "")


def _pick(values: Sequence[T], rng: np.random.Generator) -> T:
    return values[int(rng.integers(len(values)))]
