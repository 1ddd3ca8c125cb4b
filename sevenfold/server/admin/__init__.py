"""The admin API: everything that people and programs ask of the service and tell it, described by
`/api/openapi.json`.
"""

from __future__ import annotations

from .assembling import router

__all__ = ["router"]
