"""Training: rows → split → network → loop → an encoder in a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from matcher.errors import StoreError
from matcher.io.artifacts import fingerprint
from matcher.io.atomic import check_writable
from matcher.io.listings import read_listings
from matcher.io.outputs import write_json
from matcher.jobs.steps import library_versions
from matcher.jobs.train_files import (
    RUN,
    code_version,
    digest_rows,
    read_run,
    warn_of_other_code,
    write_config,
    write_sides,
)
from matcher.jobs.train_rows import Rows, choose_rows, refuse_leaks, run_before
from matcher.jobs.train_teacher import learn_besides
from matcher.runtime.loading import import_keras
from matcher.training.checkpoints import Checkpoints, Progress
from matcher.training.logs import check_tensorboard
from matcher.training.loop import CHECKPOINTS, Task
from matcher.training.loop import train as run_loop
from matcher.training.networks import Network, make_learner, start_network
from matcher.training.plots import plot_run
from matcher.training.settings import TrainConfig
from matcher.training.splits import digest_labels
from matcher.training.trained_rows import save_trained
from matcher.training.validation import embed_rows, score_rows
from matcher.types import Embeddings, Int64

FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What came of a training.

    Attributes:
        folder: Of the run; an encoder takes it as its ``weights``.
        counts: Rows and products trained on and held out.
        before: Metrics on the products held out, before the first step.
        metrics: The same with the weights that are kept.
        test: Those of the test fold, ``before`` and ``after``; empty where there is none.
        progress: Steps, seconds, and how it ended.
        fresh: Whether there was anything left to do.
    """

    folder: Path
    counts: dict[str, int]
    before: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    test: dict[str, dict[str, float]] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    fresh: bool = True


def train(config: TrainConfig | str | Path, out: str | Path) -> TrainReport:
    """Train an encoder, or go on with a training that was cut off.

    Args:
        config: Settings, or the path of a YAML file.
        out: Folder of the run: ``model.safetensors``, ``config.json`` and ``README.md`` are
            the encoder, ``training.yaml`` the settings, ``run.json`` the report, ``log.csv``
            and ``training.png`` what happened at each step, ``checkpoints`` where it stands,
            ``trained-on`` which listings it must not be scored on, ``split.csv`` what each
            listing was taken for.

    Returns:
        What came of it.

    Raises:
        BackendError: If weights or a library are missing.
        ConfigError: If a setting is wrong, or the loss is no number any more.
        DataError: If the listings do not suffice, or were trained on, or chosen by, by the run
            that it starts from.
        StoreError: If the folder holds another run, or cannot be written; or if the run that it
            starts from does not say what it was trained on.
    """
    if not isinstance(config, TrainConfig):
        config = TrainConfig.load(Path(config))
    folder = Path(out)
    _check_place(folder, config)
    listings = read_listings(config.source.listings, config.source.images, config.source.columns)
    import_keras()
    from matcher.runtime.determinism import be_deterministic

    be_deterministic(config.seed, config.deterministic)
    network = start_network(listings, config)
    before = run_before(config)
    rows = choose_rows(network, config)
    facts = _facts(config, rows, network)
    earlier = _earlier(folder, facts)
    if earlier.get("status") == FINISHED:
        return _report(folder, earlier, fresh=False)
    if before is not None:
        refuse_leaks(before, rows)
    write_config(config, folder)
    write_sides(folder, listings, rows.sides)
    _write_run(folder, facts, "running")
    untrained = _embed(config, network, rows.sides.test)
    progress = _run(config, network, rows, facts["digest"], folder)
    return _keep(config, network, rows, facts, progress, untrained, folder)


def _check_place(folder: Path, config: TrainConfig) -> None:
    """Find out before long work what could not be written after it."""
    check_writable(folder / RUN)
    read_run(folder)  # or it says that the folder is of another command
    if config.tensorboard:
        check_tensorboard()


def _facts(config: TrainConfig, rows: Rows, network: Network) -> dict[str, Any]:
    """What decides the outcome, for the report and for telling runs apart."""
    from matcher.models.weights import export_weights

    about = {
        "config": config.decisive(),
        "data": digest_rows(rows.listings.ids, rows.digests, digest_labels(rows.listings)),
        "split": fingerprint({}, asdict(rows.sides)),
        "start": fingerprint({}, export_weights(network.embedder)),
    }
    if config.source.levels:  # what is learnt is not the products
        about["labels"] = fingerprint({}, {"labels": rows.classes.labels})
    return {
        "command": "train",
        "digest": fingerprint(about, {}),
        "counts": rows.counts,
        "data": {"listings": str(config.source.listings), "fingerprint": about["data"]},
        "start": about["start"],
        "config": config.dump(),
        "code": code_version(),
        "versions": library_versions(),
    }


def _earlier(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """The report of the run in the folder, empty where there is none yet."""
    earlier = read_run(folder)
    if earlier and earlier.get("digest") != facts["digest"]:
        raise StoreError(
            f"{folder} holds a run with other settings, listings or first weights. "
            "Name another folder with --out, or remove that one."
        )
    if earlier.get("status") == "running":
        warn_of_other_code(earlier, facts)
    return earlier


def _run(config: TrainConfig, network: Network, rows: Rows, digest: str, folder: Path) -> Progress:
    """Train to the end."""
    others = learn_besides(rows, config)
    sides, groups = rows.sides, rows.listings.groups
    reader = network.reader(sides.train, config.augment.read_at if config.augment else None)
    learner = make_learner(network, rows.classes, config, reader, others)

    def freeze(place: Any) -> None:
        from matcher.models.freezing import freeze as freeze_layers

        freeze_layers(network.embedder, place, config.freezing.norms)

    def validate() -> dict[str, float]:
        assert groups is not None  # noqa: S101, or nothing was held out
        return score_rows(_embed(config, network, sides.held), groups[sides.held])

    task = Task(
        digest=digest,
        classes=rows.classes.classes,
        labels=rows.classes.labels,
        ids=[rows.listings.ids[row] for row in sides.train.tolist()],
        reader=reader,
        validate=validate if len(sides.held) else None,
        freeze=freeze,
        others=others,
        times=rows.classes.times,
    )
    return run_loop(learner, task, config, folder)


def _embed(config: TrainConfig, network: Network, rows: Int64) -> Embeddings:
    places = np.arange(len(rows))
    return embed_rows(network.embedder, network.reader(rows), places, config.validation.batch)


def _test(rows: Rows, embeddings: Embeddings, validated: dict[str, float]) -> dict[str, float]:
    """Score the test fold, at the threshold of the products validated on."""
    groups = rows.listings.groups
    assert groups is not None  # noqa: S101, or nothing was held out
    found = score_rows(embeddings, groups[rows.sides.test], validated.get("threshold"))
    if not validated:  # a threshold that is best for the very rows would flatter
        del found["row_f1"], found["threshold"]
    return found


def _keep(
    config: TrainConfig,
    network: Network,
    rows: Rows,
    facts: dict[str, Any],
    progress: Progress,
    untrained: Embeddings,
    folder: Path,
) -> TrainReport:
    """Write the encoder with its best weights, and the report."""
    from matcher.models.weights import import_weights

    if progress.best:
        kept = Checkpoints(folder / CHECKPOINTS).load_best()
        import_weights(network.embedder, kept, str(folder / CHECKPOINTS))
    test = {}
    if len(rows.sides.test):
        trained = _embed(config, network, rows.sides.test)
        test["before"] = _test(rows, untrained, progress.before)
        test["after"] = _test(rows, trained, progress.best)
    source = config.card.data if config.card.data != "not stated" else facts["data"]["listings"]
    network_settings = config.image or config.title
    assert network_settings is not None  # noqa: S101, a config has one of the two
    card = config.card.model_copy(
        update={
            "data": source,
            "data_fingerprint": facts["data"]["fingerprint"],
            "started_from": str(config.init_from or network_settings.weights),
            "loss": config.dump()["loss"],
            "metrics": test.get("after", progress.best),
            "code_version": facts["code"]["version"],
        }
    )
    _remember(config, rows, folder)
    mark = network.save(folder, card)
    plot_run(folder)
    _write_run(folder, facts, FINISHED, progress, test, mark)
    return _report(folder, read_run(folder), fresh=True)


def _remember(config: TrainConfig, rows: Rows, folder: Path) -> None:
    """Write what the encoder has learnt, and what it was chosen by."""
    before = run_before(config)
    earlier = () if before is None else (before,)
    kind = "pictures" if config.image is not None else "titles"
    trained_on, chosen_by = rows.digests[rows.sides.train], rows.digests[rows.sides.held]
    save_trained(folder, trained_on, kind, earlier, chosen_by)


def _write_run(
    folder: Path,
    facts: dict[str, Any],
    status: str,
    progress: Progress | None = None,
    test: Mapping[str, dict[str, float]] | None = None,
    mark: str = "",
) -> None:
    about = {**facts, "status": status, "weights": mark}
    if progress is not None:
        told = asdict(progress)
        about["progress"] = {k: told[k] for k in told if k not in ("run", "before", "best")}
        about["metrics"] = {"before": progress.before, "best": progress.best, "test": test}
    write_json(about, folder / RUN)


def _report(folder: Path, run: dict[str, Any], fresh: bool) -> TrainReport:
    metrics = run.get("metrics", {})
    return TrainReport(
        folder=folder,
        counts=run["counts"],
        before=metrics.get("before", {}),
        metrics=metrics.get("best", {}),
        test=metrics.get("test", {}),
        progress=run.get("progress", {}),
        fresh=fresh,
    )
