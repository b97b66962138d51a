"""What errors of the package mean to a client."""

from __future__ import annotations

from matcher.errors import ConfigError, DataError, MatcherError, StoreFullError
from matcher.io.atomic import DISK_FULL
from matcher.serve.problems import Refused, busy

RETRY_SECONDS = 2


def as_refusal(error: MatcherError | OSError) -> Refused | None:
    """What to answer; None where the error is a bug of the service.

    What a store says of itself is not repeated: it names places of this machine.
    """
    if is_full(error):
        return Refused(507, "There is no room left for it. Nothing was changed.", counted_as="full")
    if isinstance(error, DataError | ConfigError):
        return Refused(409, " ".join(str(error).split()))
    if isinstance(error, OSError):  # a StoreError too
        detail = "The catalogue cannot be used just now, as when another program writes to it."
        return busy(f"{detail} Come again later.", RETRY_SECONDS, "store")
    return None


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, was a full disk."""
    while error is not None:
        if isinstance(error, StoreFullError):
            return True
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return True
        error = error.__cause__
    return False
