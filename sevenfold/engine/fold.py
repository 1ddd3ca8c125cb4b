"""The fold itself: batches of events, ticks and control records, and one event from the person to the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UNSET

from .. import state
from ..effects import CREATED, Effect
from ..events.model import Event
from ..events.reasons import Reason
from ..events.steps import Dropped
from ..lifecycle.closing import DayCloser
from ..lifecycle.compile import CompiledUnit
from ..limits import PROFILE_EVENTS_PER_HOUR_MAX
from ..profiles.identity import Identity
from ..profiles.where import dig
from ..workspace import models as m
from .compiling import Pending, Seeds
from .controls import perform
from .reading import Reading

Entry = tuple[int, bytes]
"""An accepted event: (engine time ms, raw JSON)."""
HOUR = 3_600_000


class Fold(Reading):
    """The engine for one workspace. `capacity_rows` is the room for people before the columns have to grow.

    `seeds` are dictionaries to start from, `pending` signals whose past is not known: snapshots and changes
    of the workspace need them.
    """

    def __init__(
        self,
        workspace: m.Workspace,
        *,
        capacity_rows: int = 1_024,
        seeds: Seeds | None = None,
        pending: Pending | None = None,
    ) -> None:
        super().__init__(workspace)
        self._whole_raw = b""
        self._hour = -1
        self._in_hour: dict[int, int] = {}
        """Events of each person in the present hour of engine time."""
        self._compile(capacity_rows, seeds or {}, pending or {})
        self.identity = Identity(workspace.identity, self._create_person, self._merge)
        self.closer = DayCloser(self, ZoneInfo(workspace.timezone))

    def snapshot(self) -> bytes:
        """The whole state; `restore` gives a fold that goes on exactly as this one would."""
        return state.dump(self)

    @classmethod
    def restore(cls, workspace: m.Workspace, data: bytes) -> Fold:
        """The fold of a snapshot. Raises SnapshotError when it is damaged or of other making."""
        return state.load(workspace, data, cls)

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
        """Folds a control record: what its `op` names in `controls`."""
        self._drain(t)
        self.t = t
        self.seq += 1
        self._cause = ("control", str(record.get("op")), self.seq)
        perform(self, record)
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
