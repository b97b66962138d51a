"""What the command prints: progress and warnings to stderr, results to stdout."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matcher.results import MatchResult
    from matcher.types import Listings

ACCEPTED = 0.5  # fused score from which the fusion calls a pair a match
REFRESH_SECONDS = 0.1
SHOWN_TITLE = 76


def say(text: str = "") -> None:
    """Print one line of the result; control characters of titles never reach the terminal."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    sys.stdout.write(clean.encode(sys.stdout.encoding or "utf-8", "replace").decode() + "\n")


def say_json(value: Mapping[str, Any]) -> None:
    """Print JSON; what is not a number becomes null."""
    from matcher.io.outputs import to_json

    sys.stdout.write(to_json(value))


def warn(text: str) -> None:
    """Print one line to stderr."""
    sys.stderr.write(f"matcher: {text}\n")


class _ToStderr(logging.Handler):
    """Shows the package's warnings."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


def show_warnings() -> None:
    """Send the package's log, from warnings up, to stderr."""
    log = logging.getLogger("matcher")
    log.handlers = [_ToStderr(logging.WARNING)]
    log.propagate = False


@contextmanager
def progress_bars() -> Iterator[None]:
    """Show a bar for each long loop inside the block, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from matcher.progress import shown_by

    tasks: dict[str, TaskID] = {}
    last: dict[str, float] = {}
    with Progress(console=Console(stderr=True), transient=True) as bars:

        def report(label: str, done: int, total: int) -> None:
            now = time.monotonic()
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            elif done < total and now - last[label] < REFRESH_SECONDS:
                return
            last[label] = now
            bars.update(tasks[label], completed=done, total=total, visible=done < total)

        with shown_by(report):
            yield


def show_result(result: MatchResult, out: Path, n_clusters: int) -> None:
    """Print what was found, what ran, how good it is, and where it lies."""
    counts = result.report.counts
    if result.clusters_found is not None:
        _show_clusters(result, n_clusters)
        say(
            f"{_count(counts['listings'], 'listing')}: "
            f"{_count(counts['clusters'], 'cluster')} of two or more, with "
            f"{_count(counts['clustered_listings'], 'listing')} in all, the largest with "
            f"{counts['largest_cluster']:,}."
        )
    else:
        say(
            f"{counts['left_listings']:,} and {counts['right_listings']:,} listings: "
            f"{counts['accepted_pairs']:,} pairs match {counts['matched_left']:,} of the first "
            f"with {counts['matched_right']:,} of the second."
        )
    show_encoders(result.report.encoders, result.report.left_out, result.report.search)
    show_problems(result.report.problems)
    for id, n in list(result.report.bridges.items())[:1]:
        say(
            f"{_count(len(result.report.bridges), 'listing')} with direct matches in ten clusters "
            f"or more, such as {id} in {n:,}; see bridges in run.json."
        )
    _show_metrics(result)
    shown = out / "report.html"
    say(f"Written to {out}: {', '.join(_files(out))}.")
    say(f"Report: {shown.resolve().as_uri()}")


def say_cached(encoders: Mapping[str, Mapping[str, Any]]) -> None:
    """Say how many vectors earlier runs have made; nothing where there are none."""
    told = [
        f"{about['from_cache']:,} of {about['listings']:,} vectors ({name})"
        for name, about in encoders.items()
        if about.get("from_cache")
    ]
    if told:
        say(f"From the cache: {', '.join(told)}.")


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _files(out: Path) -> list[str]:
    tables = ("matches.csv", "clusters.csv", "pairs.parquet", "pairs.csv", "near_misses.csv")
    names = (*tables, "trained-on.csv", "run.json")
    return [name for name in names if (out / name).exists()]


def show_encoders(
    ran: Mapping[str, Mapping[str, Any]],
    left_out: Mapping[str, str],
    searched: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """What ran, how it was searched where that is known, and what did not run and why."""
    from matcher.jobs.steps import by_reason
    from matcher.search import say_how

    say(f"Encoders that ran: {', '.join(ran)}.")
    say_cached(ran)
    if searched:
        say(say_how(searched))
    for names, why in by_reason(left_out):
        say(f"Left out: {names}: {why}")


def show_problems(problems: Mapping[str, int]) -> None:
    """The commonest kinds of trouble."""
    for reason, n in list(problems.items())[:5]:
        say(f"{_count(n, 'listing')}: {reason}")
    if len(problems) > 5:
        say(f"… and more kinds of trouble ({len(problems) - 5}), in run.json.")


def _show_metrics(result: MatchResult) -> None:
    """The main figures, with the gallery they hold for."""
    m, counts = result.metrics, result.report.counts
    if m:
        say(
            f"Against the labels of {_count(counts['labelled'], 'listing')} (gallery "
            f"{counts['listings']:,}): row F1 {m['rowwise_f1']:.4f}, precision "
            f"{m['rowwise_precision']:.4f}, recall {m['rowwise_recall']:.4f}; "
            f"B-cubed F1 {m['bcubed_f1']:.4f}."
        )


def _show_clusters(result: MatchResult, n_clusters: int) -> None:
    """Titles and ids of the largest clusters."""
    import numpy as np

    if result.clusters_found is None or not n_clusters:
        return
    labels = result.clusters_found.labels
    sizes = np.bincount(labels, minlength=1)
    largest = [c for c in np.argsort(-sizes, kind="stable")[:n_clusters].tolist() if sizes[c] > 1]
    for cluster in largest:
        say(f"Cluster {cluster} · {sizes[cluster]} listings")
        members = np.flatnonzero(labels == cluster).tolist()
        for row in members[:6]:
            say(f"  {result.listings.ids[row]}  {_label(result.listings, row)}")
        if len(members) > 6:
            say(f"  … and {len(members) - 6} more")
    if largest:
        say()


def _label(listings: Listings, row: int) -> str:
    """What to call a listing: the beginning of its title, or its picture's name."""
    ref = listings.images[row]
    text = listings.titles[row] or (ref.name if ref else "")
    return text if len(text) <= SHOWN_TITLE else text[: SHOWN_TITLE - 1] + "…"


def show_hits(result: MatchResult, as_json: bool = False) -> None:
    """Print the closest listings to a query, best first."""
    from matcher.search import say_how

    if as_json:
        hits = result.pairs_table(titles=True).to_pylist()
        say_json({"hits": hits, "search": result.report.search})
        return
    gallery = result.right_listings or result.listings
    found = zip(result.accepted.right.tolist(), result.scores.tolist(), result.reasons, strict=True)
    for rank, (row, score, reason) in enumerate(found, 1):
        mark = "match" if score >= ACCEPTED else "     "
        say(f"{rank:3d}  {score:.3f} {mark}  {gallery.ids[row]}  {_label(gallery, row)}")
        say(f"            {reason}")
    say_cached(result.report.encoders)
    say(say_how(result.report.search))
