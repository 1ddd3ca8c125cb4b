"""One accepted event: whose it is, what it tells, and the operation of each subject it concerns."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from ..effects import CREATED
from ..events.model import Event
from ..events.reasons import Reason
from ..lifecycle.compile import CompiledUnit
from ..limits import PROFILE_EVENTS_PER_HOUR_MAX
from ..profiles.unit import Handler
from ..profiles.where import dig
from ..workspace import models as m
from .reading import Reading

HOUR = 3_600_000
COUNT_BITS = 14
"""Of the column `.hour`: the events of one hour, below the number of that hour."""
HOURS_MASK = (1 << 17) - 1
"""Hours are told apart for 15 years."""
LEAVING = "Account Removed User"
"""The track call by which a person leaves an account."""
Path = tuple[Handler | None, Handler | None, bool]
"""What an event of one name does: the person's handler, the account's, whether a journey may listen."""
PATHS_MAX = 20_000
"""Names whose paths are kept; clients may invent names without end."""
assert PROFILE_EVENTS_PER_HOUR_MAX < 1 << COUNT_BITS


class Arriving(Reading):
    """Events, from the person to the end."""

    _hour_column: str

    def __init__(self, workspace: m.Workspace) -> None:
        super().__init__(workspace)
        self._whole_raw = b""
        self._paths: dict[str, dict[str, Path]] = {"track": {}, "page": {}, "screen": {}}
        """Of calls that only tell what somebody did, by name. Other calls and `LEAVING` have none."""

    def _path(self, type_: str, name: str) -> Path:
        """The functions for an event of this name; both None when no signal listens."""
        paths = self._paths.get(type_)
        found = paths.get(name) if paths is not None else None
        if found is None:
            heard = self.journeys is not None and self.journeys.hears(type_, name)
            found = self.person.handler(type_, name), self.account.handler(type_, name), heard
            if paths is not None and name != LEAVING:
                if len(paths) >= PATHS_MAX:
                    paths.clear()
                paths[name] = found
        return found

    def event(self, t: int, event: Event, raw: bytes) -> None:
        """Folds one accepted event; effects gather in `effects`."""
        self._drain(t)
        self.t = t
        self.seq = seq = self.seq + 1
        type_ = event.type or ""
        name: str = event.event or ""  # type: ignore[assignment]
        self._cause = (type_, name, seq)
        self._whole_raw = raw
        te = event.time if event.time <= t else t
        person = self.person
        journeys = self.journeys
        if journeys is not None:
            journeys.begin()
        row = self._who(event, type_, t)
        if self._floods(row, t):
            self.dropped[Reason.PROFILE_FLOOD] = self.dropped.get(Reason.PROFILE_FLOOD, 0) + 1
            if journeys is not None:
                journeys.release()
            return
        p = event.properties
        d = 0
        if self.env.scope[person.born.name][row] == seq:
            d = person.everything
            if person.catalogues and event.user_id is not None:
                person.traits.set(row, person.catalogue_traits(str(event.user_id)), 0, 0, t)
        account = self._account_of(event, row)
        if self.noted is not None:
            self.noted.append(row << 32 | account)
        entities = self._entities_of(event, row) if self._entity_keys else ()
        if type_ == "group":
            role = event.traits.get("role")
            self._join(row, account, role if isinstance(role, str) else "")
            self._touch(account, self.account.traits.set(account, event.traits, te, seq, t))
            if "parent" in event.traits:
                self._set_parent(account, event.traits["parent"])
        elif type_ == "identify":
            d |= person.traits.set(row, event.traits, te, seq, t)
        elif account and name == LEAVING:
            self._leave(row, account)
        of_person, of_account, heard = self._path(type_, name)
        theirs = not entities or all(model.person for _, model, _, _ in entities)
        if of_person is not None and theirs:
            d |= of_person(row, te, t, seq, p, event)
        if account and of_account is not None:
            mask = of_account(account, te, t, seq, p, event)
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
        if journeys is not None:
            context = event.context
            if context is not None and context.consent is not None:
                journeys.consents(row, context.consent, te)
            if heard:
                journeys.end(row if theirs else 0, account, entities, (type_, name), event, te)
            else:
                journeys.release()

    def _floods(self, row: int, t: int) -> bool:
        """Counts an event of a person in the present hour of engine time; true when it is one too many."""
        hours, stamp = self._hours, (t // HOUR & HOURS_MASK) << COUNT_BITS
        counted = hours[row] if hours[row] >> COUNT_BITS == stamp >> COUNT_BITS else stamp
        if counted - stamp >= PROFILE_EVENTS_PER_HOUR_MAX:
            return True
        hours[row] = counted + 1
        return False

    @property
    def _hours(self) -> Any:
        return self.env.scope[self._hour_column]

    def _account_of(self, event: Event, row: int) -> int:
        """The account an event counts for: the one it names, else the person's only one, else 0."""
        context = event.context
        group = event.group_id if event.type == "group" else context.group_id if context is not None else None
        account: int = self._accounts[row]
        if group is None:
            return 0 if account and row in self.further else account
        return account if self.account_ids[account] == group else self._account(group)

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
                self.retirement.owns(row)
                d = unit.everything
                self.emit(unit, entity, CREATED, "", {"key": key})
                unit.traits.set(entity, unit.catalogue_traits(key), 0, 0, self.t)
            found.append((unit, model, entity, d))
        return found

    def _who(self, event: Event, type_: str, t: int) -> int:
        if type_ == "alias":
            return self.identity.alias(str(event.previous_id), str(event.user_id), t)
        return self.identity.resolve(self._keys(event), t)

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
