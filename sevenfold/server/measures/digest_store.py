"""`digests.sqlite` in the data folder: digests, what became of each time one was due, and of each delivery.

A run is one digest at one due time. Its content is kept once it is made, so that what is tried again is the
same; each of its deliveries is noted before it is tried, so that a crash leaves what may have gone out.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from ...limits import DIGEST_RUNS_ITEMS_MAX
from ...messages.rendered import Rendered

FILE: Final = "digests.sqlite"
RunState = Literal["waiting", "ready", "done"]
"""`waiting` for the warehouse, `ready` to be delivered, `done` with."""
State = Literal["owed", "claimed", "sent", "failed", "unknown"]
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS digests (name TEXT PRIMARY KEY, model BLOB NOT NULL, since INTEGER NOT NULL)
STRICT; CREATE TABLE IF NOT EXISTS runs ( name TEXT NOT NULL, due INTEGER NOT NULL, state TEXT NOT NULL, at
INTEGER NOT NULL, missed INTEGER NOT NULL, trouble TEXT NOT NULL, content BLOB, PRIMARY KEY (name, due) )
STRICT; CREATE TABLE IF NOT EXISTS deliveries ( name TEXT NOT NULL, due INTEGER NOT NULL, address TEXT NOT
NULL, state TEXT NOT NULL, tries INTEGER NOT NULL, next INTEGER NOT NULL, at INTEGER NOT NULL, reason TEXT NOT
NULL, PRIMARY KEY (name, due, address) ) STRICT;
"""


class Digest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Saved `questions`, sent over a `channel` of the workspace on a `schedule`.

    `schedule` is `weekly monday 09:00`, `daily 08:00`, `weekdays 08:00`, `monthly 1 09:00`,
    `monthly last 09:00` or an RRULE (RFC 5545), in `timezone` (the workspace's, when empty). Questions that
    name no period of their own are asked about the `period` before it was due (all time, when empty). `to`:
    addresses for e-mail, people or channels of Slack with a bot; a webhook needs none.
    """

    name: str
    questions: tuple[str, ...]
    schedule: str
    channel: str
    to: tuple[str, ...] = ()
    timezone: str = ""
    period: str = "7d"
    title: str = ""
    paused: bool = False


class Delivery(Struct, kw_only=True):
    """A run on its way to one address ("" for the channel's own place); `next` ms UTC is when it is tried
    again.
    """

    name: str
    due: int
    address: str
    state: State
    tries: int
    next: int
    at: int
    reason: str


class DigestRun(Struct, kw_only=True):
    """One digest at one due time. `missed` due times before it were left out; `trouble` is what kept a
    question from being answered.
    """

    name: str
    due: int
    state: RunState
    at: int
    missed: int
    trouble: str
    deliveries: list[Delivery] = []


class DigestStore:
    """The digests of a data folder; in memory without one. Each statement commits on its own."""

    def __init__(self, folder: Path | None) -> None:
        path = ":memory:" if folder is None else str(folder / FILE)
        self._store = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._store.execute("PRAGMA journal_mode = WAL")
        self._store.execute("PRAGMA synchronous = FULL")
        self._store.executescript(_TABLES)

    # -------------------------------------------------------------------------------------------- digests

    def digests(self) -> dict[str, tuple[Digest, int]]:
        """Digests by name, each with the time until which its due times are seen to."""
        rows = self._store.execute("SELECT name, model, since FROM digests ORDER BY name")
        return {name: (msgspec.json.decode(model, type=Digest), since) for name, model, since in rows}

    def keep(self, digest: Digest, since: int) -> None:
        """Keeps a digest; what falls due counts after `since`."""
        self._store.execute(
            "INSERT INTO digests VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET model = excluded.model,"
            " since = excluded.since",
            (digest.name, msgspec.json.encode(digest), since),
        )

    def forget(self, name: str) -> None:
        """Forgets a digest and everything about it."""
        self._store.execute("BEGIN IMMEDIATE")
        for table in ("digests", "runs", "deliveries"):
            self._store.execute(f"DELETE FROM {table} WHERE name = ?", (name,))  # noqa: S608 - our own names
        self._store.execute("COMMIT")

    # ----------------------------------------------------------------------------------------------- runs

    def begin(self, name: str, due: int, now: int, missed: int, *, scheduled: bool) -> None:
        """A run that is due; a time that is there already stays as it is."""
        self._store.execute("BEGIN IMMEDIATE")
        self._store.execute(
            "INSERT OR IGNORE INTO runs VALUES (?, ?, 'waiting', ?, ?, '', NULL)", (name, due, now, missed)
        )
        if scheduled:
            self._store.execute("UPDATE digests SET since = max(since, ?) WHERE name = ?", (due, name))
        kept = "(SELECT due FROM runs WHERE name = ?1 ORDER BY due DESC LIMIT ?2)"
        for table in ("runs", "deliveries"):
            self._store.execute(
                f"DELETE FROM {table} WHERE name = ?1 AND due NOT IN {kept}",  # noqa: S608 - our own names
                (name, DIGEST_RUNS_ITEMS_MAX),
            )
        self._store.execute("COMMIT")

    def ready(self, name: str, due: int, content: Rendered, trouble: str, addresses: tuple[str, ...]) -> None:
        """The content is made, and owed to each address."""
        self._store.execute("BEGIN IMMEDIATE")
        self._store.execute(
            "UPDATE runs SET state = 'ready', content = ?, trouble = ? WHERE name = ? AND due = ?",
            (msgspec.json.encode(content), trouble, name, due),
        )
        for address in dict.fromkeys(addresses or ("",)):
            self._store.execute(
                "INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, 'owed', 0, 0, 0, '')", (name, due, address)
            )
        self._store.execute("COMMIT")

    def finish(self, name: str, due: int, trouble: str | None = None) -> None:
        """Nothing more is to be done about a run."""
        self._store.execute(
            "UPDATE runs SET state = 'done', trouble = COALESCE(?, trouble) WHERE name = ? AND due = ?",
            (trouble, name, due),
        )

    def content(self, name: str, due: int) -> Rendered:
        """What a run says. Raises KeyError."""
        row = self._store.execute(
            "SELECT content FROM runs WHERE name = ? AND due = ?", (name, due)
        ).fetchone()
        if row is None or row[0] is None:
            raise KeyError(name)
        return msgspec.json.decode(row[0], type=Rendered)

    def runs(self, *, name: str = "", states: tuple[str, ...] = (), limit: int = 1_000) -> list[DigestRun]:
        """Runs, the newest first, with their deliveries."""
        marks = ", ".join("?" for _ in states)
        wanted = f"AND state IN ({marks})" if states else ""
        rows = self._store.execute(
            f"SELECT name, due, state, at, missed, trouble FROM runs WHERE (?1 = '' OR name = ?1) {wanted}"  # noqa: S608
            f" ORDER BY due DESC, name LIMIT {int(limit)}",
            (name, *states),
        ).fetchall()
        return [
            DigestRun(name=one, due=due, state=state, at=at, missed=missed, trouble=trouble,
                deliveries=self._deliveries("name = ? AND due = ?", one, due))
            for one, due, state, at, missed, trouble in rows
        ]  # fmt: skip

    # ----------------------------------------------------------------------------------------- deliveries

    def claimed(self) -> list[Delivery]:
        """Deliveries that were under way when the service ended."""
        return self._deliveries("state = 'claimed'")

    def mark(
        self, one: Delivery, state: State, now: int, *, tries: int = 0, again: int = 0, reason: str = ""
    ) -> None:
        """What became of a delivery, or that it is about to be tried (`claimed`)."""
        self._store.execute(
            "UPDATE deliveries SET state = ?, tries = tries + ?, next = ?, at = ?, reason = ?"
            " WHERE name = ? AND due = ? AND address = ?",
            (state, tries, again, now, reason, one.name, one.due, one.address),
        )

    def _deliveries(self, where: str, *values: Any) -> list[Delivery]:
        rows = self._store.execute(
            "SELECT name, due, address, state, tries, next, at, reason FROM deliveries"  # noqa: S608
            f" WHERE {where} ORDER BY name, due, address",
            values,
        )
        return [
            msgspec.convert(dict(zip(Delivery.__struct_fields__, row, strict=True)), Delivery) for row in rows
        ]

    def close(self) -> None:
        """Lets go of the file."""
        self._store.close()
