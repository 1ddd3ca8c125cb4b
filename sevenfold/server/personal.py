"""Personal data: everything about a person in one file, and erasure everywhere with a certificate of what
went.

An erasure begins in the fold (control record `erase`), and is finished in the log, the snapshots, the dead
letters, the history and the stores. It can be interrupted anywhere: a note in `erasures/` says what is still
to do, and `resume` does it.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from .. import snapshots
from ..clock import Clock
from ..engine import ControlError
from ..engine.erasure import ERASED, TOMBSTONE, names_of, says
from ..errors import SevenfoldError
from ..limits import ERASURE_DEAD_LETTERS_PAGE_ROWS, ERASURE_WAIT_S_MAX
from ..log.base import Log, Record
from .console.notes import forget_subjects
from .history import History, HistoryWriter
from .inbound_store import forget_person
from .live import Live, UnavailableError
from .referral_codes import code_of, key_of
from .secrets import SecretBox
from .store import FILE as STORE_FILE
from .store import open_store
from .tokens import Tokens
from .tombstones import Rewriter, control_tombstone, holds, needles

FOLDER: Final = "erasures"
PURPOSE: Final = "erasure certificate"
KEPT: Final = (
    "digests of message ids, so that no event is taken twice",
    "digests of suppressed addresses, so that nothing is sent to them",
    "what accounts count, as numbers without names",
)
_POLL_S: Final = 0.05
_UNKNOWN: Final = -1
"""The position of a record that is not there yet, as far as the note knows."""
_ASK_AGAIN_TURNS: Final = 40


class ErasureError(SevenfoldError):
    """A person cannot be erased."""

    code = "erasure_refused"


class Pending(Struct):
    """An erasure that is under way: what names the person, until nothing does any more."""

    subject: str
    subjects: list[str]
    identifiers: dict[str, list[str]]
    position: int
    asked: int
    by: str
    state: dict[str, Any]


class Certificate(Struct):
    """What was removed where. `named` are keyed digests of the identifiers: whoever has the data folder's
    secret and an identifier can tell whether it is one of them. Times are ms UTC.
    """

    id: str
    subject: str
    asked: int
    done: int
    by: str
    position: int
    removed: dict[str, dict[str, int]]
    named: list[str]
    kept: tuple[str, ...] = KEPT
    signature: str | UnsetType = UNSET


class Eraser:
    """Erases people from one data folder while the service runs. `ask_snapshot` makes the fold write a
    snapshot of now into `snapshots_folder`, soon; None where none are written. `lock`: one at a time.
    """

    def __init__(
        self,
        *,
        live: Live,
        log: Log,
        history: History,
        folder: Path,
        snapshots_folder: Path,
        secrets: SecretBox,
        clock: Clock,
        ask_snapshot: Callable[[], None] | None,
        lock: asyncio.Lock | None = None,
        forget_warehouse: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._live, self._log, self._history, self._clock = live, log, history, clock
        self._folder, self._snapshots, self._ask_snapshot = folder, snapshots_folder, ask_snapshot
        self._key = secrets.key(PURPOSE)
        self._codes = key_of(Tokens(secrets.key("tokens")))
        self._one = lock or asyncio.Lock()
        self._forget_warehouse = forget_warehouse

    async def erase(self, person: str, by: str) -> Certificate:
        """Erases a person (id of their profile), for whoever asked (`by`). Raises QuestionError for nobody,
        UnavailableError when it takes too long (`resume` goes on).
        """
        async with self._one:
            profile = await ask(self._live, "profile", of="person", id=person)
            identifiers: dict[str, list[str]] = profile["identifiers"]
            kind = next(iter(identifiers), None)
            if kind is None:
                raise ErasureError(
                    "the profile has no identifier", where=person, fix="there is nobody to erase"
                )
            subjects = await asyncio.to_thread(self._history.subjects_of, profile["id"])
            pending = Pending(profile["id"], subjects, identifiers, _UNKNOWN, self._clock.now(), by, {})
            # Before anything happens, so that nothing that has happened is forgotten.
            self._note(pending)
            return await self._finish(await self._told(pending))

    async def resume(self) -> list[Certificate]:
        """Finishes what was interrupted."""
        async with self._one:
            found = sorted((self._folder / FOLDER).glob("*.pending"))
            done = []
            for path in found:
                pending = msgspec.json.decode(path.read_bytes(), type=Pending)
                try:
                    done.append(await self._finish(await self._told(pending)))
                except ErasureError:
                    # The fold was never told, and there is nobody of that name by now.
                    path.unlink(missing_ok=True)
            return done

    def certificates(self) -> list[Certificate]:
        """Every certificate, the latest last."""
        found = [
            msgspec.json.decode(path.read_bytes(), type=Certificate)
            for path in (self._folder / FOLDER).glob("*.json")
        ]
        return sorted(found, key=lambda one: one.done)

    # ------------------------------------------------------------------------------------- the steps

    async def _told(self, pending: Pending) -> Pending:
        """The fold is told, or was: where its record lies, and what it said."""
        if pending.position != _UNKNOWN:
            return pending
        kind = next(iter(pending.identifiers))
        record = {"op": "erase", "person": {kind: pending.identifiers[kind][0]}, "by": pending.by}
        try:
            told = await self._live.control(record)
        except ControlError:
            position, state = await self._found(pending)
        else:
            position = told.position
            state = next(one.data for one in told.effects if one.kind == ERASED)
        ids = dict.fromkeys([pending.subject, *state.get("ids", []), *pending.subjects])
        pending = replace(pending, position=position, state=state, subjects=list(ids))
        self._note(pending)
        return pending

    async def _found(self, pending: Pending) -> tuple[int, dict[str, Any]]:
        """Nobody has the identifiers any more: a crash came after the fold was told."""
        end = self._log.next_position
        await self._until(lambda: self._history.status()["position"] >= end, "the history")
        names = names_of(pending.identifiers)
        records = self._history.controls(op="erase", limit=1_000).items
        position = next((one.position for one in records if says(one.data, names)), _UNKNOWN)
        effects = self._history.effects(subject=pending.subject, kind=ERASED, limit=1).items
        if position == _UNKNOWN or not effects:
            raise ErasureError("there is no such person", where=pending.subject, fix="nothing was erased")
        return position, effects[0].data

    async def _finish(self, pending: Pending) -> Certificate:
        await asyncio.to_thread(self._pin, pending)
        await self._until(lambda: self._history.status()["position"] > pending.position, "the history")
        snapshots_gone = await self._new_snapshot(pending)
        removed = await asyncio.to_thread(self._remove, pending)
        if self._forget_warehouse is not None:
            await self._forget_warehouse()
        removed["snapshots"] = {"files": snapshots_gone}
        removed["state"] = {k: v for k, v in pending.state.items() if isinstance(v, int) and k != "number"}
        certificate = self._certificate(pending, removed)
        path = self._folder / FOLDER / f"{pending.subject}-{pending.position}.json"
        _write(path, msgspec.json.format(msgspec.json.encode(certificate), indent=2))
        self._path(pending).unlink(missing_ok=True)
        return certificate

    def _pin(self, pending: Pending) -> None:
        """The record itself names nobody any more, and says what folding it again has to arrive at."""
        state = pending.state
        control = {"op": "erase", "subject": pending.subject, "number": state["number"], "by": pending.by}
        if state.get("suppressed"):
            control["suppressed"] = state["suppressed"]
        self._rewrite_control(pending.position, control)

    async def _new_snapshot(self, pending: Pending) -> int:
        """A snapshot without the person is there, then those with them go; how many went."""

        def there() -> bool:
            found = snapshots.latest(self._snapshots)
            if found is not None and snapshots.position_of(found) > pending.position:
                return True
            if self._ask_snapshot is not None:
                self._ask_snapshot()
            return False

        if self._ask_snapshot is not None:
            await self._until(there, "a snapshot", every_s=0.2)
        elif snapshots.all_in(self._snapshots):
            raise UnavailableError("nobody writes snapshots here", fix="erase people while the service runs")
        await self._until(
            lambda: self._history.status()["through"] > pending.state["number"], "the history", every_s=0.2
        )
        old = [
            path for path in snapshots.all_in(self._snapshots)
            if snapshots.position_of(path) <= pending.position
        ]  # fmt: skip
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _remove(self, pending: Pending) -> dict[str, dict[str, int]]:
        named = names_of(pending.identifiers)
        positions, digests = self._history.positions_of(pending.identifiers, pending.position)
        names = sorted({one for held in pending.identifiers.values() for one in held})
        log = rewrite_events(self._log, Rewriter(self._live.workspace, named), positions)
        log |= self._rewrite_controls(pending, named, positions)
        dead = self._remove_dead_letters(names)
        writer = HistoryWriter(self._folder)
        try:
            history = writer.erase(pending.subjects, digests, names, pending.position + 1)
        finally:
            writer.close()
        codes = [code_of(self._codes, subject) for subject in pending.subjects]
        inbound = forget_person(self._folder, pending.identifiers.get("anonymous_id", ()), codes)
        answers = self._forget_answers(names) | self._forget_notes(pending.subjects)
        return {"log": log, "dead_letters": dead, "history": history, "server": answers, "inbound": inbound}

    def _rewrite_controls(self, pending: Pending, named: frozenset[str], events: list[int]) -> dict[str, int]:
        """Control records that name the person; the history says where to look."""
        count, after = 0, -1
        first = events[0] if events else pending.position
        while True:
            page = self._history.controls(after=after, limit=1_000)
            for one in page.items:
                if one.position >= pending.position or one.op == "workspace":
                    continue
                if not says(one.data, named) and "left_out" not in one.data:
                    continue
                control = self._control_at(one.position)
                if control is not None:
                    stone = control_tombstone(control, named, first=one.position < first)
                    if stone is not None:
                        self._rewrite_control(one.position, stone)
                        first, count = min(first, one.position), count + 1
            if page.next is None:
                return {"controls": count}
            after = page.next

    def _control_at(self, position: int) -> dict[str, Any] | None:
        for record in self._log.read(position, 2):
            if record.position == position and record.kind == "control":
                return record.control
        return None

    def _rewrite_control(self, position: int, control: dict[str, Any]) -> None:
        self._log.rewrite(Record(position, 0, "control", control=control))

    def _remove_dead_letters(self, names: list[str]) -> dict[str, int]:
        """Dropped events that say one of the person's identifiers anywhere."""
        wanted, after, removed = needles(names), 0, 0
        while some := self._log.dead_letters(after, ERASURE_DEAD_LETTERS_PAGE_ROWS):
            after = some[-1].id
            found = [one.id for one in some if holds(one.dropped.raw, wanted)]
            if found:
                self._log.remove_dead_letters(found)
                removed += len(found)
        return {"rows": removed}

    def _forget_answers(self, names: list[str]) -> dict[str, int]:
        """Answers kept for repeated requests may show a person."""
        if not (self._folder / STORE_FILE).exists():
            return {"answers": 0}
        store, removed = open_store(self._folder), 0
        try:
            store.execute("PRAGMA secure_delete = ON")
            for one in needles(names):
                statement = (
                    "DELETE FROM answers WHERE body IS NOT NULL AND instr(lower(CAST(body AS TEXT)), ?)"
                )
                removed += store.execute(statement, (one.decode(),)).rowcount
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            store.close()
        return {"answers": removed}

    def _forget_notes(self, subjects: list[str]) -> dict[str, int]:
        """What people wrote down about the person."""
        if not (self._folder / STORE_FILE).exists():
            return {"notes": 0}
        store = open_store(self._folder)
        try:
            store.execute("PRAGMA secure_delete = ON")
            removed = forget_subjects(store, subjects)
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            store.close()
        return {"notes": removed}

    # ---------------------------------------------------------------------------- notes, certificates

    def _certificate(self, pending: Pending, removed: dict[str, dict[str, int]]) -> Certificate:
        texts = sorted(f"{kind}\0{one}" for kind, held in pending.identifiers.items() for one in held)
        found = Certificate(
            id=f"{pending.subject}-{pending.position}",
            subject=pending.subject,
            asked=pending.asked,
            done=self._clock.now(),
            by=pending.by,
            position=pending.position,
            removed=removed,
            named=[digest_of(self._key, text) for text in texts],
        )
        found.signature = signature_of(self._key, found)
        return found

    def _path(self, pending: Pending) -> Path:
        return self._folder / FOLDER / f"{pending.subject}.pending"

    def _note(self, pending: Pending) -> None:
        _write(self._path(pending), msgspec.json.encode(pending))

    async def _until(self, holds_now: Callable[[], bool], what: str, every_s: float = _POLL_S) -> None:
        waited = 0.0
        while not holds_now():
            if waited > ERASURE_WAIT_S_MAX:
                raise UnavailableError(
                    f"the erasure waits for {what}", fix="it goes on by itself when the service starts again"
                )
            await asyncio.sleep(every_s)
            waited += every_s


def rewrite_events(log: Log, rewriter: Rewriter, positions: list[int]) -> dict[str, int]:
    """Puts tombstones in the places of events at these positions, in order; counts of events and records."""
    wanted, events, records, at = set(positions), 0, 0, 0
    while at < len(positions):
        record = next(one for one in log.read(positions[at], 2) if one.position <= positions[at] < one.end)
        entries = list(record.entries)
        for index, entry in enumerate(record.entries):
            if record.position + index in wanted and not entry.raw.startswith(TOMBSTONE):
                entries[index] = rewriter.entry(entry)
                events += 1
        if entries != record.entries:
            log.rewrite(Record(record.position, record.time, "events", entries))
            records += 1
        while at < len(positions) and positions[at] < record.end:
            at += 1
    return {"events": events, "records": records}


def digest_of(key: bytes, text: str) -> str:
    """The keyed digest of an identifier (`kind NUL value`) as certificates hold it."""
    return hmac.new(key, text.encode(), sha256).hexdigest()


def signature_of(key: bytes, certificate: Certificate) -> str:
    """HMAC-SHA256 over the certificate's JSON without its signature."""
    unsigned = msgspec.structs.replace(certificate, signature=UNSET)
    return hmac.new(key, msgspec.json.encode(unsigned), sha256).hexdigest()


def verify(secrets: SecretBox, certificate: Certificate) -> bool:
    """Whether a certificate is one of this data folder, unchanged."""
    key, signature = secrets.key(PURPOSE), certificate.signature
    return isinstance(signature, str) and hmac.compare_digest(signature, signature_of(key, certificate))


async def ask(live: Live, question: str, /, **arguments: Any) -> Any:
    """A question to the fold; again while it could look at a part only. Raises QuestionError."""
    for _ in range(_ASK_AGAIN_TURNS):
        found = await live.ask(question, **arguments)
        if found is not None:
            return found
    raise UnavailableError("the answer takes too long", fix="ask again")


def _write(path: Path, content: bytes) -> None:
    """A file that is whole or not there, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(path.name + ".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
