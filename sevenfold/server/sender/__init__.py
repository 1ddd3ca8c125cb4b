"""Sends what the fold decides: claims, hands over, and tells what became of it."""

from .carriers import Alert
from .pacing import Allowance
from .sender import Sender
from .versions import FolderVersions

__all__ = ["Alert", "Allowance", "FolderVersions", "Sender"]
