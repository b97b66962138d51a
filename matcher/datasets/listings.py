"""Writes the listings of made-up products into a folder: a table and its pictures."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TypeAlias

from matcher.datasets.options import Options
from matcher.datasets.posts import Post, draw_posts
from matcher.datasets.products import make_products
from matcher.errors import StoreError
from matcher.io.atomic import OutputFolder
from matcher.progress import tracked

Row: TypeAlias = tuple[str, str, str, int]

COLUMNS = ("posting_id", "image", "title", "label_group")


def make_listings(
    n_products: int,
    folder: str | Path,
    *,
    listings_per_product: tuple[int, int] = (2, 5),
    seed: int = 0,
    hard_negatives: float = 0.4,
    faulty: float = 0.02,
    side: int = 256,
) -> Path:
    """Draw made-up products and write what several sellers would post of each.

    The folder gets ``listings.csv``, with the columns posting_id, image, title and
    label_group, and ``images/``, JPEG files. Some listings share one picture file. The same
    arguments give the same table and, with one version of Pillow, the same bytes; product
    ``i`` and its listings are the same for every ``n_products`` above ``i``.

    Args:
        n_products: How many products, in 1..100,000.
        folder: Where to write; it is made if need be and must hold neither of the two yet.
        listings_per_product: Fewest and most listings of one product, in 1..1,000.
        seed: Other seeds give other products, 0 or above.
        hard_negatives: Share in [0, 1] of products that have a sibling: a product of
            another group that differs in amount, colour or model number only.
        faulty: Share in [0, 0.5] of listings that lack their picture, and likewise of those
            whose title names no more than the kind of product and perhaps the brand.
        side: Width and height of the pictures in pixels, in 32..1,024.

    Returns:
        Path of ``listings.csv``.

    Raises:
        ConfigError: If an argument is out of range.
        StoreError: If the folder already holds listings, or cannot be written.
    """
    arguments = {
        "n_products": n_products,
        "listings_per_product": listings_per_product,
        "seed": seed,
        "hard_negatives": hard_negatives,
        "faulty": faulty,
        "side": side,
    }
    options = Options.read(arguments, where="make_listings")
    folder = Path(folder)
    with OutputFolder(folder) as out:
        check_free(folder)
        products = make_products(options)
        rows: list[Row] = []
        for product in tracked(products, "products", len(products)):
            rows += save_posts(draw_posts(product, options), product.group, out)
        with out.file("listings.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            table.writerows(sorted(rows))
    return folder / "listings.csv"


def check_free(folder: Path) -> None:
    """Raise StoreError if a folder holds listings already."""
    for name in ("listings.csv", "images"):
        if (folder / name).exists():
            raise StoreError(
                f"{folder} must not hold {name!r} yet, so that nothing is overwritten. "
                "Choose another folder, or delete it."
            )


def save_posts(posts: list[Post], group: int, out: OutputFolder) -> list[Row]:
    """Save the pictures of one product's posts and return their lines of the table."""
    names = [name_post(group, number) for number in range(len(posts))]
    rows = []
    for name, post in zip(names, posts, strict=True):
        if post.picture is not None:
            path = out.file(f"images/{name}.jpg")
            # Every setting is given: Pillow's defaults may change.
            post.picture.save(path, quality=post.quality, optimize=True, subsampling="4:2:0")
        image = "" if post.shows is None else f"{names[post.shows]}.jpg"
        rows.append((name, image, post.title, group))
    return rows


def name_post(group: int, number: int) -> str:
    """Return an id whose order hides the group; unlike for up to 1,000 posts of each."""
    # Fibonacci hashing: an odd factor makes it one to one (Knuth, TAOCP 3, section 6.4).
    return f"post_{(group * 1000 + number) * 2654435769 % 2**32:010d}"
