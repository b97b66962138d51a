"""Which clusters, or pairs between two sources, the page shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from matcher.report.cards import Card, Chapter
from matcher.report.clusters import ClusterViews
from matcher.report.pairs import PairViews
from matcher.report.wording import count
from matcher.results import MatchResult
from matcher.types import Float32, Int64

ALL_AT_ONCE = 20
SHOWN = {
    "all": ALL_AT_ONCE,
    "largest": 16,
    "surest": 16,
    "mixed": 24,
    "wrong": 24,
    "doubtful": 24,
    "sample": 24,
}
SEED = 0


@dataclass(frozen=True, slots=True)
class Ranking:
    """Things to show in one chapter, the most telling first; ``{n}`` in the note counts them."""

    anchor: str
    title: str
    note: str
    ranked: Int64


def choose_chapters(result: MatchResult) -> list[Chapter]:
    """Choose what the page shows; each card stands in one chapter only."""
    if result.clusters_found is None:
        return _choose_pairs(PairViews.of(result))
    return _choose_clusters(ClusterViews.of(result))


def _choose_clusters(views: ClusterViews) -> list[Chapter]:
    largest = np.lexsort((views.numbers, -views.sizes))
    total = count(len(largest))
    if len(largest) <= ALL_AT_ONCE:
        note = "Every cluster of two or more listings, the largest first."
        return _chapters([Ranking("all", "All clusters", note, largest)], views.card)
    note = f"The {{n}} clusters with the most listings, of {total}."
    rankings = [Ranking("largest", "Largest clusters", note, largest)]
    mixed = _with_strangers(views.n_strangers, views.weakest)
    note = (
        f"{count(len(mixed))} of {total} clusters hold listings of more than one group, by their "
        "labels. These are the {n} with the most such listings."
    )
    rankings.append(Ranking("mixed", "Clusters that mix groups", note, mixed))
    doubtful = np.argsort(views.weakest, kind="stable")
    note = f"The {{n}} clusters with the lowest score between two of their listings, of {total}."
    rankings.append(Ranking("doubtful", "Most doubtful clusters", note, doubtful))
    return _chapters([*rankings, _sample(len(largest), "clusters")], views.card)


def _choose_pairs(views: PairViews) -> list[Chapter]:
    surest = np.argsort(-views.scores, kind="stable")
    total = count(len(surest))
    if len(surest) <= ALL_AT_ONCE:
        note = "Every accepted pair, the best score first."
        return _chapters([Ranking("all", "All pairs", note, surest)], views.card)
    note = f"The {{n}} pairs with the highest scores, of {total}."
    rankings = [Ranking("surest", "Surest pairs", note, surest)]
    wrong = _with_strangers(views.n_strangers, -views.scores)
    note = (
        f"{count(len(wrong))} of {total} pairs are of different groups, by their labels. These "
        "are the {n} with the highest scores."
    )
    rankings.append(Ranking("wrong", "Pairs of different groups", note, wrong))
    doubtful = np.argsort(views.scores, kind="stable")
    note = f"The {{n}} accepted pairs with the lowest scores, of {total}."
    rankings.append(Ranking("doubtful", "Most doubtful pairs", note, doubtful))
    return _chapters([*rankings, _sample(len(surest), "pairs")], views.card)


def _with_strangers(n_strangers: Int64, then_by: Float32) -> Int64:
    """Those that hold listings of another group, the most first."""
    order = np.lexsort((then_by, -n_strangers))
    return order[: np.count_nonzero(n_strangers)]


def _sample(n: int, noun: str) -> Ranking:
    note = f"{{n}} drawn at random from the other {noun}; the same ones on every run."
    return Ranking("sample", "A sample", note, np.random.default_rng(SEED).permutation(n))


def _chapters(rankings: Sequence[Ranking], make_card: Callable[[int], Card]) -> list[Chapter]:
    """Fill the chapters in turn; what an earlier one shows is only linked to."""
    shown: dict[int, Card] = {}
    chapters = []
    for ranking in rankings:
        n_shown = SHOWN[ranking.anchor]
        ranked = ranking.ranked[: n_shown + len(shown)].tolist()
        if ranking.anchor == "sample":
            ranked = sorted([i for i in ranked if i not in shown][:n_shown])
        ranked = ranked[:n_shown]
        above = tuple(shown[i] for i in ranked if i in shown)
        new = {i: make_card(i) for i in ranked if i not in shown}
        shown |= new
        if ranked:
            note = ranking.note.format(n=len(ranked))
            cards = tuple(new.values())
            chapters.append(Chapter(ranking.anchor, ranking.title, note, cards, above))
    return chapters
