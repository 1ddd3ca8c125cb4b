"""Telling the people who act: it is owed like a message, so that a crash neither loses nor doubles it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..messages.ledger import Kind
from ..messages.outcomes import Owed

if TYPE_CHECKING:
    from ..engine.fold import Fold
    from .people import TaskKind
    from .runtime import Journeys
    from .task_table import Task

_PACK = msgspec.msgpack.Encoder().encode


def notify(
    fold: Fold,
    runtime: Journeys,
    model: TaskKind,
    task: Task,
    ident: str,
    to: list[str],
    data: dict[str, Any],
) -> None:
    """What happened to a task is owed to `to` (keys of the catalogue of people), on the kind's channel.

    `ident` is the id of the effect that says so, and what outcomes name.
    """
    desk: Any = runtime.services.get("messages")
    if desk is None or model.channel is None or not to:
        return
    # No template of the kind: it is no message to the subject, whose signals and caps must not see it.
    kind = Kind(f"task {task.kind}", "", "", model.channel, None, None, None, (), True)
    told = {
        "effect": ident,
        "to": to,
        "channel": model.channel,
        "template": model.template,
        "kind": task.kind,
    }
    desk.book.add(
        Owed(
            effect=ident,
            unit=fold._unit(task.of).index,
            row=task.row,
            run=task.id,
            slot=0,
            number=0,
            visit=0,
            code=desk.kinds.code(kind),
            t=fold.t,
            placed=False,
            data=_PACK(told | data),
        )
    )


def withdraw(runtime: Journeys, task: Task) -> None:
    """A task is over: what nobody has claimed of it is not sent."""
    desk: Any = runtime.services.get("messages")
    if desk is not None:
        desk.cancel(task.id)


__all__ = ["notify", "withdraw"]
