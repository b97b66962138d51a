"""The sets that the base encoders learn from, each as small as it can be."""

import csv
import zipfile

import pytest

from pipelines._base_pictures import write_pictures
from pipelines._base_titles import gather_titles

# Titles as only the worst sellers write them.
HOSTILE = (
    'Serum "Glow", 30 ml, with, commas',
    "two\nlines and a \ttab",
    "🔥 PROMO 🔥 masker wajah 👩🏽‍🚀",
    "'=cmd|calc'!A1",
    "=1+1",
    "naïve Café Größe ŁÓDŹ",
    "优惠 购买 ۱۲۳",
    "COL title VAL 1",
)


def write_table(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def write_archive(folder, contents):
    with zipfile.ZipFile(folder / "images.zip", "w", zipfile.ZIP_STORED) as archive:
        for name, content in contents.items():
            archive.writestr(f"images/{name}", content)


def write_fashion(folder):
    """Forty pictures: a title for two of each, categories of 30, 6, 3 and 1."""
    kinds = ["Apparel - Topwear - Kurtas"] * 30 + ["Apparel - Topwear - Shirts"] * 6
    kinds += ["Apparel - Bottomwear - Jeans"] * 3 + ["Home - Furnishing - Cushions"]
    titles = [f"Brand{i // 2} Women Kurta {i // 2}" for i in range(40 - len(HOSTILE))] + [*HOSTILE]
    rows = [
        (i, f"images/{i}.jpg", title, kind.split(" - ")[0], f"{kind} - Color{i} - Usage{i}")
        for i, (title, kind) in enumerate(zip(titles, kinds, strict=True))
    ]
    header = ("listing_id", "image", "title", "category", "description")
    write_table(folder / "listings.csv", header, rows)
    contents = {f"{i}.jpg": b"fashion %d" % i for i in range(40)}
    contents["1.jpg"] = contents["0.jpg"]
    write_archive(folder, contents)


def write_clothing(folder):
    rows = [(f"c{i}", f"images/c{i}.jpg", "dress" if i % 2 else "hat", "test") for i in range(4)]
    write_table(folder / "listings.csv", ("listing_id", "image", "category", "split"), rows)
    write_archive(folder, {f"c{i}.jpg": b"clothing %d" % i for i in range(4)})


def write_grocery(folder):
    splits = ("train", "train", "val", "iconic", "test")
    names = [f"{split}_{label}_{i}" for label in range(2) for i, split in enumerate(splits)]
    rows = [
        (
            name,
            f"images/{name}.jpg",
            f"Class {name.split('_')[1]}" + (". Sweet, and red." if "iconic" in name else ""),
            name.split("_")[1],
            "Fruit",
            "Food",
            name.split("_")[0],
        )
        for name in names
    ]
    header = ("listing_id", "image", "title", "label_group", "coarse", "dept", "split")
    write_table(folder / "listings.csv", header, rows)
    contents = {f"{name}.jpg": f"grocery {name}".encode() for name in names}
    contents["train_1_1.jpg"] = contents["test_0_4.jpg"]  # a test photo under another name
    write_archive(folder, contents)


def write_pricerunner(folder):
    rows = [
        (3 * cluster + i, title, i, cluster, "label", 1, f"Category {cluster % 3}")
        for cluster in range(60)
        for i, title in enumerate(
            (
                f"phone model {cluster} black {cluster}gb",
                f"Model {cluster} phone, {cluster} GB",
                "one phone for all" if cluster % 2 else "a FRIDGE",
            )
        )
    ]
    header = ("product_id", "product_title", "vendor_id", "cluster_id", "cluster_label")
    write_table(folder / "offers.csv", (*header, "category_id", "category_label"), rows)


def record(title):
    return f'COL title VAL  "{title}"@en "Null"'


def write_wdc(folder, name):
    folder.mkdir(parents=True)

    def write(file, *pairs):
        lines = ("\t".join((record(a), record(b), str(same))) for a, b, same in pairs)
        (folder / file).write_text("\n".join(lines) + "\n", "utf-8")

    one = [f"{name} {word}" for word in ("alpha", "Alpha 1", "alpha one", "beta", "gamma")]
    write("train.txt.small", (one[0], one[1], 1), (one[3], one[4], 0))
    write("train.txt.medium", (one[1], one[2], 1), (one[3], f"{name} tested", 1))
    write("valid.txt.small", (f"{name} TESTED", f"{name} other", 0))
    write("valid.txt.medium", (f"{name} more", f"{name} other", 0))
    write("test.txt", (f"{name} last", f"{name} other", 0))


def write_deepmatcher(folder):
    column = "name" if folder.name == "abt-buy" else "title"
    for side in "AB":
        titles = [(i, f"{folder.name} {side} {i}", 9) for i in range(6)]
        write_table(folder / f"table{side}.csv", ("id", column, "price"), titles)
    header = ("ltable_id", "rtable_id", "label")
    write_table(folder / "train.csv", header, [(0, 0, 1), (0, 1, 1), (1, 2, 1), (2, 5, 1)])
    write_table(folder / "valid.csv", header, [(1, 3, 0)])
    write_table(folder / "test.csv", header, [(4, 5, 1)])


@pytest.fixture(scope="session")
def sets(tmp_path_factory):
    """A folder with all sets, each as small as it can be."""
    folder = tmp_path_factory.mktemp("sets")
    for name in ("fashion", "clothing", "grocery"):
        (folder / name).mkdir()
    write_fashion(folder / "fashion")
    write_clothing(folder / "clothing")
    write_grocery(folder / "grocery")
    write_pricerunner(folder / "pricerunner")
    for name in ("computers", "cameras"):
        write_wdc(folder / "wdc" / name, name)
    for name in ("abt-buy", "amazon-google", "walmart-amazon"):
        write_deepmatcher(folder / "deepmatcher" / name)
    return folder


@pytest.fixture(scope="session")
def titles(sets):
    return gather_titles(sets, seed=0, n_made_up=50)


@pytest.fixture(scope="session")
def pictures(sets, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return folder, write_pictures(sets, folder)


@pytest.fixture(scope="session")
def hostile():
    return HOSTILE


@pytest.fixture(scope="session")
def read_rows():
    """Reads a table, a dictionary a row."""

    def read(path):
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return read
