"""Our log lines: structlog over the standard library, so that the host's own handlers print them."""

from __future__ import annotations

import logging
import sys

import structlog

LOGGER_NAME = "usage_plugin"


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give a logger that writes ``event key=value`` lines through ``logging``; never prompts, keys or headers."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.KeyValueRenderer(key_order=["event"], drop_missing=True),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return logger


def ensure_visible() -> None:
    """Send our lines to stderr where the host has not configured logging: an unseen warning is no warning."""
    logger = logging.getLogger(LOGGER_NAME)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        logger.addHandler(handler)
