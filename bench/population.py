"""A big company in steady state, made from a small simulated one: its people are folded, then cloned row by
row.

Folding the history of a million people one event at a time would take the benchmark most of an hour. The
state that comes out is the same if a company of some 1,000 people is folded and every row, window entry,
identifier, account and membership is then copied under a new name: the clones' windows expire like the
originals', and each simulated event afterwards happens to each clone, at its own moment within the hour.
Nothing measured here runs on shared objects: packed values are copied, too, so that memory is what as many
real people would take.
"""

from __future__ import annotations

import ctypes
import resource
from array import array
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from sevenfold.engine import Fold
from sevenfold.events.times import parse_ms
from sevenfold.lifecycle.compile import CompiledUnit
from sevenfold.profiles.wheel import BUCKET_BITS, LOW_BITS, OP_BITS, ROW_BITS
from sevenfold.simulate import SaasCompany
from sevenfold.simulate.stream import START_MS
from sevenfold.workspace.models import Workspace

HOUR = 3_600_000
DAY = 24 * HOUR
WEEK = 7 * DAY
ENCODE = msgspec.json.Encoder().encode
EVENTS_WANTED, ROWS_OF_NAMES = 20, 0.832
"""Of the memory target; and how many people there are for each name that events use, for many have two."""
Events = list[tuple[int, bytes]]
"""(engine time ms, raw JSON)"""


def simulated(
    accounts: int, days: int, seed: int = 7, start_ms: int = START_MS
) -> list[tuple[int, dict[str, Any]]]:
    """(time ms, event) of a simulated SaaS company."""
    found = []
    for event in SaasCompany(seed=seed, accounts=accounts, days=days, start_ms=start_ms).events():
        at = parse_ms(event["timestamp"])
        assert at is not None
        found.append((at, event))
    return found


def thinned(events: list[tuple[int, dict[str, Any]]], cut: int) -> list[tuple[int, dict[str, Any]]]:
    """The company of which memory's target speaks: 20 events a profile in the 28 days before `cut`, and two
    identifiers.

    Everybody's first event stays; of what they do later an even share is left out, and so are the e-mail
    addresses of some.
    """
    people = {_who(event) for t, event in events if t < cut}
    recent = sum(cut - 28 * DAY < t <= cut and event["type"] in ("track", "page") for t, event in events)
    share = min(1.0, EVENTS_WANTED * ROWS_OF_NAMES * len(people) / recent)
    kept: list[tuple[int, dict[str, Any]]] = []
    left: dict[Any, float] = {}
    nameless: dict[Any, bool] = {}
    for t, event in events:
        who = _who(event)
        if event["type"] in ("track", "page"):
            left[who] = left.get(who, 1.0) + share
            if left[who] < 1:
                continue
            left[who] -= 1
        traits = event.get("traits") or {}
        if "email" in traits and nameless.setdefault(who, len(nameless) % 7 < 2):
            event = {**event, "traits": {k: v for k, v in traits.items() if k != "email"}}
        kept.append((t, event))
    return kept


def _who(event: dict[str, Any]) -> Any:
    return event.get("userId") or event.get("anonymousId")


def resident_bytes() -> int:
    """Memory of this process now, without what it has freed."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class Template:
    """The small company: its state after `days`, as a snapshot, and what happens in the week that follows."""

    def __init__(
        self,
        workspace: Workspace,
        accounts: int = 300,
        days: int = 120,
        *,
        as_defined: bool = False,
        start_ms: int = START_MS,
    ) -> None:
        events = simulated(accounts, days + 7, start_ms=start_ms)
        self.workspace = workspace
        self.cut = events[0][0] // DAY * DAY + days * DAY
        if as_defined:
            events = thinned(events, self.cut)
        before = [(t, ENCODE(e)) for t, e in events if t < self.cut]
        self.events = len(before)
        fold = Fold(workspace)
        for at in range(0, len(before), 4_096):
            fold.events(before[at : at + 4_096])
        fold.advance(self.cut)
        self.people = fold.person.table.rows - 1
        self.state = fold.snapshot()
        self.week = [(t - self.cut, Pattern(e)) for t, e in events if self.cut <= t < self.cut + WEEK]


class Population:
    """A fold holding about `profiles` people in steady state, and the events of the time that follows.

    The week after the template's history is lived again and again.
    """

    def __init__(self, template: Template, profiles: int) -> None:
        self.template = template
        self.fold = Fold.restore(template.workspace, template.state)
        self.clones = max(1, profiles // template.people)
        small = resident_bytes()
        if self.clones > 1:
            _clone(self.fold, self.clones)
        self.profiles = self.fold.person.table.rows - 1
        self.bytes_a_profile = (resident_bytes() - small) / max(1, self.profiles - template.people)
        self.events_a_day = len(template.week) * self.clones / 7
        self.folded = template.events * self.clones
        """Events of history so far, those of the clones among them."""
        self._hours = self._every_hour()
        self._left: Events = []

    def hour(self) -> Events:
        """The events of the next hour."""
        return next(self._hours)

    def take(self, count: int) -> Events:
        """The next `count` events."""
        while len(self._left) < count:
            self._left += self.hour()
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def _every_hour(self) -> Iterator[Events]:
        random = np.random.Generator(np.random.PCG64(1))
        slots: list[list[Pattern]] = [[] for _ in range(7 * 24)]
        for t, pattern in self.template.week:
            slots[t // HOUR].append(pattern)
        for number in range(1 << 30):
            start = self.template.cut + number * HOUR
            lap, slot = divmod(number, len(slots))
            yield self._lived(slots[slot], start, lap, random)

    def _lived(self, patterns: list[Pattern], start: int, lap: int, random: np.random.Generator) -> Events:
        made: Events = []
        for pattern in patterns:
            times = start + random.integers(0, HOUR, self.clones)
            texts = np.datetime_as_string(times.astype("datetime64[ms]"), unit="ms").astype("S23")
            made += zip(times.tolist(), pattern.filled(texts.tolist(), lap), strict=True)
        made.sort(key=lambda pair: pair[0])
        return made


class Pattern:
    """One simulated event as JSON with gaps for the moment, the clone and the lap it happens in."""

    def __init__(self, event: dict[str, Any]) -> None:
        made = {**event, "timestamp": "@T@Z", "messageId": f"{event['messageId']}@M@"}
        for field in ("userId", "anonymousId", "groupId"):
            if made.get(field):
                made[field] = f"{made[field]}@C@"
        context = made.get("context")
        if context and context.get("groupId"):
            made["context"] = {**context, "groupId": f"{context['groupId']}@C@"}
        traits = made.get("traits")
        if traits and traits.get("email"):
            made["traits"] = {**traits, "email": f"@E@{traits['email']}"}
        self._json = ENCODE(made)

    def filled(self, times: list[bytes], lap: int) -> Iterator[bytes]:
        """The event of each clone, the first being the one it was made from."""
        text = self._json
        for clone, time in enumerate(times):
            yield (
                text.replace(b"@T@", time)
                .replace(b"@M@", b"-%d-%d" % (lap, clone))
                .replace(b"@C@", b"~%d" % clone if clone else b"")
                .replace(b"@E@", b"c%d." % clone if clone else b"")
            )


def _clone(fold: Fold, clones: int) -> None:
    people, accounts = fold.person.table.rows - 1, fold.account.table.rows - 1
    for unit, size in ((fold.person, people), (fold.account, accounts)):
        _clone_table(unit, size, clones)
    born = fold.person.table.columns[".born"].data
    numbers = int(born.max()) + 1
    account_of = fold.person.table.columns[".account"].data
    further, gone = list(fold.further.items()), list(fold.forward.items())
    assert not fold.children and not any(fold.entity_rows.values()), "only people and accounts are cloned"
    for clone in range(1, clones):
        rows = slice(1 + clone * people, 1 + (clone + 1) * people)
        born[rows] += clone * numbers
        account_of[rows] = np.where(account_of[rows] > 0, account_of[rows] + clone * accounts, 0)
        for row, held in further:
            fold.further[row + clone * people] = [(a + clone * accounts, role, at) for a, role, at in held]
        for loser, winner in gone:
            fold.forward[loser + clone * people] = winner + clone * people
    _clone_wheel(fold, people, accounts, clones)
    _clone_names(fold, people, accounts, clones)


def _clone_table(unit: CompiledUnit, size: int, clones: int) -> None:
    table = unit.table
    remembered = {label: arena.dump(slice(1, 1 + size)) for label, arena in table.arenas.items()}
    rows = 1 + size * clones
    parts = {label: column.data[: 1 + size] for label, column in table.columns.items()}
    # As much room as a fold has that was read from a snapshot.
    table.reserve(rows, rows + rows // 8)
    for label, column in table.columns.items():
        column.data[: 1 + size] = parts[label]
        for clone in range(1, clones):
            column.data[1 + clone * size : 1 + (clone + 1) * size] = parts[label][1:]
    for label, arena in table.arenas.items():
        arena.load(table.rows, np.tile(remembered[label], clones))
    for _, values in table.bags.values():
        part_values = values[1 : 1 + size]
        for _ in range(1, clones):
            values += [_copied(value) for value in part_values]


def _copied(value: Any) -> Any:
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, bytes):
        return bytes(bytearray(value))
    return array(value.typecode, value) if isinstance(value, array) else dict(value)


def _clone_wheel(fold: Fold, people: int, accounts: int, clones: int) -> None:
    sizes = np.array([people, accounts, *([0] * 6)], dtype=np.int64)
    for wheel in (fold.wheel, fold.valued):
        entries = wheel.entries()
        wheel.replace([])
        wheel.restore({})
        if not entries:
            continue
        due = np.array([e[0] for e in entries], dtype=np.int64)
        low = np.array([e[1] for e in entries], dtype=np.int64)
        value = np.array([e[2] for e in entries], dtype=np.int64)
        shift = sizes[(low >> (OP_BITS + ROW_BITS)) & 7] << OP_BITS
        bucket = due >> BUCKET_BITS
        key = ((due & ((1 << BUCKET_BITS) - 1)) << LOW_BITS) | low
        edges = np.flatnonzero(np.diff(bucket)) + 1
        for keys, shifts, values, name in zip(
            np.split(key, edges),
            np.split(shift, edges),
            np.split(value, edges),
            bucket[np.r_[0, edges]].tolist(),
            strict=True,
        ):
            every = (keys[None, :] + np.arange(clones, dtype=np.int64)[:, None] * shifts[None, :]).ravel()
            packed = array("q")
            packed.frombytes(every.tobytes())
            if wheel is fold.valued:
                carried = array("q")
                carried.frombytes(np.tile(values, clones).tobytes())
                wheel.buckets[name] = (packed, carried)
            else:
                wheel.buckets[name] = packed
        wheel.restore(wheel.buckets)


def _clone_names(fold: Fold, people: int, accounts: int, clones: int) -> None:
    identity = fold.identity
    held = [identity.keys_of(row) for row in range(1, people + 1)]
    letter = identity.prefix["email"]
    for clone in range(1, clones):
        for row, keys in enumerate(held, start=1 + clone * people):
            for key in keys:
                named = f"{letter}c{clone}.{key[1:]}" if key[0] == letter else f"{key}~{clone}"
                identity.table.attach(named, row)
    members = [fold.members[row] for row in range(1, accounts + 1)]
    names = fold.account_ids[1 : accounts + 1]
    for clone in range(1, clones):
        for place, name in enumerate(names):
            row = 1 + clone * accounts + place
            fold.account_ids.append(f"{name}~{clone}")
            fold.account_rows[f"{name}~{clone}"] = row
            mine = members[place]
            fold.members.append(None if mine is None else array("i", [r + clone * people for r in mine]))


def records(events: Events, size: int) -> Iterator[Events]:
    """The events in records of `size`."""
    for at in range(0, len(events), size):
        yield events[at : at + size]
