"""What the processes of the service write to stderr: one line each, without secrets or personal data."""

from __future__ import annotations

import logging
import sys
from typing import Final

_SILENT: Final = ("httpx", "httpcore", "hpack", "aiosmtplib", "mail.log")
"""Libraries that log addresses they call, which may hold secrets, or what they say there."""


def to_stderr(level: int = logging.INFO) -> None:
    """Sets logging up for a process of the service."""
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.WARNING)
    # The service says itself where it listens and when it ends.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
