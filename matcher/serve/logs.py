"""Logs as lines of JSON: what was asked and how it ended, never titles, pictures or keys."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog

_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
)


def begin_logging(stream: TextIO | None = None) -> None:
    """Send the logs of the service, of its libraries and of the package to one stream as JSON.

    Args:
        stream: Where to; stderr if None.
    """
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("event"),
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    # What a client may cause at will is not worth a line of its own.
    levels = {"matcher": logging.INFO, "uvicorn": logging.INFO, "python_multipart": logging.ERROR}
    for name, level in levels.items():
        log = logging.getLogger(name)
        log.handlers, log.propagate = [handler], False
        log.setLevel(level)


def service_log() -> structlog.stdlib.BoundLogger:
    """The log of the service; quiet below warnings until ``begin_logging``."""
    log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger("matcher.serve"),
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return log
