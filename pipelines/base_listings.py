"""What the base encoders learn from: listings of public sets, and a small BERT to start from.

    python -m pipelines.base_listings DATA --out DIR [--seed N]

DATA holds the folders fashion, clothing, grocery, pricerunner, wdc and deepmatcher, each as it
is published. DIR is made, whole or not at all:

    image/listings.csv, image/images/    pictures, each its own product, with their categories
    title/listings.csv                   titles with their products, real ones and made-up ones
    title/pricerunner_held_out.csv       offers of a fifth of the clusters, to be scored with
    title/bert/                          vocabulary, settings and random weights of a small BERT

What is scored elsewhere is left out: test photos of the grocery set, pairs that a set publishes
for validation and test, and every title that occurs among them.

Hardware: one CPU core, under 1 GB, a minute.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from typing import Any

from pipelines._command import carry_out

Rows = Sequence[Any]  # with the attributes set and product


def main() -> int:
    """Run the command."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("sets", type=Path, metavar="DATA", help="folder of the public sets")
    out = "folder to make; it must not exist, or be empty"
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=out)
    help_ = "of all that is drawn at random (0)"
    parser.add_argument("--seed", type=int, default=0, metavar="N", help=help_)
    options = parser.parse_args()
    return carry_out(lambda: run(options.sets, options.out, options.seed))


def run(sets: Path, out: Path, seed: int = 0) -> None:
    """Gather, write, and say how much there is.

    Raises:
        DataError: If a set is missing or not as it is published.
        OSError: If ``out`` holds something (a StoreError), or cannot be written.
    """
    from pipelines._base_bert import write_bert
    from pipelines._base_pictures import write_pictures
    from pipelines._base_titles import gather_titles, write_titles

    found: dict[str, Rows] = {}

    def fill(folder: Path) -> None:
        found["pictures"] = write_pictures(sets, folder / "image")
        titles = gather_titles(sets, seed)
        write_titles(titles, folder / "title")
        write_bert(titles.rows, folder / "title" / "bert", seed)
        found["titles"] = titles.rows
        found["titles held out, to be scored with"] = titles.held_out

    _make_folder(out, fill)
    show(found)


def show(found: Mapping[str, Rows]) -> None:
    """Print a table for each kind of listings: rows, products and categories by set."""
    from rich.console import Console
    from rich.table import Table

    for kind, rows in found.items():
        table = Table(title=kind, title_justify="left")
        table.add_column("set", no_wrap=True)
        sizes = Counter(row.set for row in rows)
        names = ["rows", "products"]
        names += ["categories"] if any(hasattr(row, "category") for row in rows) else []
        for name in names:
            table.add_column(name, justify="right")
        for label in [*sizes, "all"]:
            some = [row for row in rows if label in ("all", row.set)]
            counts = [len(some), len({row.product for row in some})]
            if "categories" in names:
                counts.append(len({row.category for row in some}))
            table.add_row(label, *(f"{count:,}" for count in counts))
        Console(width=100).print(table)


def _make_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Fill a folder aside, and give it its name once it is whole."""
    from matcher.errors import StoreError

    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise StoreError(f"{path} holds something already. Name another --out, or remove it.")
    aside = path.absolute().with_name(f".matcher-{token_hex(8)}")
    try:
        aside.mkdir(parents=True)
        fill(aside)
        if path.exists():
            path.rmdir()  # it is empty
        aside.replace(path)
    finally:
        rmtree(aside, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main())
