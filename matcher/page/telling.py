"""Decisions in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matcher.catalog import Catalog
from matcher.page.dashboard import KINDS
from matcher.report import wording
from matcher.store import Decision
from matcher.store.records import undone

SHOWN_IDS = 6


@dataclass(frozen=True, slots=True)
class Told:
    """A decision for a person to read.

    Attributes:
        decision: As it is kept.
        kind: What pages call its kind.
        text: What was decided, in a sentence.
        shown: Ids of some listings that it is about.
        ids: Ids of all of them.
        holds: Whether it is not undone.
    """

    decision: Decision
    kind: str
    text: str
    shown: tuple[str, ...]
    ids: frozenset[str]
    holds: bool

    @property
    def n_more(self) -> int:
        """How many listings it is about that are not shown."""
        return len(self.ids) - len(self.shown)


def tell_all(catalog: Catalog) -> list[Told]:
    """All decisions, newest first."""
    made = catalog.decisions()
    gone = undone(made)
    by_number = {decision.number: decision for decision in made}
    return [_tell(one, by_number, one.number not in gone) for one in reversed(made)]


def tell_one(catalog: Catalog, number: int | None) -> Told | None:
    """One decision; None if there is no such one."""
    if number is None:
        return None
    return next((told for told in tell_all(catalog) if told.decision.number == number), None)


def _tell(decision: Decision, by_number: dict[int, Decision], holds: bool) -> Told:
    about = decision
    while about.undoes is not None and about.undoes in by_number:
        about = by_number[about.undoes]
    ids = list(dict.fromkeys(_ids(about.same + about.different)))
    return Told(
        decision=decision,
        kind=KINDS[decision.kind],
        text=_say(decision, len(ids)),
        shown=tuple(ids[:SHOWN_IDS]),
        ids=frozenset(ids),
        holds=holds,
    )


def _say(decision: Decision, n: int) -> str:
    if decision.kind == "undo":
        return f"Decision {decision.undoes} was taken back."
    if decision.kind == "split":
        out = {id for pair in decision.same for id in pair}
        n_out = len(out) or len({left for left, _ in decision.different}) or 1
        return f"{wording.plural(n_out, 'listing')} split off from {n - n_out}."
    texts = {
        "accept": f"{wording.plural(n, 'listing')} are one product.",
        "reject": "These two listings are different products.",
        "merge": f"{wording.plural(n, 'listing')} were put together as one product.",
    }
    return texts[decision.kind]


def _ids(pairs: Sequence[tuple[str, str]]) -> Iterable[str]:
    return (id for pair in pairs for id in pair)
