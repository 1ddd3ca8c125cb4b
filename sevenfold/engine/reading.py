"""Subjects for people: natural units and texts instead of columns and codes."""

from __future__ import annotations

from typing import Any

from ..lifecycle.compile import CompiledUnit
from ..workspace import models as m
from .draining import Draining


class Reading(Draining):
    """What the fold shows of a subject."""

    def subjects(self, of: str) -> dict[str, dict[str, Any]]:
        """Every living subject of a kind by id, as `read` shows it."""
        unit = self._unit(of)
        gone = self.forward if of == m.PERSON else {}
        return {
            self.id_of(unit, row): self.read(of, row) for row in range(1, unit.table.rows) if row not in gone
        }

    def read(self, of: str, row: int) -> dict[str, Any]:
        """One subject: identifiers, traits, signals, segments, stages, scores, bands, predictions."""
        unit = self._unit(of)
        signals: dict[str, Any] = {}
        for label, signal in unit.signals.items():
            if hasattr(signal, "settle"):
                signal.settle(row, self.t)
            known = label not in unit.pending
            signals[label] = signal.read(row) if known else None
            for part, value in signal.parts(row).items():
                signals[f"{label}.{part}"] = value if known else None
        return {
            "identifiers": self._identifiers(of, row),
            "traits": unit.traits.values(row),
            "signals": signals,
            "segments": sorted(k for k, node in unit.segments.items() if unit.show(node.slot, row)),
            "stages": {k: unit.show(node.slot, row) for k, node in unit.lifecycles.items()},
            "scores": {k: node.read(row) for k, node in unit.scores.items()},
            "bands": {k: unit.show(node.band_slot, row) for k, node in unit.scores.items()},
            "predictions": {k: self.read_prediction(unit, k, row) for k in unit.predictions},
        }

    def read_prediction(self, unit: CompiledUnit, label: str, row: int) -> dict[str, Any]:
        """A prediction's value in natural units (a date in ms), as of when, and by which model; all None
        while it is unknown.
        """
        node, book = unit.predictions[label], self.predictions.get(label)
        as_of = node.as_of(row)
        version = book.name_of(node.version(row)) if book is not None and as_of else None
        return {"value": unit.show(node.slot, row), "as_of": as_of or None, "version": version}

    def _identifiers(self, of: str, row: int) -> dict[str, Any]:
        if of == m.PERSON:
            return self.identity.identifiers(row)
        if of == m.ACCOUNT:
            return {"account_id": [self.account_ids[row]]}
        key, person = self.entity_ids[of][row]
        return {of: [key], "person": [self.id_of(self.person, person)] if person else []}
