"""Make the encoder of a training one that comes with the package: ``weights: base``.

    python -m pipelines.ship_weights RUN --as image|title [--card FILE.md] [--source TABLE ...]

Writes ``matcher/weights/image`` or ``matcher/weights/title``: the weights in float16, settings,
tokenizer, model card (``README.md``) and what it was trained on (``trained-on``), so that it is
not scored on that. Vectors of the network in float16 must have a cosine of 0.9995 or more with
those of RUN. ``--card`` gives the card: Markdown with front matter that names a licence; a table of
facts is put at its end. Without it the card is the one of RUN. Seconds on one core.

Titles that were trained on are known by id and text. Where the table of RUN was put together from
others, and has ids of its own, ``--source`` names those: the titles of RUN are then known under the
ids they have there, too. ``TABLE=COLUMNS`` names the columns that make the title; with several
readings between them, ``TABLE=name;name,description``, a row counts by any and is known by all.

``--size`` has pictures read at another side than in the training: a network that learnt from parts
of pictures, brought to its size, has seen things larger than whole pictures of that size show them.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from pipelines._command import carry_out

if TYPE_CHECKING:
    from matcher.encoders._artefacts import Saved
    from matcher.io.artifacts import Tensors
    from matcher.io.shipped import Kind
    from matcher.types import Float32

LEAST_COSINE = 0.9995
# Bytes of model.safetensors.
LIMITS: Mapping[Kind, int] = {"image": 10_000_000, "title": 12_000_000}


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of a finished training")
    parser.add_argument("--as", dest="kind", choices=list(LIMITS), required=True)
    parser.add_argument("--card", type=Path, metavar="FILE.md", help="model card in place of RUN's")
    parser.add_argument(
        "--source", action="append", default=[], metavar="TABLE[=COLUMNS]", help="see above"
    )
    parser.add_argument("--size", type=int, metavar="PIXELS", help="side of pictures; see above")
    asked = parser.parse_args(argv)
    return carry_out(lambda: ship(asked.run, asked.kind, asked.card, asked.source, asked.size))


def ship(
    run: Path,
    kind: Kind,
    card: Path | None = None,
    sources: Sequence[str] = (),
    size: int | None = None,
) -> Path:
    """Write the folder, or leave the one of before as it is.

    Args:
        run: Folder of a finished training.
        kind: What its network reads.
        card: Its model card; None for that of the run.
        sources: Tables, with columns or without, that its titles come from.
        size: Side at which pictures are read, in pixels; None for that of the training.

    Returns:
        The folder.

    Raises:
        ConfigError: If the run is of the other kind, or the card names no licence.
        StoreError: If the run is damaged, does not say what it was trained on, is too large, or
            would not be the same in float16.
    """
    from matcher.encoders._artefacts import load_saved
    from matcher.io import shipped
    from matcher.io.artifacts import save_model
    from matcher.training.trained_rows import FOLDER

    saved = load_saved(run)
    _check_kind(saved, kind, run)
    saved = saved if size is None else _resize(saved, size)
    text = None if card is None else _read_card(card)
    trained = _trained(run, kind, sources)
    halves = _halve(saved.tensors, run)
    cosine = _least_cosine(saved, halves, str(run))
    shipped.WEIGHTS.mkdir(parents=True, exist_ok=True)
    aside = Path(mkdtemp(prefix=".shipping-", dir=shipped.WEIGHTS))
    try:
        mark = _write(aside, run, saved, halves, text)
        save_model(aside / FOLDER, *trained)
        taken = _check_size(aside, kind)
        aside.chmod(0o755)
        folder = _put_in_place(aside, shipped.WEIGHTS / kind)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    total = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{folder}: weights {taken / 1e6:.2f} MB of {LIMITS[kind] / 1e6:.0f}, in all", end=" ")
    print(f"{total / 1e6:.2f} MB; cosine with float32 >= {cosine:.6f}; fingerprint {mark[:16]}")
    return folder


def _check_kind(saved: Saved, kind: Kind, run: Path) -> None:
    from matcher.errors import ConfigError
    from matcher.models.settings import ImageArchitecture

    found = "image" if isinstance(saved.architecture, ImageArchitecture) else "title"
    if found != kind:
        raise ConfigError(f"{run} holds a network of the kind {found}. Received: --as {kind}.")


def _resize(saved: Saved, size: int) -> Saved:
    """The same network for pictures of another side."""
    from dataclasses import replace

    from matcher.encoders._artefacts import OURS
    from matcher.encoders._saved import picture_steps
    from matcher.errors import ConfigError
    from matcher.models.settings import ImageArchitecture

    if not isinstance(saved.architecture, ImageArchitecture):
        raise ConfigError("--size is of pictures; titles have none. Leave it out.")
    parts = {**saved.architecture.model_dump(mode="json"), "size": size}
    changed = {"architecture": parts, "preprocessing": picture_steps(size)}
    about = {**saved.config[OURS], **changed}
    architecture = ImageArchitecture.read(parts, "--size")
    return replace(saved, architecture=architecture, config={**saved.config, OURS: about})


def _trained(run: Path, kind: Kind, sources: Sequence[str]) -> tuple[dict[str, str], Tensors]:
    """What it was trained on and chosen by, as ``trained-on`` holds it."""
    import numpy as np

    from matcher.errors import ConfigError, StoreError
    from matcher.training.trained_rows import load_chosen, load_trained
    from pipelines._sources import find_in_sources

    if sources and kind == "image":
        raise ConfigError("Pictures are known by their content: --source is about titles alone.")
    try:
        (told, rows), chosen = load_trained(run), load_chosen(run)
    except StoreError as error:
        raise StoreError(
            f"{error} What is shipped says what it was trained on: name the whole folder that "
            "`matcher train` wrote."
        ) from error
    trained_there, chosen_there = find_in_sources(run, sources)
    rows, chosen = np.union1d(rows, trained_there), np.union1d(chosen, chosen_there)
    return {"kind": told}, {"rows": rows, "chosen": chosen}


def _read_card(card: Path) -> str:
    """A card with front matter that names a licence."""
    from matcher.errors import ConfigError
    from matcher.io.yaml_text import parse_yaml

    text = card.read_text(encoding="utf-8")
    before, _, rest = text.partition("---\n")
    front, fence, _ = rest.partition("\n---\n")
    if before or not fence or "license" not in parse_yaml(front, str(card)):
        raise ConfigError(
            f"{card} must begin with front matter that names a licence: '---', 'license: NAME', "
            "'---', each on a line of its own."
        )
    return text


def _halve(tensors: Tensors, run: Path) -> Tensors:
    """Weights in float16; arrays of whole numbers as they are."""
    import numpy as np

    from matcher.errors import StoreError

    halves = {}
    for name, tensor in tensors.items():
        with np.errstate(over="ignore"):  # it is told below
            halves[name] = tensor.astype(np.float16) if tensor.dtype.kind == "f" else tensor
        if tensor.dtype.kind == "f" and not np.isfinite(halves[name]).all():
            raise StoreError(f"{run} has weights beyond what float16 can hold, in {name!r}.")
    return halves


def _least_cosine(saved: Saved, halves: Tensors, run: str) -> float:
    """Lowest cosine, over a probe, of vectors before and after; checked."""
    import numpy as np

    from matcher.errors import StoreError
    from matcher.similarity import l2_normalize

    before = _vectors(saved, saved.tensors, run)
    after = _vectors(saved, halves, run)
    found = float((l2_normalize(before) * l2_normalize(after)).sum(axis=1).min())
    if not found >= LEAST_COSINE:
        raise StoreError(
            f"{run} in float16 gives other vectors: the lowest cosine with those in float32 is "
            f"{np.round(found, 6)}, which must be {LEAST_COSINE} or more. Train with weight decay, "
            "or see which weights are very small or large."
        )
    return found


def _vectors(saved: Saved, tensors: Tensors, run: str) -> Float32:
    """What the network makes of a probe, shape ``(n, d)``."""
    from dataclasses import replace

    import numpy as np

    from matcher.encoders._artefacts import build_saved
    from matcher.io.artifacts import widen
    from matcher.models.settings import ImageArchitecture
    from matcher.runtime.loading import import_keras
    from matcher.runtime.probes import picture_probe, title_probe

    import_keras()
    architecture = saved.architecture
    model = build_saved(replace(saved, tensors=widen(tensors)), run)
    if isinstance(architecture, ImageArchitecture):
        outputs = [model(*batch, training=False) for batch in picture_probe(architecture.pixels)]
    else:
        probe = title_probe(int(saved.config["vocab_size"]), architecture.max_tokens)
        outputs = [model(list(batch), training=False) for batch in probe]
    return np.concatenate([np.asarray(output, np.float32) for output in outputs])


def _write(folder: Path, run: Path, saved: Saved, halves: Tensors, card: str | None) -> str:
    """Write all files; returns the fingerprint of the network."""
    from matcher.encoders._artefacts import OURS
    from matcher.encoders._cards import describe, describe_facts
    from matcher.encoders._hub import copy_tokenizer
    from matcher.io.artifacts import save_model

    about: dict[str, Any] = {**saved.config[OURS], "stored": "float16"}
    about["card"] = _without_places(about["card"])
    mark = save_model(folder, {**saved.config, OURS: about}, halves)
    copy_tokenizer(run, folder)
    text = describe(about, mark) if card is None else f"{card.rstrip()}\n\n"
    if card is not None:
        text += describe_facts(about, mark) + "\n"
    (folder / "README.md").write_text(text, encoding="utf-8")
    return mark


def _without_places(value: Any) -> Any:
    """The same without folders of this machine: of a whole path its last part stays."""
    if isinstance(value, Mapping):
        return {name: _without_places(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_places(part) for part in value]
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(value).name
    return value


def _check_size(folder: Path, kind: Kind) -> int:
    """Bytes of the weights, refused where there are too many."""
    from matcher.errors import StoreError
    from matcher.io.artifacts import TENSORS

    size = (folder / TENSORS).stat().st_size
    if size > LIMITS[kind]:
        raise StoreError(
            f"The weights take {size / 1e6:.2f} MB in float16; a network of the kind {kind} that "
            f"comes with the package takes {LIMITS[kind] / 1e6:.0f} MB at most. Train a smaller."
        )
    return size


def _put_in_place(aside: Path, folder: Path) -> Path:
    """Rename a finished folder; the one of before is removed once it is there."""
    before = Path(mkdtemp(prefix=".before-", dir=folder.parent))
    try:
        if folder.exists():
            folder.rename(before / folder.name)
        aside.rename(folder)
    except OSError:
        if (before / folder.name).exists() and not folder.exists():
            (before / folder.name).rename(folder)
        raise
    finally:
        shutil.rmtree(before, ignore_errors=True)
    return folder


if __name__ == "__main__":
    raise SystemExit(main())
