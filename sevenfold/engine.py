"""The fold: state and a record in, state and effects out. Deterministic; reads no clock, no disk, no chance.

Order of work is docs/explain/fold.md: everything due before a record fires before it, in exact order; each
operation
runs to its fixed point on its own subject; accounts close at ticks.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET

from . import state
from .effects import CREATED, MERGED, Effect, subject_id
from .errors import SevenfoldError
from .events.model import Event, event_decoder
from .events.reasons import Reason
from .events.steps import Dropped, Intake
from .events.times import parse_ms
from .lifecycle.accounts import Exports
from .lifecycle.closing import DayCloser
from .lifecycle.compile import CompiledUnit, members_label
from .limits import ACCOUNT_TICK_MS, PROFILE_EVENTS_PER_HOUR_MAX
from .profiles.build import Environment
from .profiles.identity import Identity
from .profiles.segments import SegmentNode
from .profiles.signals.base import stamp_ms
from .profiles.unit import Fire, Unit
from .profiles.wheel import (
    KIND_BITS,
    LOW_BITS,
    LOW_MASK,
    NEVER,
    OP_BITS,
    OP_MASK,
    ROW_BITS,
    ROW_MASK,
    ValuedWheel,
    Wheel,
)
from .profiles.where import dig, micro
from .workspace import models as m

Membership = tuple[int, str, int]
"""(account row, role, number of the record by which the person joined)."""
Entry = tuple[int, bytes]
"""An accepted event: (engine time ms, raw JSON)."""
_KIND_SHIFT = OP_BITS + ROW_BITS
_KIND_MASK = (1 << KIND_BITS) - 1
HOUR = 3_600_000
IDS_KEPT_MAX = 100_000
"""Subject ids kept ready for effects, of each kind."""


class ControlError(SevenfoldError):
    """A control record asks for something the fold does not know."""

    code = "bad_control"


class Fold:
    """The engine for one workspace. `capacity_rows` is the room for people before the columns have to grow.

    `seeds` are dictionaries to start from, `{kind: {attribute: texts}}`; only snapshots need them.
    """

    def __init__(
        self,
        workspace: m.Workspace,
        *,
        capacity_rows: int = 1_024,
        seeds: dict[str, dict[str, list[str | None]]] | None = None,
    ) -> None:
        self._seeds = seeds or {}
        self.workspace = workspace
        self.env = Environment()
        self.t = 0
        self.seq = 0
        self.effects: list[Effect] = []
        self.wheel, self.valued = Wheel(), ValuedWheel()
        self._fires: list[Fire] = []
        self._owners: list[str] = []
        self._timers: list[bool] = []
        self._cause: tuple[str, str, int] | int = ("start", "", 0)
        """(kind, name, seq), or the number of the operation of an entry of the wheel."""
        self._whole_raw = b""
        self.forward: dict[int, int] = {}
        self.units: dict[str, Unit] = {}
        self._compile(capacity_rows)
        self.identity = Identity(workspace.identity, self._create_person, self._merge)
        self.account_rows: dict[str, int] = {}
        self.account_ids: list[str] = [""]
        self.members: list[Any] = [None]
        self.children: dict[int, list[int]] = {}
        self.further: dict[int, list[Membership]] = {}
        """People of several accounts: the accounts after the first, which is the column `.account` with
        `.role`.
        """
        self.entity_rows: dict[str, dict[str, int]] = {name: {} for name in workspace.entities}
        self.entity_ids: dict[str, list[tuple[str, int]]] = {name: [("", 0)] for name in workspace.entities}
        self._dirty_accounts: dict[int, int] = {}
        self._moved_rollups: dict[int, int] = {}
        self._hour = -1
        self._in_hour: dict[int, int] = {}
        """Events of each person in the present hour of engine time."""
        self._joined: list[int] = []
        """People whose first account changed in the operation at hand."""
        self._tick_due = NEVER
        self._next_close = NEVER
        self.closer = DayCloser(self, ZoneInfo(workspace.timezone))
        self.dropped: dict[Reason, int] = {}

    # -------------------------------------------------------------------------------------------------
    # compiling

    def _compile(self, capacity_rows: int) -> None:
        kinds = [m.PERSON, m.ACCOUNT, *self.workspace.entities]
        scope = self.env.scope
        scope.update(
            push=self.wheel.push,
            push_value=self.valued.push_value,
            micro=micro,
            dig=dig,
            stamp_ms=stamp_ms,
            roll=self._roll,
            rescan=self._rescan,
            rescan_of=self._rescan_of,
            whole_body=self._whole_body,
            touch_page=self._touch_page,
            touch_campaign=_touch_campaign,
            UNSET=UNSET,
        )
        for index, kind in enumerate(kinds):
            self.units[kind] = CompiledUnit(self, kind, index, capacity_rows)
            for label, texts in self._seeds.get(kind, {}).items():
                self.units[kind].dictionaries[label] = state.seeded(texts)
        self.person, self.account = self._unit(m.PERSON), self._unit(m.ACCOUNT)
        self._joined_column = self.person.table.add(".joined").name
        self._role_column = self.person.table.add(".role", "int32").name
        self._roles = self.person.dictionary(".role")
        self.entities = [self._unit(kind) for kind in self.workspace.entities]
        self.compiled = [self.person, self.account, *self.entities]
        for unit in self.compiled:
            unit.declare()
        for unit in self.compiled:
            # Linked signals took their bits while they were declared; the rest of the order follows.
            unit.order_nodes()
        for unit in self.compiled:
            unit.watch()
        self.exports = Exports(self.account)
        self.person.closed = self.exports.closed.name
        names: set[str] = set()
        for unit in self.compiled:
            names |= unit.name_properties()
        self._entity_keys = []
        for unit in self.entities:
            model = self.workspace.entities[unit.kind]
            if not model.key.startswith("context."):
                names.add(model.key)
        heads = {column.head for unit in self.compiled for column in unit.traits.columns}
        self.decoder = event_decoder(names, heads)
        self.intake = Intake(self.decoder)
        fields = dict(self.decoder.property_fields)
        for unit in self.compiled:
            unit.properties = dict(fields)
        for unit in self.entities:
            model = self.workspace.entities[unit.kind]
            field = None if model.key.startswith("context.") else fields[model.key]
            self._entity_keys.append((unit, model, field))
        self._fields = fields
        for unit in self.compiled:
            unit.finish()
        self._evaluate = [unit.evaluate for unit in self.compiled]
        self._role_weights = {
            members_label(k): v.members.roles
            for k, v in self.workspace.scores.items()
            if v.members is not None
        }

    def _unit(self, kind: str) -> CompiledUnit:
        unit = self.units[kind]
        assert isinstance(unit, CompiledUnit)
        return unit

    # --------------------------------------------------------------------------------------- what units ask
    # for

    def add_op(self, kind: int, fire: Fire | None, timer: bool, owner: str) -> int:
        self._fires.append(fire or _never)
        self._owners.append(owner)
        self._timers.append(timer)
        assert len(self._fires) <= OP_MASK, "a workspace may have 4,095 windows and timers"
        return len(self._fires) - 1

    def set_fire(self, op: int, fire: Fire) -> None:
        self._fires[op] = fire

    def push(self, due: int, low: int, row: int) -> None:
        self.wheel.push(due, low + (row << OP_BITS))

    def now(self) -> int:
        return self.t

    def cause(self) -> dict[str, Any]:
        if self._cause.__class__ is int:
            op: int = self._cause
            return {"kind": "timer" if self._timers[op] else "expiry", "name": self._owners[op]}
        kind, name, seq = self._cause  # type: ignore[misc]
        return {"kind": kind, "name": name, "seq": seq} if seq else {"kind": kind, "name": name}

    def emit(self, unit: Unit, row: int, kind: str, name: str, data: dict[str, Any]) -> None:
        self.effects.append(Effect(self.t, kind, unit.kind, self.id_of(unit, row), name, data))

    def id_of(self, unit: Unit, row: int) -> str:
        """The subject id of a row."""
        known = unit.ids.get(row)
        if known is None:
            if len(unit.ids) >= IDS_KEPT_MAX:
                unit.ids.clear()
            known = unit.ids[row] = subject_id(unit.kind, self.env.scope[unit.born.name][row])
        return known

    def member_rows(self, account: int) -> Iterable[int]:
        held = self.members[account]
        return () if held is None else held

    def child_rows(self, account: int) -> Iterable[int]:
        return self.children.get(account, ())

    def _rescan(self, index: int, account: int) -> None:
        """A roll-up of an account has to look at its members anew when the account closes."""
        self._moved_rollups[account] = self._moved_rollups.get(account, 0) | 1 << index
        self._touch(account, 0)

    def _rescan_of(self, index: int, row: int) -> None:
        for account, _, _ in self.accounts_of(row):
            self._rescan(index, account)

    def _set_parent(self, account: int, key: Any) -> None:
        """The trait `parent` of an account names the account above it; a circle is not taken."""
        if key.__class__ is not str or not key:
            return
        if key not in self.account_rows:
            # Ids come from numbers: an account that a record creates beside another takes a number of its
            # own.
            self.seq += 1
        parent = self._account(key)
        parents = self.env.scope[self.account.parent_of]
        above, before = parent, parents[account]
        while above and above != account:
            above = parents[above]
        if above == account or parent == before:
            return
        parents[account] = parent
        self.children.setdefault(parent, []).append(account)
        if before:
            self.children[before].remove(account)
        for rollup in self.account.rollups:
            if rollup.of_accounts:
                for one in (parent, before):
                    if one:
                        self._rescan(rollup.index, one)

    def touch(self, account: int) -> None:
        """A fact of an account that members' conditions read has changed: they see it at the next tick."""
        self._touch(account, 0)

    def _touch(self, account: int, mask: int) -> None:
        self._dirty_accounts[account] = self._dirty_accounts.get(account, 0) | mask
        if self._tick_due == NEVER:
            self._tick_due = (self.t // ACCOUNT_TICK_MS + 1) * ACCOUNT_TICK_MS

    def _roll(self, index: int, row: int, old: int, new: int) -> None:
        """A member's value that an account adds up went from `old` to `new`."""
        rollup = self.account.rollups[index]
        a, b = rollup.of_value(old), rollup.of_value(new)
        if a == b:
            return
        account = self._accounts[row]
        weight = self._weight(rollup, self._role(row)) if self._role_weights else 1
        rollup.moved(account, a, b, weight)
        moved = self._moved_rollups
        moved[account] = moved.get(account, 0) | 1 << index
        self._touch(account, 0)
        if self.further and row in self.further:
            for account, role, _ in self.further[row]:
                rollup.moved(account, a, b, self._weight(rollup, role))
                moved[account] = moved.get(account, 0) | 1 << index
                self._touch(account, 0)

    def _weight(self, rollup: Any, role: str) -> int:
        roles = self._role_weights.get(rollup.label)
        return 1 if not roles else round(roles.get(role, 1.0) * 1000)

    @property
    def _accounts(self) -> Any:
        return self.env.scope[self.person.account_of]

    def _role(self, row: int) -> str:
        return self._roles.texts[self.env.scope[self._role_column][row]] or ""

    def accounts_of(self, row: int) -> list[Membership]:
        """The accounts a person belongs to, first joined first: (account row, role, number of the joining
        record).
        """
        first = self._accounts[row]
        if not first:
            return []
        joined = self.env.scope[self._joined_column][row]
        return [(first, self._role(row), joined), *self.further.get(row, ())]

    def _set_accounts(self, row: int, held: list[Membership]) -> None:
        held.sort(key=lambda one: one[2])
        first, role, joined = held[0] if held else (0, "", 0)
        self.env.scope[self._role_column][row] = self._roles.code(role) if role else 0
        self.env.scope[self._joined_column][row] = joined
        if len(held) > 1:
            self.further[row] = held[1:]
        else:
            self.further.pop(row, None)
        if self._accounts[row] != first:
            # What is read through the account are other facts now.
            self._accounts[row] = first
            self._joined.append(row)

    def _whole_body(self) -> Any:
        found = msgspec.json.decode(self._whole_raw)
        return found.get("properties", UNSET) if isinstance(found, dict) else UNSET

    def _touch_page(self, p: Any, ev: Any, path: tuple[str, ...]) -> Any:
        (field,) = path
        context = ev.context if ev is not None else None
        page = context.page if context is not None else None
        value = getattr(page, field, None) if page is not None else None
        return getattr(p, self._fields[field], UNSET) if value is None else value

    # --------------------------------------------------------------------------------------------------
    # snapshots

    def snapshot(self) -> bytes:
        """The whole state; `restore` gives a fold that goes on exactly as this one would."""
        return state.dump(self)

    @classmethod
    def restore(cls, workspace: m.Workspace, data: bytes) -> Fold:
        """The fold of a snapshot. Raises SnapshotError when it is damaged or of another workspace or
        version.
        """
        return state.load(workspace, data, cls)

    # ---------------------------------------------------------------------------------------------------
    # records

    def events(self, entries: Iterable[Entry]) -> list[Effect]:
        """Folds a batch of events in order: (engine time ms, raw JSON), engine times never decreasing.

        Returns the effects in order. An event that the steps drop changes nothing and is counted in
        `dropped`.
        """
        accept = self.intake.accept
        for t, raw in entries:
            event = accept(raw, t, "")
            if event.__class__ is Dropped:
                assert isinstance(event, Dropped)
                self.dropped[event.reason] = self.dropped.get(event.reason, 0) + 1
                continue
            assert isinstance(event, Event)
            self.event(t, event, raw)
        return self._taken()

    def advance(self, t: int) -> list[Effect]:
        """A tick: everything due at or before `t` happens. Bounds latency, changes nothing else."""
        self._drain(t)
        self.t = max(self.t, t)
        return self._taken()

    def control(self, t: int, record: dict[str, Any]) -> list[Effect]:
        """Folds a control record. `op`: list (append, replace, remove, clear members by identifiers),
        weights.
        """
        self._drain(t)
        self.t = t
        self.seq += 1
        self._cause = ("control", str(record.get("op")), self.seq)
        handler = {"list": self._list, "weights": self._weights, "merge": self._merge_asked}.get(
            str(record.get("op"))
        )
        if handler is None:
            raise ControlError(f"unknown control `{record.get('op')}`", fix="one of list, weights, merge")
        handler(record)
        return self._taken()

    def _taken(self) -> list[Effect]:
        taken, self.effects = self.effects, []
        return taken

    def event(self, t: int, event: Event, raw: bytes) -> None:
        """Folds one accepted event; effects gather in `effects`."""
        if (
            t >= self.wheel.next_due
            or t >= self.valued.next_due
            or t >= self._next_close
            or t >= self._tick_due
        ):
            self._drain(t)
        elif self.seq == 0:
            self._next_close = self.closer.after(t)
        self.t = t
        self.seq = seq = self.seq + 1
        type_ = event.type or ""
        name: str = event.event or ""  # type: ignore[assignment]
        self._cause = (type_, name, seq)
        self._whole_raw = raw
        te = event.time if event.time <= t else t
        person = self.person
        new_from = person.table.rows
        row = self._who(event, type_, t)
        hour = t // HOUR
        if hour != self._hour:
            self._hour = hour
            self._in_hour.clear()
        self._in_hour[row] = so_far = self._in_hour.get(row, 0) + 1
        if so_far > PROFILE_EVENTS_PER_HOUR_MAX:
            self.dropped[Reason.PROFILE_FLOOD] = self.dropped.get(Reason.PROFILE_FLOOD, 0) + 1
            return
        p, context = event.properties, event.context
        d = 0
        if row >= new_from:
            d = person.everything
            if person.catalogues and event.user_id is not None:
                person.traits.set(row, person.catalogue_traits(str(event.user_id)), 0, 0, t)
        group = event.group_id if type_ == "group" else context.group_id if context is not None else None
        account = 0
        if group is not None:
            account = self._accounts[row]
            if self.account_ids[account] != group:
                account = self._account(group)
        else:
            account = self._accounts[row]
            if account and self.further and row in self.further:
                account = 0
        entities = self._entities_of(event, row) if self._entity_keys else ()
        if type_ == "group":
            role = event.traits.get("role")
            self._join(row, account, role if isinstance(role, str) else "")
            self._touch(account, self.account.traits.set(account, event.traits, te, seq, t))
            if "parent" in event.traits:
                self._set_parent(account, event.traits["parent"])
        elif type_ == "identify":
            d |= person.traits.set(row, event.traits, te, seq, t)
        elif account and name == "Account Removed User":
            self._leave(row, account)
        key = (type_, name)
        if not entities or all(model.person for _, model, _, _ in entities):
            handlers = person.handlers
            handler = handlers[key] if key in handlers else person.handler(type_, name)
            if handler is not None:
                d |= handler(row, te, t, seq, p, event)
        if account:
            handlers = self.account.handlers
            handler = handlers[key] if key in handlers else self.account.handler(type_, name)
            if handler is not None:
                mask = handler(account, te, t, seq, p, event)
                if mask:
                    self._touch(account, mask)
        if self._joined:
            d |= self.exports.every
            self._joined.clear()
        masks = []
        for unit, _, entity, mask in entities:
            handler = unit.handler(type_, name)
            masks.append(mask if handler is None else mask | handler(entity, te, t, seq, p, event))
        if d:
            person.evaluate(row, t, d)
        for (unit, _, entity, _), mask in zip(entities, masks, strict=True):
            if mask:
                unit.evaluate(entity, t, mask)

    def _entities_of(self, event: Event, row: int) -> list[tuple[CompiledUnit, m.Entity, int, int]]:
        """The entities an event is about: (unit, model, row, nodes to evaluate), new ones created."""
        found = []
        for unit, model, field in self._entity_keys:
            if field is not None:
                key = getattr(event.properties, field, UNSET)
            else:
                key = event.context.group_id if event.context is not None else UNSET
            if key.__class__ is int:
                key = str(key)
            if key.__class__ is not str or not key:
                continue
            rows = self.entity_rows[unit.kind]
            entity, d = rows.get(key, 0), 0
            if not entity:
                entity = rows[key] = self._new_row(unit)
                self.entity_ids[unit.kind].append((key, row))
                d = unit.everything
                self.emit(unit, entity, CREATED, "", {"key": key})
                unit.traits.set(entity, unit.catalogue_traits(key), 0, 0, self.t)
            found.append((unit, model, entity, d))
        return found

    # ------------------------------------------------------------------------------------------ people,
    # accounts

    def _who(self, event: Event, type_: str, t: int) -> int:
        identity = self.identity
        if type_ == "alias":
            return identity.alias(str(event.previous_id), str(event.user_id), t)
        context = event.context
        if type_ != "identify" and (context is None or (context.traits is None and context.device is None)):
            # The common case: one or two known identifiers of the same person, found by exact look-ups.
            row, anonymous = 0, event.anonymous_id
            if event.user_id is not None:
                key: str = identity.user + event.user_id  # type: ignore[operator]
                row = identity.maps[(ord(key[-1]) * 31 + ord(key[0 if len(key) < 3 else -2])) & 255].get(
                    key, 0
                )
                if anonymous is None and row:
                    return row
            if anonymous is not None:
                key = identity.anonymous + anonymous  # type: ignore[operator]
                held = identity.held[row] if row else None
                if held is not None and held.__class__ is tuple and key in held:
                    return row
                other = identity.maps[(ord(key[-1]) * 31 + ord(key[0 if len(key) < 3 else -2])) & 255].get(
                    key, 0
                )
                if other and (other == row or event.user_id is None):
                    return other
        return identity.resolve(self._keys(event), t)

    def _keys(self, event: Event) -> list[str]:
        """The event's identifiers, strongest first."""
        context = event.context
        traits = (
            event.traits
            if event.type == "identify"
            else (context.traits if context is not None else None) or {}
        )
        device = context.device if context is not None else None
        found: dict[str, Any] = {
            "user_id": event.user_id,
            "anonymous_id": event.anonymous_id,
            "email": traits.get("email"),
            "phone": traits.get("phone"),
            "device": device.token if device is not None else None,
        }
        for kind, path in self.identity.custom:
            found[kind] = dig(traits, tuple(path.split(".")))
        keys = []
        for kind in self.identity.order:
            value = found.get(kind)
            if value is None or value is UNSET or value.__class__ in (dict, list):
                continue
            key = self.identity.key(kind, value)
            if key is not None and key not in keys:
                keys.append(key)
        return keys

    def _new_row(self, unit: CompiledUnit) -> int:
        row = unit.table.new_row()
        self.env.scope[unit.born.name][row] = self.seq
        return row

    def _create_person(self) -> int:
        row = self._new_row(self.person)
        self.emit(self.person, row, CREATED, "", {})
        return row

    def _account(self, key: Any) -> int:
        row = self.account_rows.get(key, 0)
        if not row:
            row = self.account_rows[key] = self._new_row(self.account)
            self.account_ids.append(key)
            self.members.append(None)
            self.emit(self.account, row, CREATED, "", {"key": key})
            self.account.traits.set(row, self.account.catalogue_traits(key), 0, 0, self.t)
            self._touch(row, self.account.everything)
        return row

    def _join(self, row: int, account: int, role: str) -> None:
        held = self.accounts_of(row)
        for place, (known, before, since) in enumerate(held):
            if known == account:
                if role and role != before:
                    self._share(row, account, before, -1)
                    held[place] = (account, role, since)
                    self._set_accounts(row, held)
                    self._share(row, account, role, 1)
                return
        self._enlist(row, account)
        self._share(row, account, role, 1)
        self._set_accounts(row, [*held, (account, role, self.seq)])

    def _enlist(self, row: int, account: int) -> None:
        if self.members[account] is None:
            self.members[account] = array("i")
        self.members[account].append(row)

    def _leave(self, row: int, account: int) -> None:
        held = self.accounts_of(row)
        for known, role, _ in held:
            if known == account:
                self._share(row, account, role, -1)
                self.members[account].remove(row)
                self._set_accounts(row, [one for one in held if one[0] != account])
                return

    def _share(self, row: int, account: int, role: str, sign: int) -> None:
        """Adds (or takes away) all that a member contributes to an account."""
        for rollup in self.account.rollups:
            share = rollup.share(row)
            weight = self._weight(rollup, role)
            if sign > 0:
                rollup.moved(account, None, share, weight)
            else:
                rollup.moved(account, share, None, weight)
        self._moved_rollups[account] = (1 << len(self.account.rollups)) - 1
        self._touch(account, 0)

    # -----------------------------------------------------------------------------------------------------
    # merge

    def _merge(self, winner: int, loser: int, by: str) -> None:
        """Folds the loser's state into the winner's; the winner is evaluated once, with all its nodes."""
        person, t = self.person, self.t
        data = {"loser": self.id_of(person, loser), "by": by}
        self.emit(person, winner, MERGED, "", data)
        joined, kept = self.accounts_of(loser), self.accounts_of(winner)
        for account, _, _ in joined:
            self._leave(loser, account)
        for account, role, _ in kept:
            self._share(winner, account, role, -1)
        # What the signals gain now is added below with all the rest: they must not report it meanwhile.
        self._accounts[winner] = 0
        person.traits.merge(winner, loser, t)
        for signal in person.signals.values():
            signal.merge(winner, loser, t)
        for score in person.scores.values():
            score.recompute(winner)
        for node in (*person.segments.values(), *person.hidden):
            node.merge(winner, loser)
        merged = {account: (account, role, since) for account, role, since in kept}
        for account, role, since in joined:
            mine = merged.get(account)
            if mine is None:
                self._enlist(winner, account)
                merged[account] = (account, role, since)
            else:
                # In an account that both belonged to, who joined earlier says the role, if any was said.
                first, second = sorted((mine, (account, role, since)), key=lambda one: one[2])
                merged[account] = (account, first[1] or second[1], first[2])
        for account, role, _ in merged.values():
            self._share(winner, account, role, 1)
        self._set_accounts(winner, list(merged.values()))
        self._joined.clear()
        self.forward[loser] = winner
        for old, new in list(self.forward.items()):
            if new == loser:
                self.forward[old] = winner
        born = self.env.scope[person.born.name][loser]
        person.table.reset(loser)
        self.env.scope[person.born.name][loser] = born
        for ids in self.entity_ids.values():
            for place, (key, owner) in enumerate(ids):
                if owner == loser:
                    ids[place] = (key, winner)
        person.evaluate(winner, t, person.everything)

    def _merge_asked(self, record: dict[str, Any]) -> None:
        rows = sorted({self._find(one) for one in record.get("members", [])} - {0})
        for other in rows[1:]:
            self.identity._absorb(rows[0], other)
            self._merge(rows[0], other, "asked")

    # --------------------------------------------------------------------------------------------------
    # controls

    def _find(self, identifier: Any) -> int:
        """The person of an identifier: `{kind: value, ...}` or a bare user id, e-mail or anonymous id."""
        if isinstance(identifier, dict):
            return next((row for k, v in identifier.items() if (row := self.identity.find(k, v))), 0)
        for kind in ("user_id", "email", "anonymous_id"):
            row = self.identity.find(kind, identifier)
            if row:
                return row
        return 0

    def _list(self, record: dict[str, Any]) -> None:
        """Changes a list kept by hand; members nobody has heard of are created from their identifiers."""
        label = str(record.get("list"))
        unit = self.account if label in self.account.segments else self.person
        node = unit.segments.get(label)
        if node is None or node.condition is not None:
            raise ControlError(
                f"`{label}` is no list kept by hand", fix="declare a segment with `manual: true`"
            )
        action = record.get("action", "append")
        find = self._listed_account if unit is self.account else self._listed_person
        rows = [row for row in map(find, record.get("members", [])) if row]
        wanted = set(rows)
        bits = self.env.scope[node.slot.column]
        if action in ("replace", "clear"):
            for row in range(1, unit.table.rows):
                if bits[row] & node.slot.bit and row not in wanted:
                    self._on_list(unit, node, row, False)
        for row in rows:
            self._on_list(unit, node, row, action not in ("remove", "clear"))

    def _listed_person(self, identifier: Any) -> int:
        named = identifier if isinstance(identifier, dict) else {"user_id": identifier}
        keys = [key for k in self.identity.order if k in named and (key := self.identity.key(k, named[k]))]
        row = self._find(identifier)
        if not keys or (row and all(self.identity.row_of(key) == row for key in keys)):
            return row
        if not row:
            # Each person that one record creates takes a number of its own, for ids come from numbers.
            self.seq += 1
        before = self.person.table.rows
        row = self.identity.resolve(keys, self.t)
        if self.person.table.rows > before:
            self.person.evaluate(row, self.t, self.person.everything)
        return row

    def _listed_account(self, identifier: Any) -> int:
        key = identifier.get("group_id") if isinstance(identifier, dict) else identifier
        if key.__class__ is not str or not key:
            return 0
        if key not in self.account_rows:
            self.seq += 1
        return self._account(key)

    def _on_list(self, unit: CompiledUnit, node: SegmentNode, row: int, member: bool) -> None:
        mask = node.set(row, self.t, member)
        if mask and unit is self.account:
            self._touch(row, mask)
        elif mask:
            unit.evaluate(row, self.t, mask)

    def _weights(self, record: dict[str, Any]) -> None:
        """New weights of a score: re-scores everybody at once, marked as a jump."""
        of, label = str(record.get("of", m.PERSON)), str(record.get("score"))
        unit = self._unit(of)
        node = unit.scores.get(label)
        if node is None:
            raise ControlError(f"unknown score `{label}`")
        weights = msgspec.convert(record["weights"], list[m.Weights])
        self.closer.reweigh(unit, node, weights)

    # ------------------------------------------------------------------------------------------------------
    # time

    def _drain(self, t: int) -> None:
        """Everything due at or before `t`, in order."""
        if self.seq == 0:
            self._next_close = self.closer.after(t)
        while True:
            close, tick = self._next_close, self._tick_due
            until = min(t, close, tick)
            if self.wheel.next_due <= until or self.valued.next_due <= until:
                self._fire(until)
                continue
            if until == close:
                self.t = close
                self._cause = ("day close", "", 0)
                self._next_close = self.closer.after(close)
                self.closer.close(close)
            elif until == tick:
                self._tick(tick)
            else:
                return

    def _fire(self, until: int) -> None:
        """Entries and timers due at or before `until`; stops early when one of them brings a tick nearer."""
        wheel, valued, fires = self.wheel, self.valued, self._fires
        evaluate = self._evaluate
        v = valued.head(until) if valued.next_due <= until else None
        limit = (until + 1) << LOW_BITS
        while True:
            active, at = wheel.active, wheel.at
            if at < len(active):
                key = active[at]
            elif wheel.next_due <= until and wheel.head(until) is not None:
                continue
            else:
                key = limit
            if key >= limit or (v is not None and v[0] < key) or self.forward:
                if key >= limit and v is None:
                    wheel.head(until)
                    return
                self._fire_instant(min(key >> LOW_BITS, v[0] >> LOW_BITS if v is not None else until))
                v = valued.head(until) if valued.next_due <= until else None
            else:
                wheel.at = at = at + 1
                if at < len(active) and active[at] >> OP_BITS == key >> OP_BITS:
                    # More for the same subject at the same instant: it may be one operation.
                    wheel.at -= 1
                    self._fire_instant(key >> LOW_BITS)
                    v = valued.head(until) if valued.next_due <= until else None
                else:
                    self.t = due = key >> LOW_BITS
                    op = key & OP_MASK
                    row = (key >> OP_BITS) & ROW_MASK
                    d = fires[op](row, due, 1, 0)
                    if d:
                        self._cause = op
                        evaluate[(key >> _KIND_SHIFT) & _KIND_MASK](row, due, d)
            if self._tick_due < until:
                until = self._tick_due
                limit = (until + 1) << LOW_BITS
                if v is not None and v[0] >= limit:
                    v = None

    def _fire_instant(self, due: int) -> None:
        """All entries of one instant, when several concern one subject or people have merged.

        Rows are forwarded to merged people first, then the order is made; the entries of one signal of one
        subject are
        one operation.
        """
        found: dict[int, list[int]] = {}
        while self.wheel.next_due <= due and (a := self.wheel.head(due)) is not None:
            self.wheel.at += 1
            self._gather(found, a & LOW_MASK, 0)
        while self.valued.next_due <= due and (v := self.valued.head(due)) is not None:
            self.valued.at += 1
            self._gather(found, v[0] & LOW_MASK, v[1])
        self.t = due
        groups: dict[tuple[int, str], list[int]] = {}
        for low in sorted(found):
            groups.setdefault((low >> OP_BITS, self._owners[low & OP_MASK]), []).append(low)
        for (subject, _), lows in groups.items():
            row, kind = subject & ROW_MASK, (subject >> ROW_BITS) & _KIND_MASK
            d = 0
            for low in lows:
                entries, total = found[low]
                d |= self._fires[low & OP_MASK](row, due, entries, total)
            if d:
                self._cause = lows[0] & OP_MASK
                self.compiled[kind].evaluate(row, due, d)

    def _gather(self, found: dict[int, list[int]], low: int, value: int) -> None:
        if (low >> _KIND_SHIFT) & _KIND_MASK == 0:
            row = (low >> OP_BITS) & ROW_MASK
            forward = self.forward.get(row)
            if forward is not None:
                low += (forward - row) << OP_BITS
        held = found.setdefault(low, [0, 0])
        held[0] += 1
        held[1] += value

    def _tick(self, tick: int) -> None:
        """Closes every account touched since the last tick, then tells its members what changed."""
        self.t = tick
        self._tick_due = NEVER
        dirty, self._dirty_accounts = self._dirty_accounts, {}
        account = self.account
        for row in sorted(dirty):
            self._cause = ("tick", "", 0)
            d = dirty[row]
            moved = self._moved_rollups.pop(row, 0)
            while moved:
                bit = moved & -moved
                moved ^= bit
                d |= account.rollups[bit.bit_length() - 1].show_tick(row)
            if d:
                account.evaluate(row, tick, d)
            mask = self.exports.close(row)
            if mask:
                for member in sorted(self.member_rows(row)):
                    if self._accounts[member] == row:
                        self._cause = ("account", self.account_ids[row], 0)
                        self.person.evaluate(member, tick, mask)

    # --------------------------------------------------------------------------------------------------
    # reading

    def subjects(self, of: str) -> dict[str, dict[str, Any]]:
        """Every living subject of a kind by id: identifiers, traits, signals, segments, stages, scores,
        bands.
        """
        unit = self._unit(of)
        gone = self.forward if of == m.PERSON else {}
        return {
            self.id_of(unit, row): self.read(of, row) for row in range(1, unit.table.rows) if row not in gone
        }

    def read(self, of: str, row: int) -> dict[str, Any]:
        """One subject for people."""
        unit = self._unit(of)
        signals: dict[str, Any] = {}
        for label, signal in unit.signals.items():
            if hasattr(signal, "settle"):
                signal.settle(row, self.t)
            signals[label] = signal.read(row)
            for part, value in signal.parts(row).items():
                signals[f"{label}.{part}"] = value
        return {
            "identifiers": self._identifiers(of, row),
            "traits": unit.traits.values(row),
            "signals": signals,
            "segments": sorted(k for k, node in unit.segments.items() if unit.show(node.slot, row)),
            "stages": {k: unit.show(node.slot, row) for k, node in unit.lifecycles.items()},
            "scores": {k: node.read(row) for k, node in unit.scores.items()},
            "bands": {k: unit.show(node.band_slot, row) for k, node in unit.scores.items()},
        }

    def _identifiers(self, of: str, row: int) -> dict[str, Any]:
        if of == m.PERSON:
            return self.identity.identifiers(row)
        if of == m.ACCOUNT:
            return {"account_id": [self.account_ids[row]]}
        key, person = self.entity_ids[of][row]
        return {of: [key], "person": [self.id_of(self.person, person)] if person else []}


def _never(row: int, due: int, entries: int, value: int) -> int:
    raise AssertionError("an operation without a function")


def _touch_campaign(ev: Any, path: tuple[str, ...]) -> Any:
    context = ev.context if ev is not None else None
    campaign = context.campaign if context is not None else None
    return dig(campaign, path) if campaign is not None else UNSET


__all__ = ["ControlError", "Entry", "Fold", "parse_ms"]
