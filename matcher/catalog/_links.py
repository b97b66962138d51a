"""What a person has decided, as listings that are the same and listings that differ."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from matcher.errors import DataError
from matcher.store import Decision
from matcher.store.records import undone


def in_force(decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """Decisions that are not undone, without the undos."""
    gone = undone(decisions)
    return tuple(one for one in decisions if one.undoes is None and one.number not in gone)


class Links:
    """Decisions in force. Listings that are gone still link others: who decided knew them.

    Args:
        decisions: In force, oldest first. One without a number is about to be made.

    Raises:
        DataError: If they contradict each other; it names the decision to take back.

    Example:
        >>> from datetime import UTC, datetime
        >>> made = Decision("ann", datetime.now(UTC), "accept", same=(("a", "b"), ("b", "c")))
        >>> links = Links([made])
        >>> links.group("c") == links.group("a"), links.group("x"), sorted(links.together("a"))
        (True, -1, ['a', 'b', 'c'])
    """

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        self._decisions = tuple(decisions)
        self._next: dict[str, list[tuple[str, Decision]]] = defaultdict(list)
        for decision in self._decisions:
            for left, right in decision.same:
                self._next[left].append((right, decision))
                self._next[right].append((left, decision))
        self._group: dict[str, int] = {}
        self._members: list[list[str]] = []
        self._apart: dict[int, set[int]] = defaultdict(set)
        for decision in self._decisions:
            for left, right in decision.same:
                self._gather(left)
                self._gather(right)
        for decision in self._decisions:
            self._keep_apart(decision)

    def __len__(self) -> int:
        return len(self._members)

    def group(self, id: str) -> int:
        """Number of the listings that are the same as this one; -1 if nothing was decided."""
        return self._group.get(id, -1)

    def members(self, group: int) -> Sequence[str]:
        """Ids of a group."""
        return self._members[group]

    def together(self, id: str) -> Sequence[str]:
        """Ids of the listings that are the same as this one, itself included."""
        return self._members[self._group[id]] if id in self._group else [id]

    def apart(self, group: int) -> Iterable[int]:
        """Groups whose listings differ from those of this one."""
        return self._apart.get(group, ())

    def are_same(self, left: str, right: str) -> bool:
        """Whether two listings were decided to be the same, directly or through others."""
        return left == right or (left in self._group and self.group(left) == self.group(right))

    def are_different(self, left: str, right: str) -> bool:
        """Whether two listings were decided to differ, directly or through others."""
        return self.group(right) in self._apart.get(self.group(left), ())

    def _keep_apart(self, decision: Decision) -> None:
        for left, right in decision.different:
            self._gather(left)
            self._gather(right)
            a, b = self._group[left], self._group[right]
            if a == b:
                raise self._contradiction(left, right, decision)
            self._apart[a].add(b)
            self._apart[b].add(a)

    def _gather(self, id: str) -> None:
        """Number the group of a listing, once."""
        if id in self._group:
            return
        number, members = len(self._members), [id]
        self._group[id] = number
        for member in members:
            for other, _ in self._next.get(member, ()):
                if other not in self._group:
                    self._group[other] = number
                    members.append(other)
        self._members.append(members)

    def _path(self, left: str, right: str) -> list[Decision]:
        """The decisions that make two listings the same, on a shortest way."""
        came: dict[str, tuple[str, Decision] | None] = {left: None}
        todo = deque([left])
        while right not in came:
            here = todo.popleft()
            for other, decision in self._next[here]:
                if other not in came:
                    came[other] = here, decision
                    todo.append(other)
        path, step = [], came[right]
        while step is not None:
            path.append(step[1])
            step = came[step[0]]
        return path

    def _contradiction(self, left: str, right: str, decision: Decision) -> DataError:
        involved = {one.number: one for one in (decision, *self._path(left, right))}
        old = [number for number in involved if number]
        told = f"{left!r} and {right!r} cannot be both the same and different."
        if not old:
            return DataError(f"{told} Both were said at once: leave one of them out.")
        against = involved[max(old)]
        return DataError(
            f"{told} Decision {against.number} ({against.kind} by {against.who}) stands against "
            f"it: undo {against.number} first, or leave this."
        )
