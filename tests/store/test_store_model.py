"""Any sequence of writes against plain dictionaries, on both stores."""

import copy
from datetime import UTC, datetime

import numpy as np
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from matcher.store import Decision, Edges, ListingColumns, create_store, open_store

AT = datetime(2025, 3, 1, tzinfo=UTC)
NUMBER = st.integers(0, 2**20)
TITLES = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
EMPTY = {
    "revision": 0,
    "given": [0, 0, 0],  # last row, cluster and decision
    "listings": {},  # row: (id, title, revision)
    "vectors": {},  # row: list
    "edges": {},  # (left, right): score
    "members": {},  # row: cluster
    "clusters": {},  # id: [made, ended]
    "events": [],
    "decisions": {},  # number: (kind, undoes)
    "removed": set(),
}


def seen(snapshot):
    """What a snapshot shows, in the form of the model."""
    listings, vectors = snapshot.listings(), snapshot.vectors("picture")
    edges, members, spans = snapshot.edges(), snapshot.membership(), snapshot.clusters()
    events, removed = snapshot.events(), snapshot.removed()
    revisions = listings.revisions.tolist()
    rows = listings.rows.tolist()
    kept = zip(listings.ids, listings.titles, revisions, strict=True)
    ends = zip(edges.left.tolist(), edges.right.tolist(), strict=True)
    lives = zip(spans.made.tolist(), spans.ended.tolist(), strict=True)
    return {
        "revision": snapshot.revision,
        "listings": dict(zip(rows, kept, strict=True)),
        "vectors": dict(zip(vectors.rows.tolist(), vectors.values.tolist(), strict=True)),
        "edges": dict(zip(ends, edges.scores.tolist(), strict=True)),
        "members": dict(zip(members.rows.tolist(), members.clusters.tolist(), strict=True)),
        "clusters": dict(zip(spans.ids.tolist(), map(list, lives), strict=True)),
        "events": list(
            zip(events.revisions.tolist(), events.kinds, events.clusters.tolist(), strict=True)
        ),
        "decisions": {one.number: (one.kind, one.undoes) for one in snapshot.decisions()},
        "removed": set(zip(removed.ids, removed.revisions.tolist(), strict=True)),
    }


class Machine(RuleBasedStateMachine):
    """One store, the model of what it keeps, and of what an open write has done."""

    def __init__(self, place, about):
        super().__init__()
        self.place = place
        self.store = create_store(place, about)
        self.kept, self.model = copy.deepcopy(EMPTY), None

    def teardown(self):
        if self.model is not None:
            self.abort()
        self.store.close()

    def pick(self, some, number):
        return sorted(some)[number % len(some)]

    @precondition(lambda self: self.model is None)
    @rule()
    def begin(self):
        self.block = self.store.write(at=AT)
        self.write = self.block.__enter__()
        self.model = copy.deepcopy(self.kept)
        self.model["revision"] += 1

    @precondition(lambda self: self.model is not None)
    @rule()
    def commit(self):
        self.block.__exit__(None, None, None)
        self.kept, self.model = self.model, None

    @precondition(lambda self: self.model is not None)
    @rule()
    def abort(self):
        mishap = ZeroDivisionError()
        assert not self.block.__exit__(ZeroDivisionError, mishap, mishap.__traceback__)
        self.model = None

    @precondition(lambda self: self.model is None)
    @rule()
    def reopen(self):
        self.store.close()
        self.store = open_store(self.place)

    @precondition(lambda self: self.model is not None)
    @rule(numbers=st.sets(st.integers(0, 9), max_size=4), title=TITLES)
    def add_listings(self, numbers, title):
        there = {id for id, _, _ in self.model["listings"].values()}
        ids = [f"id {n}" for n in sorted(numbers) if f"id {n}" not in there]
        given = ListingColumns(ids=ids, titles=[title] * len(ids), digests=ids)
        rows = self.write.add_listings(given).tolist()
        assert rows == [self.model["given"][0] + 1 + n for n in range(len(ids))]
        self.model["given"][0] += len(ids)
        listings = [(id, title, self.model["revision"]) for id in ids]
        self.model["listings"] |= dict(zip(rows, listings, strict=True))

    @precondition(lambda self: self.model and self.model["listings"].keys() - self.model["vectors"])
    @rule(number=NUMBER)
    def add_vector(self, number):
        row = self.pick(self.model["listings"].keys() - self.model["vectors"].keys(), number)
        vector = np.float32([[number, 0.5, row]])
        self.write.add_vectors("picture", "print-p", np.array([row]), vector)
        self.model["vectors"][row] = vector[0].tolist()

    @precondition(lambda self: self.model and len(self.model["listings"]) > 1)
    @rule(ends=st.tuples(NUMBER, NUMBER), score=st.floats(0, 1, width=32))
    def add_edge(self, ends, score):
        left, right = sorted(self.pick(self.model["listings"], end) for end in ends)
        if left < right and (left, right) not in self.model["edges"]:
            edge = Edges(np.array([left]), np.array([right]), np.float32([score]))
            self.write.add_edges(edge)
            self.model["edges"][left, right] = score

    @precondition(lambda self: self.model and self.model["listings"])
    @rule(numbers=st.lists(NUMBER, max_size=3))
    def remove(self, numbers):
        rows = {self.pick(self.model["listings"], number) for number in numbers}
        self.write.remove_listings(np.array(sorted(rows), np.int64))
        for row in rows:
            id = self.model["listings"].pop(row)[0]
            self.model["removed"].add((id, self.model["revision"]))
            self.model["vectors"].pop(row, None)
            self.model["members"].pop(row, None)
        edges = self.model["edges"]
        self.model["edges"] = {ends: edges[ends] for ends in edges if not rows & set(ends)}

    @precondition(lambda self: self.model is not None)
    @rule(n=st.integers(0, 3))
    def add_clusters(self, n):
        first = self.model["given"][1] + 1
        ids = self.write.add_clusters(n)
        assert ids.tolist() == list(range(first, first + n))
        self.model["given"][1] += n
        self.model["clusters"] |= {id: [self.model["revision"], 0] for id in ids.tolist()}
        self.write.add_events(["created"] * n, ids, [[]] * n)
        self.model["events"] += [(self.model["revision"], "created", id) for id in ids.tolist()]

    def living(self):
        return [id for id, (_, ended) in self.model["clusters"].items() if not ended]

    @precondition(lambda self: self.model and self.model["listings"] and self.living())
    @rule(row=NUMBER, cluster=NUMBER)
    def assign(self, row, cluster):
        row, cluster = self.pick(self.model["listings"], row), self.pick(self.living(), cluster)
        self.write.assign(np.array([row]), np.array([cluster]))
        self.model["members"][row] = cluster

    @precondition(lambda self: self.model and self.living())
    @rule(number=NUMBER)
    def end_cluster(self, number):
        cluster = self.pick(self.living(), number)
        if cluster not in self.model["members"].values():
            self.write.end_clusters(np.array([cluster]))
            self.model["clusters"][cluster][1] = self.model["revision"]

    @precondition(lambda self: self.model is not None)
    @rule(back=st.integers(0, 3))
    def decide(self, back):
        last = self.model["given"][2]
        undone = {undoes for _, undoes in self.model["decisions"].values()}
        target = last + 1 - back if back and last >= back else None
        undoes = None if target in undone else target
        kind = "accept" if undoes is None else "undo"
        number = self.write.add_decision(Decision("ann", AT, kind, undoes=undoes))
        assert number == last + 1
        self.model["given"][2] = number
        self.model["decisions"][number] = (kind, undoes)

    @invariant()
    def a_write_sees_what_it_did(self):
        if self.model is not None:
            assert seen(self.write) == {k: v for k, v in self.model.items() if k != "given"}

    @invariant()
    def a_reader_sees_what_is_kept(self):
        with self.store.read() as read:
            assert seen(read) == {k: v for k, v in self.kept.items() if k != "given"}
            cut = self.kept["revision"] // 2
            late = [row for row, (_, _, made) in self.kept["listings"].items() if made > cut]
            assert read.rows(since=cut).tolist() == late


def test_any_sequence_of_writes(new_place, about, request):
    few = "postgres" in request.node.name
    # To find the shortest sequence that fails, a server would take minutes.
    phases = [Phase.generate] if few else list(Phase)
    chosen = settings(
        max_examples=4 if few else 25, stateful_step_count=30, deadline=None, phases=phases
    )
    run_state_machine_as_test(lambda: Machine(new_place(), about), settings=chosen)
