"""Events in over HTTP: Segment's API and those of clients like it, durable before they are acknowledged."""

from __future__ import annotations

from .app import Ingest, ingest_app
from .paths import is_ingest_path
from .protocol import BoundedProtocol

__all__ = ["BoundedProtocol", "Ingest", "ingest_app", "is_ingest_path"]
