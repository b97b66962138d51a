"""What a catalogue has in memory, and how it keeps up with its store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Lock, RLock, Thread

from matcher.catalog._encoders import Encoders
from matcher.catalog._gallery import Gallery, read_block
from matcher.catalog._links import Links, in_force
from matcher.catalog._probability import Platt, fit_platt, known_pairs
from matcher.catalog._settings import CatalogSettings
from matcher.protocols import Encoder
from matcher.store import About, Snapshot

# Growth from which probabilities are fitted anew.
GROWTH = 1.1


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """One state of a catalogue; it never changes.

    Attributes:
        about: What the store holds.
        settings: Read from it.
        encoders: Likewise.
        model: Fingerprint of the two.
        gallery: Listings; None until they are first needed.
    """

    about: About
    settings: CatalogSettings
    encoders: Encoders
    model: str
    gallery: Gallery | None = None

    @classmethod
    def of(cls, about: About, made: Mapping[str, Encoder] | None = None) -> State:
        """Read what a store says of itself."""
        settings = CatalogSettings.read(about.config)
        encoders = Encoders(settings.config, about.encoders, made)
        return cls(about, settings, encoders, settings.model(about.encoders))

    def with_gallery(self, gallery: Gallery) -> State:
        """The same with other listings."""
        return replace(self, gallery=gallery)

    def at(self, snapshot: Snapshot, revision: int) -> tuple[State, Gallery]:
        """The state of a snapshot; only what is new is read."""
        if snapshot.about.first != self.about.first:
            return State.of(snapshot.about).at(snapshot, revision)
        gallery = self.gallery
        if gallery is None:
            block = read_block(snapshot, self.settings, self.encoders)
            gallery = Gallery(revision).with_block(block, revision)
        elif gallery.revision < revision:
            gallery = _advanced(self, gallery, snapshot, revision)
        return replace(self, gallery=gallery), gallery


def _advanced(state: State, gallery: Gallery, snapshot: Snapshot, revision: int) -> Gallery:
    gone = gallery.rows_of_ids(dict.fromkeys(snapshot.removed(gallery.revision).ids))
    rows = snapshot.rows(gallery.revision)
    gallery = gallery.without(gone, revision)
    if not len(rows):
        return gallery
    block = read_block(snapshot, state.settings, state.encoders, rows)
    return gallery.with_block(block, revision)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A curve of probabilities.

    Attributes:
        revision: Up to which it holds.
        fitted_on: Model, number of decisions, and of listings when it was fitted.
        platt: None where too little is known.
    """

    revision: int
    fitted_on: tuple[str, int, int]
    platt: Platt | None


class Keeper:
    """Holds the newest state; threads read it side by side.

    Args:
        state: The first one.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._advancing, self._swapping = RLock(), Lock()
        self._joining: Thread | None = None
        self._platt: Fitted | None = None

    def see(self, snapshot: Snapshot, wait: bool = False) -> tuple[State, Gallery]:
        """The state of a snapshot; an older one while another thread reads what is new.

        Args:
            snapshot: Of the store.
            wait: Whether to wait for that thread.
        """
        state = self.state
        gallery = state.gallery
        if gallery is not None:
            known = gallery.revision >= snapshot.revision
            if known or not self._advancing.acquire(blocking=wait):
                return state, gallery
        else:
            self._advancing.acquire()
        try:
            state, gallery = self.state.at(snapshot, snapshot.revision)
            self.publish(state)
            return state, gallery
        finally:
            self._advancing.release()

    def exactly(self, snapshot: Snapshot) -> tuple[State, Gallery]:
        """The very state of a snapshot, also where a newer one has been seen."""
        state, gallery = self.see(snapshot, wait=True)
        if gallery.revision == snapshot.revision:
            return state, gallery
        return State.of(snapshot.about).at(snapshot, snapshot.revision)

    def before(self, write: Snapshot) -> tuple[State, Gallery]:
        """The state that a write begins with."""
        with self._advancing:
            state, gallery = self.state.at(write, write.revision - 1)
        return state, gallery

    def publish(self, state: State) -> None:
        """Let others see a state, unless they see a newer one."""
        with self._swapping:
            if state.gallery is None or not _is_newer(state, self.state):
                return
            gallery = state.gallery.tidied()
            self.state = replace(state, gallery=gallery)
            if gallery.is_tidy() or (self._joining is not None and self._joining.is_alive()):
                return
            # It takes seconds, for which nobody waits.
            self._joining = Thread(target=self._join, args=(gallery,), daemon=True)
        self._joining.start()

    def _join(self, gallery: Gallery) -> None:
        """Join large segments of a gallery, and put them in its place."""
        tidy = gallery.tidied(large=True)
        for segment in tidy.segments:
            segment.block.warm()
        with self._swapping:
            now = self.state.gallery
            joined = None if now is None else now.with_joined(gallery, tidy)
            if joined is not None:
                self.state = replace(self.state, gallery=joined)

    def platt(self, snapshot: Snapshot) -> Platt | None:
        """Probabilities as known pairs have them; fitted anew where something was decided."""
        known = self._platt
        if known is not None and known.revision >= snapshot.revision:
            return known.platt
        decisions, n, model = snapshot.decisions(), snapshot.count(), self.state.model
        on = known.fitted_on if known is not None else (model, -1, 0)
        if known is not None and on[:2] == (model, len(decisions)) and n <= GROWTH * on[2] + 1:
            self._platt = replace(known, revision=snapshot.revision)
            return known.platt
        fitted = fit_platt(*known_pairs(snapshot, Links(in_force(decisions))))
        self._platt = Fitted(snapshot.revision, (model, len(decisions), n), fitted)
        return fitted


def _is_newer(state: State, than: State) -> bool:
    if state.about.first != than.about.first or than.gallery is None:
        return state.about.first >= than.about.first
    assert state.gallery is not None  # noqa: S101, publish has looked
    return state.gallery.revision >= than.gallery.revision
