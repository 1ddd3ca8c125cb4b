"""What every part of the running service stands on: append, tell, ask, watch.

`Live` is implemented twice: by the hub's clients (`hub`, `client`), for the service of several processes, and
by `inprocess.InProcess`, for tests and notebooks. Whoever handles requests knows only this page.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from msgspec import Struct

from ..effects import Effect
from ..errors import SevenfoldError
from ..events.steps import Dropped
from ..log.base import New, Receipt
from ..workspace.models import Workspace


class BusyError(SevenfoldError):
    """More is waiting to be stored than there is room for; try again after `retry_after_s`."""

    code = "busy"

    def __init__(self, retry_after_s: int = 1) -> None:
        super().__init__("too much is waiting to be stored", fix=f"try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class UnavailableError(SevenfoldError):
    """A part of the service is starting, stopping, or starting again."""

    code = "unavailable"


def error_of(kind: type[SevenfoldError], shape: dict[str, Any]) -> SevenfoldError:
    """An error that another process met, as an error of this one."""
    error = kind(str(shape.get("message")), where=str(shape.get("where", "")), fix=str(shape.get("fix", "")))
    error.code = str(shape.get("code", kind.code))
    return error


class Told(Struct):
    """What became of a control record: its log position, its engine time, and the effects it had."""

    position: int
    time: int
    effects: list[Effect]


class Watched(Struct):
    """Effects in order. `first` is the number of the first one: the fold counts its effects from 0 for ever,
    so that a reader knows which it has had.
    """

    first: int
    effects: list[Effect]


class Live(Protocol):
    """The log and the fold, for whoever serves them."""

    @property
    def workspace(self) -> Workspace:
        """The definition in force, as the fold last said."""
        ...

    async def append(self, new: Sequence[New]) -> list[Receipt]:
        """Durable when it returns. Raises BusyError, LogUnwritableError."""
        ...

    async def control(self, record: dict[str, Any]) -> Told:
        """Appends a control record and waits until it is folded. Raises ControlError when the fold refuses it
        (it then changed nothing), and what `append` raises.
        """
        ...

    async def ask(self, question: str, /, **arguments: Any) -> Any:
        """A question of `questions`, answered by the fold between two records. The fold has folded everything
        that was durable when it was asked. Raises QuestionError.
        """
        ...

    async def drop(self, dropped: Sequence[Dropped]) -> None:
        """Keeps events that were not taken as dead letters."""
        ...

    def watch(
        self, kinds: frozenset[str] | None = None, *, after: int | None = None
    ) -> AsyncIterator[Watched]:
        """Effects as they happen, from now on, or from the number `after` on where those are still
        remembered. A watcher that does not keep up is ended (the iterator stops).
        """
        ...

    async def status(self) -> dict[str, Any]:
        """Positions, times, lags, counts and sizes, as JSON."""
        ...
