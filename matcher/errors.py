"""Every error this package raises on purpose.

MatcherError
├── DataError      a table, an array or an image is malformed     (also a ValueError)
├── ConfigError    a config file or a parameter is wrong          (also a ValueError)
├── BackendError   weights or an optional dependency are missing  (also an ImportError)
└── StoreError     something could not be written or read back    (also an OSError)
    └── StoreFullError   there is no room left on the disk
"""


class MatcherError(Exception):
    """Base class: catch this to catch everything below."""


class DataError(MatcherError, ValueError):
    """The data passed in breaks a documented rule."""


class ConfigError(MatcherError, ValueError):
    """A setting is unknown or out of range."""


class BackendError(MatcherError, ImportError):
    """A feature needs weights or an extra that this machine does not have."""


class StoreError(MatcherError, OSError):
    """A result could not be written, or an artefact could not be read back."""


class StoreFullError(StoreError):
    """There is no room left where a result is kept; what was kept before is whole."""
