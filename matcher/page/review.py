"""The queue of clusters that hang by a weak edge, and what a person decides about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from matcher.catalog import Candidate, Catalog, ClusterView, Ended, ReviewItem
from matcher.page.charts import Meter, meter
from matcher.page.clusters import Member, list_members
from matcher.page.errors import PageError
from matcher.page.forms import Form, whole_number
from matcher.page.search import tidy_title
from matcher.page.service import Query, Visitor
from matcher.page.signing import keep_name
from matcher.page.telling import tell_one
from matcher.page.visits import Visit

# Each comes with its reason, which takes some 10 ms to find.
QUEUE = 20
# Of one side; the others stay where they are in a split by hand.
MAX_SHOWN = 60
N_FOUND = 20
MAX_NOTE = 2_000  # characters


@dataclass(frozen=True, slots=True)
class Case:
    """A cluster to decide about.

    Attributes:
        view: The cluster.
        seen: Digest of its ids, so that nothing is decided about listings that were not shown.
        left: Listings on one side of the bridge, those shown; all of the cluster if it has none.
        right: Those on the other side.
        n_left: How many there are, shown or not.
        n_right: The same of the other side.
        bridge: Numbers of the two listings that the bridge joins; None without one.
        score: Of the bridge.
        reason: What speaks for it.
        beyond: Numbers of all listings on the other side, with commas between.
    """

    view: ClusterView
    seen: str
    left: tuple[Member, ...]
    right: tuple[Member, ...]
    n_left: int
    n_right: int
    bridge: tuple[int, int] | None
    score: Meter | None
    reason: str
    beyond: str


class Queue:
    """What is to be reviewed, asked for anew when a catalogue has changed."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[tuple[int, int], list[ReviewItem]]] = {}

    def read(self, visitor: Visitor) -> list[ReviewItem]:
        """The weakest clusters of the visitor's catalogue, weakest first."""
        catalog = visitor.catalog
        catalog.refresh()
        state = (catalog.revision, len(catalog.decisions()))
        kept = self._kept.get(visitor.place)
        if kept is None or kept[0] != state:
            kept = self._kept[visitor.place] = (state, catalog.review(QUEUE))
        return kept[1]


class ReviewPages:
    """Review."""

    def __init__(self) -> None:
        self._queue = Queue()

    async def show(self, visit: Visit) -> Response:
        """A cluster of the queue, the one that was asked for if there is one."""
        find = tidy_title(visit.asked("find"))
        found: list[Candidate] = []
        if find:
            query = Query(find, None, None, N_FOUND)
            found = await visit.site.service.ask(visit.known, query)
        return await run_in_threadpool(self._render, visit, find, found)

    async def decide(self, visit: Visit, form: Form) -> Response:
        """Record a decision and go on to the next cluster."""
        who, catalog = keep_name(visit, form), visit.catalog
        done = await visit.site.service.write(visit.known, lambda: decide(catalog, form, who))
        following = whole_number(form.text("next"))
        shown = "" if following is None else f"cluster={following}&"
        return visit.go(f"/review?{shown}done={done}")

    def _render(self, visit: Visit, find: str, found: Sequence[Candidate]) -> Response:
        catalog = visit.catalog
        queue = self._queue.read(visit.known)
        clusters = [item.cluster for item in queue]
        wanted = whole_number(visit.asked("cluster"))
        case = _find_case(catalog, queue, wanted)
        at = clusters.index(case.view.id) if case is not None and case.view.id in clusters else None
        return visit.render(
            "review_item.html.j2" if visit.in_part else "review.html.j2",
            case=case,
            at=at,
            n_queue=len(queue),
            many=len(queue) == QUEUE,
            previous=clusters[at - 1] if at else None,
            following=_after(clusters, at),
            told=tell_one(catalog, whole_number(visit.asked("done"))),
            find=find,
            found=_by_cluster(found, case),
        )


def _after(clusters: Sequence[int], at: int | None) -> int | None:
    """The cluster after the one at a place; the first one after a cluster of no place."""
    place = 0 if at is None else at + 1
    return clusters[place] if place < len(clusters) else None


def _find_case(catalog: Catalog, queue: Sequence[ReviewItem], wanted: int | None) -> Case | None:
    """The cluster that is wanted, in the queue or not; else the first that still lives."""
    items = {item.cluster: item for item in queue}
    order = [*([] if wanted is None else [wanted]), *items]
    for cluster in order:
        view = catalog.cluster(cluster)
        if isinstance(view, ClusterView) and len(view.ids) > 1:
            return make_case(view, items.get(cluster))
    return None


def make_case(view: ClusterView, item: ReviewItem | None) -> Case:
    """Lay out a cluster, by the two sides of its bridge where it is known."""
    members = list_members(view, len(view.ids))
    by_id = {member.id: member for member in members}
    sides = ((), ()) if item is None else (item.left, item.right)
    left, right = ([by_id[id] for id in side if id in by_id] for side in sides)
    if item is None or not left or not right or len(left) + len(right) < len(members):
        shown = members[:MAX_SHOWN]
        return Case(view, digest_ids(view.ids), shown, (), len(members), 0, None, None, "", "")
    ends = _bridge(view, {m.id: m.number for m in left}, {m.id: m.number for m in right})
    return Case(
        view=view,
        seen=digest_ids(view.ids),
        left=_shown(left, ends[0]),
        right=_shown(right, ends[1]),
        n_left=len(left),
        n_right=len(right),
        bridge=ends,
        score=meter("bridge", float(item.score), 0.5),
        reason=item.reason,
        beyond=",".join(str(member.number) for member in right),
    )


def _bridge(view: ClusterView, left: dict[str, int], right: dict[str, int]) -> tuple[int, int]:
    """Numbers of the best edge between two sides; edges come best first."""
    for a, b, _ in view.edges:
        if a in left and b in right:
            return left[a], right[b]
        if b in left and a in right:
            return left[b], right[a]
    return next(iter(left.values())), next(iter(right.values()))


def _shown(side: Sequence[Member], first: int) -> tuple[Member, ...]:
    """Listings of a side that are shown, that of the bridge first."""
    return tuple(sorted(side, key=lambda member: member.number != first))[:MAX_SHOWN]


def digest_ids(ids: Sequence[str]) -> str:
    """What a cluster of these listings is known by."""
    return sha256("\0".join(ids).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _by_cluster(found: Sequence[Candidate], case: Case | None) -> list[Candidate]:
    """The best candidate of each cluster, that of the case left out."""
    best: dict[int, Candidate] = {}
    for candidate in found:
        if case is None or candidate.cluster != case.view.id:
            best.setdefault(candidate.cluster, candidate)
    return list(best.values())


def decide(catalog: Catalog, form: Form, who: str) -> int:
    """Record what a form decides; in the thread that writes, so that what is checked holds.

    Raises:
        PageError: If the cluster is not as it was shown, or the form makes no sense.
        DataError: If it contradicts an earlier decision.
    """
    view = living(catalog, form.number("cluster"))
    if digest_ids(view.ids) != form.text("seen"):
        raise PageError(
            409, "This cluster has changed since it was shown. Load the page again and look anew."
        )
    kind, note = form.text("kind"), tidy_title(form.text("note"))[:MAX_NOTE]
    if kind == "accept":
        return catalog.accept(view.id, who, note)
    if kind == "reject":
        return catalog.reject(*_two(view, form), who, note)
    if kind == "split":
        return catalog.split(view.id, split_off(view, form), who, note)
    if kind == "merge":
        other = living(catalog, form.number("with"))
        if other.id == view.id:
            raise PageError(422, "A cluster is merged with another one, not with itself.")
        return catalog.merge([view.id, other.id], who, note)
    raise PageError(422, "Choose what to do with the cluster.")


def living(catalog: Catalog, cluster: int) -> ClusterView:
    """A cluster that is there.

    Raises:
        PageError: If it is not.
    """
    found = catalog.cluster(cluster)
    if found is None:
        raise PageError(404, f"There is no cluster {cluster}.")
    if isinstance(found, Ended):
        now = ", ".join(map(str, found.now))
        rest = f"Its listings are in cluster {now} now." if now else "Its listings were removed."
        raise PageError(409, f"Cluster {cluster} has ended. {rest}")
    return found


def _two(view: ClusterView, form: Form) -> tuple[str, str]:
    numbers = (form.number("bridge_left"), form.number("bridge_right"))
    if numbers[0] == numbers[1] or not all(1 <= n <= len(view.ids) for n in numbers):
        raise PageError(422, "Two listings of the cluster are needed.")
    return view.ids[numbers[0] - 1], view.ids[numbers[1] - 1]


def split_off(view: ClusterView, form: Form) -> list[str]:
    """Ids to split off: those deselected; without any, those beyond the bridge.

    Raises:
        PageError: If nothing would be left on one side.
    """
    out = form.numbers("shown") - form.numbers("keep")
    out = out or form.numbers("beyond")
    ids = [id for number, id in enumerate(view.ids, start=1) if number in out]
    if not ids:
        raise PageError(422, "Deselect the listings that are another product, then split.")
    if len(ids) == len(view.ids):
        raise PageError(422, "Leave at least one listing selected: a split needs two sides.")
    return ids
