"""A catalogue made anew from its own listings: encoders learn again, all else lives on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from matcher.catalog._content import to_listings
from matcher.catalog._encoders import Fitted, canonical, fit
from matcher.catalog._finding import find_edges
from matcher.catalog._gallery import Gallery, make_block, read_encoded
from matcher.catalog._links import Links, in_force
from matcher.catalog._regrowing import Touched, regrow
from matcher.catalog._segments import Block
from matcher.catalog._settings import CatalogSettings, additive, check_clusterer
from matcher.catalog._state import State
from matcher.catalog.records import Changed
from matcher.errors import BackendError
from matcher.jobs.steps import resolve_config
from matcher.store import KeptEncoder, KeptListings, Transaction
from matcher.types import Encoded, Hashes, Listings


def rebuild(
    write: Transaction, before: State, config: Any = None
) -> tuple[State, Gallery, Changed]:
    """Make everything anew but listings, ids of clusters and decisions."""
    settings = before.settings
    if config is not None:
        settings = additive(resolve_config(config), settings.id_name)
    check_clusterer(settings.config.clustering)
    kept = write.listings()
    listings = to_listings(kept)
    fitted = _fit(write, before, settings, kept, listings)
    settings = settings.without(dict(fitted.left_out))
    write.replace_encoders(settings.text(), fitted.kept)
    state = State.of(write.about, fitted.encoders)
    for one in fitted.kept:
        encoded = fitted.encoded[one.name]
        has = np.flatnonzero(encoded.present)
        values = encoded.codes if isinstance(encoded, Hashes) else encoded.vectors
        write.add_vectors(one.name, one.fingerprint, kept.rows[has], values[has])
    block: Block = make_block(kept, fitted.encoded, state.settings)
    gallery = Gallery(write.revision).with_block(block, write.revision)
    if len(block):
        write.add_edges(find_edges(gallery, gallery.segments[-1]).edges)
    links = Links(in_force(write.decisions()))
    regrow(write, gallery, state.settings, links, Touched(kept.rows))
    held = write.membership()
    clusters = dict(zip(kept.ids, held.clusters.tolist(), strict=True))
    problems = {
        kept.ids[row]: reason
        for encoded in fitted.encoded.values()
        for row, reason in encoded.problems.items()
    }
    changed = Changed(
        write.revision, unchanged=tuple(kept.ids), clusters=clusters, problems=problems
    )
    return state, gallery, changed


def _fit(
    write: Transaction,
    before: State,
    settings: CatalogSettings,
    kept: KeptListings,
    listings: Listings,
) -> Fitted:
    """Fit encoders; those that are as they were keep their vectors."""
    same = {one.name: one for one in before.encoders.kept if _is_same(before, settings, one)}
    others = [name for name in settings.config.encoders if name not in same]
    config = settings.config.model_copy(
        update={"encoders": {name: settings.config.encoders[name] for name in others}}
    )
    fitted = Fitted((), {}, {}, {})
    try:
        if others:
            fitted = fit(config, listings)
    except BackendError:
        if not same:
            raise
    encoded: dict[str, Encoded] = dict(fitted.encoded)
    encoders = dict(fitted.encoders)
    for name, one in same.items():
        found = read_encoded(write, one, before.encoders, kept.rows)
        encoded[name], encoders[name] = canonical(found), before.encoders.get(one)
    records = {one.name: one for one in (*fitted.kept, *same.values())}
    order = [name for name in settings.config.encoders if name in records]
    told = {name: why for name, why in fitted.left_out.items() if name not in records}
    return replace(
        fitted,
        kept=tuple(records[name] for name in order),
        encoders=encoders,
        encoded={name: encoded[name] for name in order},
        left_out=told,
    )


def _is_same(before: State, settings: CatalogSettings, kept: KeptEncoder) -> bool:
    """Whether an encoder learns nothing, and has neither other settings nor another fingerprint."""
    old, new = before.settings.config.encoders, settings.config.encoders
    if kept.name not in new or new[kept.name].encoder != old[kept.name].encoder:
        return False
    if new[kept.name].settings != old[kept.name].settings:
        return False
    spec = new[kept.name].make()
    if hasattr(spec, "restore"):
        return False
    try:
        before.encoders.get(kept)
    except OSError:  # another fingerprint: that is what a rebuild is for
        return False
    return True
