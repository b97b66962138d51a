"""What ``matcher catalog`` prints."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from matcher.cli.show import say, say_json

if TYPE_CHECKING:
    from matcher.catalog import (
        Candidate,
        Catalog,
        Changed,
        ClusterView,
        Ended,
        ReviewItem,
    )

SHOWN = 10
SHOWN_TITLE = 60
PIPED_WIDTH = 140


def show_created(made: Catalog, as_json: bool) -> None:
    """What a catalogue holds, what it goes by, and what to do next."""
    told = made.statistics()
    if as_json:
        say_json({**asdict(told), "model": made.model, "left_out": dict(made.left_out)})
        return
    _say_size(made)
    say(f"Encoders: {', '.join(made.config.encoders)}.")
    for name, why in made.left_out.items():
        say(f"Left out: {name}: {why}")
    say(f"Kept in {made.place}, revision {told.revision}.")
    place = shlex.quote(made.place)
    say(f"Next: matcher catalog query {place} --title '…', or add, review, export.")


def _say_size(made: Catalog) -> None:
    told = made.statistics()
    clustered = sum(size * n for size, n in told.sizes.items() if size > 1)
    largest = max(told.sizes, default=0)
    say(
        f"{_count(told.n_listings, 'listing')}: {_count(told.n_clusters, 'cluster')} of two or "
        f"more, with {_count(clustered, 'listing')} in all, the largest with {largest:,}."
    )


def show_changed(changed: Changed, as_json: bool) -> None:
    """What a write did."""
    if as_json:
        say_json(asdict(changed))
        return
    parts = [
        (changed.added, "added"),
        (changed.replaced, "replaced"),
        (changed.unchanged, "unchanged"),
        (changed.removed, "removed"),
        (changed.unknown, "not there"),
    ]
    told = [f"{len(ids):,} {what}" for ids, what in parts if ids] or ["nothing to do"]
    say(f"{', '.join(told)}; revision {changed.revision}.")
    new = [*changed.added, *changed.replaced]
    for id in new[:SHOWN]:
        say(f"  {id}  in cluster {changed.clusters[id]}")
    if len(new) > SHOWN:
        say(f"  … and {len(new) - SHOWN:,} more; --json has all of them")
    for id, reason in list(changed.problems.items())[:SHOWN]:
        say(f"Problem: {id}: {reason}")
    if len(changed.problems) > SHOWN:
        say(f"… and {len(changed.problems) - SHOWN:,} more listings with problems; see --json.")
    for id in changed.unknown[:SHOWN]:
        say(f"Not there: {id}")


def show_candidates(found: Sequence[Candidate], as_json: bool) -> None:
    """The closest listings, best first."""
    if as_json:
        say_json({"candidates": [asdict(one) for one in found]})
        return
    if not found:
        say("Nothing in the catalogue has anything in common with it.")
        return
    chance = any(one.probability is not None for one in found)
    heads = ("score", "probability" if chance else "", "", "id", "cluster", "title", "why")
    rows = [
        (
            f"{one.score:.3f}",
            "" if one.probability is None else f"{one.probability:.2f}",
            "match" if one.match else "",
            one.id,
            str(one.cluster),
            _short(one.title),
            one.reason,
        )
        for one in found
    ]
    _say_table(heads, rows)
    matches = sorted({one.cluster for one in found if one.match})
    if matches:
        say(f"It matches {', '.join(f'cluster {number}' for number in matches)}.")
    else:
        say("No match: none reaches 0.5.")


def show_cluster(view: ClusterView | Ended, as_json: bool) -> None:
    """One cluster, or what became of it."""
    from matcher.catalog import Ended

    if isinstance(view, Ended):
        _show_ended(view, as_json)
        return
    if as_json:
        events = [(at.isoformat(), *rest) for at, *rest in view.events]
        say_json({**asdict(view), "events": events})
        return
    say(f"Cluster {view.id} · {_count(len(view.ids), 'listing')}")
    for id, title, image in zip(view.ids, view.titles, view.images, strict=True):
        say(f"  {id}  {_short(title) or image or ''}")
    if view.edges:
        say("Held together by:")
    for (left, right, score), reason in list(zip(view.edges, view.reasons, strict=True))[:SHOWN]:
        say(f"  {score:.3f}  {left}  {right}  {reason}")
    if len(view.edges) > SHOWN:
        say(f"  … and {len(view.edges) - SHOWN:,} more; --json has all of them")
    for at, kind, others in view.events[-SHOWN:]:
        told = f" ({', '.join(map(str, others))})" if others else ""
        say(f"{at:%Y-%m-%d %H:%M} UTC  {kind}{told}")


def _show_ended(ended: Ended, as_json: bool) -> None:
    if as_json:
        say_json(asdict(ended))
        return
    now = ", ".join(str(number) for number in ended.now)
    where = f"its listings are in {now}" if now else "all its listings were removed"
    say(f"Cluster {ended.id} has ended: {where}.")


def show_statistics(made: Catalog, as_json: bool) -> None:
    """A catalogue in numbers."""
    told = made.statistics()
    if as_json:
        say_json(asdict(told))
        return
    _say_size(made)
    sizes = ", ".join(f"{n:,} of {size:,}" for size, n in list(told.sizes.items())[:SHOWN])
    say(f"Clusters by size: {sizes}{' …' if len(told.sizes) > SHOWN else ''}.")
    most = max((n for _, n in told.scores), default=0)
    for lower, n in told.scores:
        if n:
            say(f"  {lower:.2f}  {'█' * max(1, round(40 * n / most))} {n:,}")
    if told.decisions:
        say(f"Decisions in force: {', '.join(f'{n:,} {k}' for k, n in told.decisions.items())}.")
    if told.precision is not None:
        share, low, high = told.precision
        say(f"Of what was reviewed, {share:.0%} was accepted (95 %: {low:.0%} to {high:.0%}).")
    say(f"{made.place}, revision {told.revision}, model {made.model}.")


def show_review(made: Catalog, items: Sequence[ReviewItem], as_json: bool) -> None:
    """Clusters to look at, weakest first, and how to decide."""
    if as_json:
        say_json({"review": [asdict(item) for item in items]})
        return
    if not items:
        say("Nothing to review: every cluster of two or more was accepted as it is.")
        return
    place = shlex.quote(made.place)
    for item in items:
        ids = [*item.left[:SHOWN], *item.right[:SHOWN]]
        titles = dict(zip(ids, made.listings(ids).titles, strict=True))
        say(f"Cluster {item.cluster} · weakest edge {item.score:.3f}: {item.reason}")
        for mark, side in (("│", item.left), ("└", item.right)):
            for id in side[:SHOWN]:
                say(f"  {mark} {id}  {_short(titles[id])}")
            if len(side) > SHOWN:
                say(f"  {mark} … and {len(side) - SHOWN:,} more")
    first = items[0]
    small = min(first.left, first.right, key=len)
    out = " ".join(shlex.quote(id) for id in small[:SHOWN])
    say(f"All the same?  matcher catalog decide {place} accept {first.cluster}")
    say(f"Two products?  matcher catalog decide {place} split {first.cluster} {out}")


def show_decided(made: Catalog, number: int) -> None:
    """What was decided, where its listings are now, and how to take it back."""
    made_now = {one.number: one for one in made.decisions()}
    decision = about = made_now[number]
    while about.undoes is not None:
        about = made_now[about.undoes]
    what = decision.kind if decision.undoes is None else f"undo of {decision.undoes}"
    say(f"Decision {number}: {what}, by {decision.who}.")
    ids = dict.fromkeys(id for pair in (*about.same, *about.different) for id in pair)
    for id in list(ids)[:SHOWN]:
        cluster = made.cluster_of(id)
        say(f"  {id}  {'not there' if cluster is None else f'in cluster {cluster}'}")
    if len(ids) > SHOWN:
        say(f"  … and {len(ids) - SHOWN:,} more")
    say(f"To take it back: matcher catalog undo {shlex.quote(made.place)} {number}")


def _say_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table as wide as the terminal; text is never read as markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_clean(cell)) for cell in row))
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    Console(file=sys.stdout, width=width, highlight=False).print(table)


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _short(title: str) -> str:
    return title if len(title) <= SHOWN_TITLE else title[: SHOWN_TITLE - 1] + "…"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
