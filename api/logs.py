"""Logs: one JSON object a line on standard error, each with the id of the request it belongs to.

A line never holds an amount, a name or a body: who, what door, what came of it, how long it took.
The loggers of the server and the driver are joined to ours, so that there is one stream.
"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import FilteringBoundLogger


def configure_logs(level: str = "info") -> None:
    """Set up logging for this process. `level`: debug, info, warning or error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # The door writes its own line a request.
    logging.getLogger("uvicorn.access").disabled = True


def _to_standard_error(*_: object) -> structlog.PrintLogger:
    """Standard error as it is now, not as it was when logging was set up."""
    return structlog.PrintLogger(sys.stderr)


def logger(name: str) -> FilteringBoundLogger:
    """The logger of a module."""
    bound: FilteringBoundLogger = structlog.get_logger(module=name)
    return bound
