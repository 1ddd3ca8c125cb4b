"""Sends what the fold decides: claims, hands over, and tells what became of it."""

from .carriers import Alert
from .observing import Observer
from .pacing import Allowance, RealTime
from .sender import Sender
from .standing import Standing
from .versions import FolderVersions

__all__ = ["Alert", "Allowance", "FolderVersions", "Observer", "RealTime", "Sender", "Standing"]
