"""Titles that the base encoder of titles learns from, by product."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from matcher.errors import DataError
from pipelines._base_tables import draw_number, draw_share, read_columns, write_rows
from pipelines._base_words import Cipher, make_up_titles

HELD_OUT_FOLDS = 5
FOREIGN_SHARE = 0.35
MADE_UP_PRODUCTS = 15_000
WDC_SETS = ("computers", "cameras")
DEEPMATCHER_SETS = ("abt-buy", "amazon-google", "walmart-amazon")
# What a crawl left around the titles: "…"@en, "Null".
_MARKS = re.compile(r'"Null"|"@[A-Za-z]{2}(?:-[A-Za-z]{2})?\b,?|",?|▷')
_WDC_TITLE = re.compile(r"COL title VAL(.*?)(?=COL \w+ VAL|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Title:
    """One row of the table: its fields are the columns."""

    listing_id: str
    title: str
    product: str
    set: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One row of what is held out: its fields are the columns."""

    listing_id: str
    title: str
    product: str
    category: str

    @property
    def set(self) -> str:
        """Name of the set."""
        return "pricerunner"


@dataclass(frozen=True, slots=True)
class Titles:
    """What is learnt from, and what is scored with."""

    rows: list[Title]
    held_out: list[Offer]


def gather_titles(sets: Path, seed: int, n_made_up: int = MADE_UP_PRODUCTS) -> Titles:
    """Read the sets, leave out what is scored elsewhere, and add made-up titles.

    Args:
        sets: Folder with the folders fashion, pricerunner, wdc and deepmatcher.
        seed: Decides which clusters are held out, and all that is made up.
        n_made_up: Number of made-up products, of two titles each.

    Returns:
        One row per title and product, apart from case, width and blanks.

    Raises:
        DataError: If a table is missing or malformed.
    """
    offers, held_out = read_pricerunner(sets / "pricerunner" / "offers.csv", seed)
    rows = read_fashion_titles(sets / "fashion" / "listings.csv") + offers
    scored = [offer.title for offer in held_out]
    for read, folder, names in (
        (read_wdc, sets / "wdc", WDC_SETS),
        (read_deepmatcher, sets / "deepmatcher", DEEPMATCHER_SETS),
    ):
        for name in names:
            more, others = read(folder / name)
            rows += more
            scored += others
    rows = distinct(rows, without=scored)
    rows += translate(rows, seed)
    return Titles(rows + made_up(n_made_up, seed), held_out)


def write_titles(titles: Titles, folder: Path) -> None:
    """Write both tables."""
    write_rows(titles.rows, Title, folder / "listings.csv")
    write_rows(titles.held_out, Offer, folder / "pricerunner_held_out.csv")


def title_key(title: str) -> str:
    """What two titles share that differ in case, width and blanks only."""
    return " ".join(unicodedata.normalize("NFKC", title).casefold().split())


def distinct(rows: Iterable[Title], without: Iterable[str] = ()) -> list[Title]:
    """The first row of each title and product; none without a title, none with one of these."""
    left_out = {title_key(title) for title in without} | {""}
    first: dict[tuple[str, str], Title] = {}
    for row in rows:
        key = title_key(row.title)
        if key not in left_out:
            first.setdefault((key, row.product), row)
    return list(first.values())


def read_fashion_titles(path: Path) -> list[Title]:
    """Titles of clothes and accessories, each a product: many pictures share one."""
    return [
        Title(f"fashion/{row}", title, f"fashion/{title_key(title)}", "fashion")
        for row, title in read_columns(path, "listing_id", "title")
    ]


def read_pricerunner(path: Path, seed: int) -> tuple[list[Title], list[Offer]]:
    """Offers to learn from, and those of a fifth of the clusters, which are held out."""
    names = ("product_id", "product_title", "cluster_id", "category_label")
    rows, held_out = [], []
    for row, title, cluster, category in read_columns(path, *names):
        listing_id, product = f"pricerunner/{row}", f"pricerunner/{cluster}"
        if draw_number(seed, "held out", product) % HELD_OUT_FOLDS == 0:
            held_out.append(Offer(listing_id, title, product, category))
        else:
            rows.append(Title(listing_id, title, product, "pricerunner"))
    return rows, held_out


def read_wdc(folder: Path) -> tuple[list[Title], list[str]]:
    """Titles of the training pairs, and the titles of the other pairs.

    The pairs are in the text format of Li et al. (Ditto), PVLDB 14(1), 2020: two records and
    a label, between tabs.
    """
    name = f"wdc-{folder.name}"
    pairs = _read_wdc_pairs(folder, ("train.txt.medium", "train.txt.small"))
    others = _read_wdc_pairs(folder, ("valid.txt.medium", "valid.txt.small", "test.txt"))
    spelled = {title_key(t): t for left, right, _ in reversed(pairs) for t in (right, left)}
    keys = list(dict.fromkeys(title_key(t) for pair in pairs for t in pair[:2]))
    matched = [(title_key(a), title_key(b)) for a, b, same in pairs if same and a and b]
    products = join(keys, matched)
    rows = [
        Title(f"{name}/{i}", spelled[key], f"{name}/{products[key]}", name)
        for i, key in enumerate(keys)
    ]
    return rows, [title for pair in others for title in pair[:2]]


def clean_wdc(record: str) -> str:
    """Title of a record, without the marks that the crawl left in it.

    Example:
        >>> clean_wdc('COL title VAL  "PNY Quadro K1200 - Prijzen "@NL Tweakers"@NL')
        'PNY Quadro K1200 - Prijzen Tweakers'
    """
    found = _WDC_TITLE.search(record)
    return " ".join(_MARKS.sub(" ", found[1] if found else "").split()).strip(" ,")


def read_deepmatcher(folder: Path) -> tuple[list[Title], list[str]]:
    """Titles of records in training pairs alone, and titles of records in other pairs.

    Source:
        Mudgal et al. (DeepMatcher), SIGMOD 2018.
    """
    name = folder.name
    column = "name" if name == "abt-buy" else "title"
    titles = {
        f"{side.lower()}{row}": title
        for side in "AB"
        for row, title in read_columns(folder / f"table{side}.csv", "id", column)
    }
    pairs = _read_pairs(folder / "train.csv")
    others = {
        record
        for part in ("valid", "test")
        for pair in _read_pairs(folder / f"{part}.csv")
        for record in pair[:2]
    }
    records = list(dict.fromkeys(record for pair in pairs for record in pair[:2]))
    missing = [r for r in [*records, *others] if r not in titles]
    if missing:
        raise DataError(f"{folder}: pairs name {sorted(missing)[0]}, which is in no table.")
    products = join(records, [pair[:2] for pair in pairs if pair[2]])
    rows = [
        Title(f"{name}/{record}", titles[record], f"{name}/{products[record]}", name)
        for record in records
        if record not in others
    ]
    return rows, [titles[record] for record in sorted(others)]


def join(names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Number the parts of a graph, counted from 0 in the order of their first names.

    Example:
        >>> join(["a", "b", "c", "d"], [("c", "a")])
        {'a': 0, 'b': 1, 'c': 0, 'd': 2}
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = {name: i for i, name in enumerate(names)}
    ends = np.array([[place[a], place[b]] for a, b in pairs], np.int64).reshape(-1, 2)
    shape = (len(names), len(names))
    graph = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=shape)
    labels = connected_components(graph, directed=False)[1].tolist()
    order = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    return {name: order[label] for name, label in zip(names, labels, strict=True)}


def translate(rows: Iterable[Title], seed: int, share: float = FOREIGN_SHARE) -> list[Title]:
    """Some products once more, in a language that nobody speaks, each in one of its own.

    A reader who knows no word of it can only compare words.
    """
    foreign = []
    ciphers: dict[str, Cipher] = {}
    for row in rows:
        if draw_share(seed, "foreign", row.product) >= share:
            continue
        if row.product not in ciphers:
            ciphers[row.product] = Cipher.draw(seed, row.product)
        title, product = ciphers[row.product](row.title), f"foreign/{row.product}"
        foreign.append(Title(f"foreign/{row.listing_id}", title, product, "foreign"))
    return foreign


def made_up(n_products: int, seed: int) -> list[Title]:
    """Products that nobody sells, of two titles each."""
    return [
        Title(f"made-up/{i}{side}", title, f"made-up/{i}", "made-up")
        for i, titles in enumerate(make_up_titles(n_products, seed))
        for side, title in zip("ab", titles, strict=True)
    ]


def _read_wdc_pairs(folder: Path, names: Iterable[str]) -> list[tuple[str, str, bool]]:
    pairs = []
    for path in (folder / name for name in names):
        for i, line in enumerate(_read_lines(path), 1):
            cells = line.split("\t")
            if len(cells) != 3:
                raise DataError(f"{path}, line {i}: two records and a label, between tabs.")
            pairs.append((clean_wdc(cells[0]), clean_wdc(cells[1]), cells[2].strip() == "1"))
    return pairs


def _read_lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text("utf-8").split("\n") if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error


def _read_pairs(path: Path) -> list[tuple[str, str, bool]]:
    """Pairs of records, named as a12 and b34, and whether they match."""
    rows = read_columns(path, "ltable_id", "rtable_id", "label")
    return [(f"a{left}", f"b{right}", label == "1") for left, right, label in rows]
