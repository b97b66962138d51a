"""Thresholds where nobody has labelled anything."""

from __future__ import annotations

import numpy as np

from matcher.calibration import impostor_bounds
from matcher.config import RunConfig
from matcher.errors import ConfigError, DataError
from matcher.fusion import ACCEPTED
from matcher.jobs.thresholds import with_cut
from matcher.types import ScoredPairs


def guess_thresholds(config: RunConfig, pairs: ScoredPairs) -> RunConfig:
    """Set each modality's threshold to a score that few impostors reach.

    A modality about which its scores say too little keeps the threshold of the config; so does
    one that proposes no candidates, for its scores are those of pairs that others chose.

    Args:
        config: Everything that is not a threshold.
        pairs: Candidates within one table.

    Raises:
        DataError: If the scores say too little of every modality.
        ConfigError: If the fusion has no thresholds by modality.
    """
    fusion, bounds = config.fusion, impostor_bounds(pairs)
    fields = type(fusion).model_fields
    own: dict[str, float] = getattr(fusion, "thresholds", None) or getattr(fusion, "weights", {})
    known = {
        name: round(bounds[name], 4) for name in own if name in bounds and config.search_of(name)[0]
    }
    if not {"thresholds", "threshold"} & set(fields):
        raise ConfigError(
            f"{type(fusion).__name__} is learnt from labels; there is nothing in it that scores "
            "alone could set. Use fusion boundary, union or weighted."
        )
    if not known:
        raise DataError(
            "Thresholds from scores alone need listings with more than ten neighbours each. "
            f"Received: {pairs.n_left} listings with {len(pairs)} candidate pairs. "
            "Keep the default thresholds, or label some pairs."
        )
    if "thresholds" in fields:
        update: dict[str, object] = {"thresholds": {**own, **known}}
    else:
        update = {"threshold": float(np.mean(list(known.values())))}
    config = config.model_copy(update={"fusion": fusion.model_copy(update=update)})
    return with_cut(config, ACCEPTED) if config.matches == "clusters" else config
