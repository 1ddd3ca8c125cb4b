"""A workspace becomes units, columns, handlers and operations, in the fixed steps that they share."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from ..events.model import event_decoder
from ..events.steps import Intake
from ..journeys.runtime import journeys_of
from ..lifecycle.accounts import Exports
from ..lifecycle.compile import CompiledUnit, members_label
from ..profiles.columns import COUNT, Dictionary
from ..profiles.signals.base import stamp_ms
from ..profiles.where import dig, micro
from ..workspace import models as m
from .merging import Merging
from .retiring import Retirement
from .subjects import Subjects

Seeds = dict[str, dict[str, Dictionary]]
"""Dictionaries to start from, `{kind: {attribute: dictionary}}`."""
Pending = dict[str, frozenset[str]]
"""Signals whose past is not known yet, by kind of subject."""


class Compiling(Merging):
    """The compiled workspace, and what generated code reads of the event at hand."""

    _entity_keys: list[tuple[CompiledUnit, m.Entity, str | None]]
    _whole_raw: bytes

    def _compile(self, capacity_rows: int, seeds: Seeds, pending: Pending) -> None:
        kinds = [m.PERSON, m.ACCOUNT, *self.workspace.entities]
        scope = self.env.scope
        scope.update(
            bucket=self.wheel.buckets.get,
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
            self.units[kind] = CompiledUnit(self, kind, index, capacity_rows, pending.get(kind, frozenset()))
            self.units[kind].dictionaries.update(seeds.get(kind, {}))
        self.person, self.account = self._unit(m.PERSON), self._unit(m.ACCOUNT)
        self._joined_column = self.person.table.add(".joined", "int32", widens=True)
        self._hour_column = self.person.table.add(".hour", "int32").name
        self._role_column = self.person.table.add(".role", COUNT)
        self._roles = self.person.dictionary(".role")
        self.entities = [self._unit(kind) for kind in self.workspace.entities]
        self.compiled = [self.person, self.account, *self.entities]
        for unit in self.compiled:
            unit.declare()
            if unit.predictions:
                unit.subjects = Subjects(unit)
        journeys = self.journeys = journeys_of(self)  # type: ignore[arg-type]
        if journeys is not None:
            journeys.declare()
        self.retirement = Retirement(self)  # type: ignore[arg-type]
        self.retirement.declare()
        for unit in self.compiled:
            # Linked signals took their bits while they were declared; the rest of the order follows.
            unit.order_nodes()
        if journeys is not None:
            journeys.order_nodes()
        for unit in self.compiled:
            unit.watch()
        if journeys is not None:
            journeys.watch()
            journeys.name_properties()
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
        self._entity_fields = [field for _, _, field in self._entity_keys if field is not None]
        for unit in self.compiled:
            unit.finish()
        if journeys is not None:
            journeys.finish()
        for unit in self.compiled:
            unit.table.arrange()
        self._functions = [
            unit.functions if journeys is None else journeys.resting(unit) for unit in self.compiled
        ]
        # Runs and tasks have timers but no nodes: their kind is none that is evaluated.
        self._evaluators = [
            self._functions[kind] if kind < len(self._functions) else {} for kind in self._kinds
        ]
        self._role_weights = {
            members_label(k): v.members.roles
            for k, v in self.workspace.scores.items()
            if v.members is not None
        }

    def _whole_body(self) -> Any:
        found = msgspec.json.decode(self._whole_raw)
        return found.get("properties", UNSET) if isinstance(found, dict) else UNSET

    def _touch_page(self, p: Any, ev: Any, path: tuple[str, ...]) -> Any:
        (field,) = path
        context = ev.context if ev is not None else None
        page = context.page if context is not None else None
        value = getattr(page, field, None) if page is not None else None
        return getattr(p, self._fields[field], UNSET) if value is None else value


def _touch_campaign(ev: Any, path: tuple[str, ...]) -> Any:
    context = ev.context if ev is not None else None
    campaign = context.campaign if context is not None else None
    return dig(campaign, path) if campaign is not None else UNSET
