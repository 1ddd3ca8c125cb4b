"""The history: what happened, derived from the log and the effects, for whoever asks about the past."""

from .models import (
    STATUSES,
    Control,
    Count,
    Lease,
    Message,
    Numbered,
    Outcome,
    Page,
    RawEvent,
    Run,
    Task,
    Told,
)
from .moves import Moves, Trouble
from .reader import History
from .rebuilding import rebuild, remove
from .schema import HistoryError, HistoryGapError, HistoryUnwritableError
from .shelf import ShelfWriter
from .writer import HistoryWriter

__all__ = [
    "STATUSES",
    "Control",
    "Count",
    "History",
    "HistoryError",
    "HistoryGapError",
    "HistoryUnwritableError",
    "HistoryWriter",
    "Lease",
    "Message",
    "Moves",
    "Numbered",
    "Outcome",
    "Page",
    "RawEvent",
    "Run",
    "ShelfWriter",
    "Task",
    "Told",
    "Trouble",
    "rebuild",
    "remove",
]
