"""A big company in steady state, made from a small simulated one: its people are folded, then cloned row by row.

Folding the history of a million people one event at a time would take the benchmark most of an hour. The state that
comes out is the same if a company of some 1,400 people is folded and every row, window entry, identifier, account and
membership is then copied under a new name: the clones' windows expire like the originals', and each simulated event
afterwards happens to each clone, at its own moment within the hour. Nothing measured here runs on shared objects:
packed values are copied, too, so that memory is what as many real people would take.
"""

from __future__ import annotations

import resource
from array import array
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from sevenfold.engine import Fold
from sevenfold.events.times import parse_ms
from sevenfold.lifecycle.compile import CompiledUnit
from sevenfold.profiles.wheel import BUCKET_BITS, LOW_BITS, OP_BITS, ROW_BITS
from sevenfold.simulate import SaasCompany
from sevenfold.workspace.models import Workspace

HOUR = 3_600_000
DAY = 24 * HOUR
ENCODE = msgspec.json.Encoder().encode


def simulated(accounts: int, days: int, seed: int = 7) -> list[tuple[int, dict[str, Any]]]:
    """(time ms, event) of a simulated SaaS company."""
    found = []
    for event in SaasCompany(seed=seed, accounts=accounts, days=days).events():
        at = parse_ms(event["timestamp"])
        assert at is not None
        found.append((at, event))
    return found


def resident_bytes() -> int:
    """Memory of this process now."""
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


class Population:
    """A fold holding `profiles` people in steady state, and the events of the days that follow."""

    def __init__(self, workspace: Workspace, profiles: int, *, template_accounts: int = 300, history_days: int = 120) -> None:
        events = simulated(template_accounts, history_days + 3)
        start = events[0][0] // DAY * DAY
        self.cut = start + history_days * DAY
        self.fold = Fold(workspace, capacity_rows=profiles + 20_000)
        self.template_events = 0
        before = [(t, ENCODE(e)) for t, e in events if t < self.cut]
        for at in range(0, len(before), 4_096):
            self.fold.events(before[at : at + 4_096])
        self.template_events = len(before)
        self.fold.advance(self.cut)
        self.template_rows = self.fold.person.table.rows - 1
        self.clones = max(1, profiles // self.template_rows)
        self.following = [(t, e) for t, e in events if t >= self.cut]
        small = resident_bytes()
        if self.clones > 1:
            _clone(self.fold, self.clones)
        self.profiles = self.fold.person.table.rows - 1
        self.bytes_grown = resident_bytes() - small
        self.profiles_grown = self.profiles - self.template_rows

    def stream(self, limit: int, seed: int = 1) -> list[tuple[int, bytes]]:
        """The next `limit` events as (engine time, raw JSON): each simulated event happens to every clone."""
        random = np.random.Generator(np.random.PCG64(seed))
        found: list[tuple[int, bytes]] = []
        hour: list[tuple[int, dict[str, Any]]] = []
        edge = self.cut + HOUR
        for t, event in self.following:
            while t >= edge:
                found += self._hour(hour, edge - HOUR, random)
                hour, edge = [], edge + HOUR
                if len(found) >= limit:
                    return found[:limit]
            hour.append((t, event))
        return (found + self._hour(hour, edge - HOUR, random))[:limit]

    def _hour(self, events: list[tuple[int, dict[str, Any]]], start: int, random: Any) -> list[tuple[int, bytes]]:
        made: list[tuple[int, bytes]] = []
        for _, event in events:
            times = start + random.integers(0, HOUR, self.clones)
            for clone, at in enumerate(times.tolist()):
                made.append((at, ENCODE(_renamed(event, clone, at))))
        made.sort(key=lambda pair: pair[0])
        return made


def _iso(ms: int) -> str:
    text = np.datetime_as_string(np.datetime64(ms, "ms"), unit="ms")
    return f"{text}Z"


def _renamed(event: dict[str, Any], clone: int, at: int) -> dict[str, Any]:
    made = {**event, "timestamp": _iso(at), "messageId": f"{event['messageId']}-{clone}"}
    if clone:
        for field in ("userId", "anonymousId", "groupId"):
            if made.get(field):
                made[field] = f"{made[field]}~{clone}"
        context = made.get("context")
        if context and context.get("groupId"):
            made["context"] = {**context, "groupId": f"{context['groupId']}~{clone}"}
        traits = made.get("traits")
        if traits and traits.get("email"):
            made["traits"] = {**traits, "email": f"c{clone}.{traits['email']}"}
    return made


def _clone(fold: Fold, clones: int) -> None:
    people, accounts = fold.person.table.rows - 1, fold.account.table.rows - 1
    for unit, size in ((fold.person, people), (fold.account, accounts)):
        _clone_table(unit, size, clones)
    scope = fold.env.scope
    born = fold.person.table.columns[".born"].data
    account_of = fold.person.table.columns[".account"].data
    for clone in range(1, clones):
        rows = slice(1 + clone * people, 1 + (clone + 1) * people)
        born[rows] += clone * 10_000_000
        account_of[rows] = np.where(account_of[rows] > 0, account_of[rows] + clone * accounts, 0)
    _clone_wheel(fold, people, accounts, clones)
    _clone_names(fold, people, accounts, clones)
    assert scope


def _clone_table(unit: CompiledUnit, size: int, clones: int) -> None:
    table = unit.table
    table.rows = 1 + size * clones
    while table.capacity < table.rows:
        table._grow()
    for column in table.columns.values():
        part = column.data[1 : 1 + size].copy()
        for clone in range(1, clones):
            column.data[1 + clone * size : 1 + (clone + 1) * size] = part
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
        wheel.__init__()  # type: ignore[misc]
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
            np.split(key, edges), np.split(shift, edges), np.split(value, edges), bucket[np.r_[0, edges]].tolist(), strict=True
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
            wheel.heap.append(name)
        wheel.heap.sort()
        wheel.next_due = wheel.heap[0] << BUCKET_BITS


def _clone_names(fold: Fold, people: int, accounts: int, clones: int) -> None:
    identity = fold.identity
    held = [identity.keys_of(row) for row in range(1, people + 1)]
    while len(identity.held) <= people:
        identity.held.append(None)
    letter = identity.prefix["email"]
    for clone in range(1, clones):
        for row, keys in enumerate(held, start=1 + clone * people):
            named = tuple(f"{letter}c{clone}.{k[1:]}" if k[0] == letter else f"{k}~{clone}" for k in keys)
            identity.held.append(named if len(named) > 1 else named[0] if named else None)
            for key in named:
                identity.point(key, row)
    members = [fold.members[row] for row in range(1, accounts + 1)]
    names = fold.account_ids[1 : accounts + 1]
    for clone in range(1, clones):
        for place, name in enumerate(names):
            row = 1 + clone * accounts + place
            fold.account_ids.append(f"{name}~{clone}")
            fold.account_rows[f"{name}~{clone}"] = row
            mine = members[place]
            fold.members.append(None if mine is None else array("i", [r + clone * people for r in mine]))


def batches(stream: list[tuple[int, bytes]], size: int) -> Iterator[list[tuple[int, bytes]]]:
    """The stream in records of `size` events."""
    for at in range(0, len(stream), size):
        yield stream[at : at + size]
