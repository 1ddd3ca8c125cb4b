"""What happened since a time, added up: who went from which stage to which, and what went wrong."""

from __future__ import annotations

import sqlite3
from typing import Any

from msgspec import Struct

from .models import STATUS_CODES

_PROBLEMS = ("render_error", "failed", "bounced", "complained", "unknown")


class Moves(Struct, kw_only=True):
    """How many went from a stage of a lifecycle to another (null: came in, or left)."""

    lifecycle: str
    before: str | None
    after: str | None
    count: int


class Trouble(Struct, kw_only=True):
    """Messages that came to a bad end since a time: how many of a status, by channel and template; `latest`
    is the last effect's id, `reason` what its provider or the renderer said.
    """

    status: str
    channel: str | None
    template: str | None
    count: int
    latest: str
    reason: str | None


def number_at(connection: sqlite3.Connection, time: int) -> int:
    """The number of the first effect at or after a time; effects are in order of both."""
    low, high = connection.execute(
        "SELECT (SELECT min(number) FROM effects), (SELECT max(number) FROM effects)"
    ).fetchone()
    if low is None:
        return 0
    high += 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            "SELECT number, time FROM effects WHERE number >= ? ORDER BY number LIMIT 1", (middle,)
        ).fetchone()
        if row is None or row[1] >= time:
            high = middle
        else:
            low = row[0] + 1
    return int(low)


def moves(connection: sqlite3.Connection, since: int) -> list[Moves]:
    """Changes of stage since a time (ms UTC), the most frequent first."""
    rows = connection.execute(
        "SELECT name, json_extract(CAST(data AS TEXT), '$.from'), json_extract(CAST(data AS TEXT), '$.to'),"
        " count(*) FROM effects INDEXED BY effects_by_kind WHERE kind = 'stage' AND number >= ?"
        " GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3",
        (number_at(connection, since),),
    ).fetchall()
    return [Moves(lifecycle=row[0], before=row[1], after=row[2], count=row[3]) for row in rows]


def troubles(connection: sqlite3.Connection, since: int, limit: int) -> list[Trouble]:
    """What went wrong with messages since a time, the most frequent first."""
    marks = ", ".join("?" * len(_PROBLEMS))
    names = {STATUS_CODES[name]: name for name in _PROBLEMS}
    rows: list[Any] = connection.execute(
        # The marks are as many as there are problems.
        f"SELECT status, channel, template, count(*), max(number) FROM messages INDEXED BY messages_by_status"  # noqa: S608
        f" WHERE status IN ({marks}) AND number >= ? GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT ?",
        (*names, number_at(connection, since), limit),
    ).fetchall()
    found = []
    for status, channel, template, count, number in rows:
        (effect,) = connection.execute("SELECT effect FROM messages WHERE number = ?", (number,)).fetchone()
        said = connection.execute(
            "SELECT reason FROM outcomes WHERE effect = ? AND reason IS NOT NULL"
            " ORDER BY position DESC, place DESC LIMIT 1",
            (effect,),
        ).fetchone()
        latest = "" if effect is None else f"{effect & 0xFFFF_FFFF_FFFF_FFFF:016x}"
        found.append(
            Trouble(
                status=names[status],
                channel=channel,
                template=template,
                count=count,
                latest=latest,
                reason=None if said is None else said[0],
            )
        )
    return found


def held(connection: sqlite3.Connection, since: int) -> list[tuple[str, str | None, int]]:
    """(journey, reason, how many) of messages that were held back since a time, the most frequent first."""
    return connection.execute(
        "SELECT journey, reason, count(*) FROM messages WHERE number >= ? AND decision = 'held'"
        " GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2",
        (number_at(connection, since),),
    ).fetchall()
