"""Following the log with a fold of its own, and saying when something is to be learned or told.

The fold is under the definition in force, from the log's start; examples are gathered on the way. A
prediction is learned when a multiple of its `retrain` has passed since its model was, and told when a
multiple of its `rescore` has, in engine time: what was due while nobody looked is done once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from ...effects import REFUSED, WORKSPACE
from ...errors import SevenfoldError
from ...learning.asked import Asked, asked_of
from ...learning.looking import Looking
from ...learning.records import MODEL, SCORES, record_of, score_records
from ...learning.scoring import UNKNOWN, Predictor, drift_of, predictor_from, score, subjects
from ...learning.training import train
from ...limits import REPLAY_READ_RECORDS_MAX
from ...log.base import Readable, Record
from ...playback.foretelling import step_of_record, workspace_of
from ...snapshots import records_from
from ...workspace import models as m

log = logging.getLogger("sevenfold.learning")
_DRIFT_SHOWN: Final = 10
"""Features of a drift that are told, those that moved most."""


@dataclass
class Known:
    """What the log holds of a prediction: the newest model, when it was trained, and until when values are
    told.
    """

    version: str = ""
    parameters: Any = None
    trained_at: int = 0
    told_at: int = 0


class Keeper:
    """One data folder's predictions. `catch_up` follows; `due` says what is to be done."""

    def __init__(self, reader: Readable) -> None:
        self._log = reader
        self._workspace: m.Workspace | None = None
        self._looking: Looking | None = None
        self._position = 0
        self.known: dict[str, Known] = {}
        self._restart = False

    @property
    def time(self) -> int:
        """Engine time that has been followed to, ms."""
        return self._looking.fold.t if self._looking is not None else 0

    def catch_up(self, records: int = REPLAY_READ_RECORDS_MAX) -> bool:
        """Takes the next records; whether there may be more. A new definition begins again from the start."""
        if self._looking is None and not (self._defined() and self._begin()):
            return False
        found = self._log.read(self._position, records)
        for record in found:
            if self._fresh(record):
                self._take(record)
            if self._restart:
                self._looking = None
                self._restart = False
                return self._begin()
        return len(found) >= records

    def _fresh(self, record: Record) -> bool:
        return record.end > self._position or (record.kind == "tick" and record.time > self.time)

    def _defined(self) -> bool:
        """Whether a definition has come since it was last looked for."""
        found = False
        for record in records_from(self._log, self._position):
            found |= (record.control or {}).get("op") == WORKSPACE and record.end > self._position
            self._position = max(self._position, record.end)
        return found

    def _begin(self) -> bool:
        """A fold under the definition in force, unless it foretells nothing."""
        self._workspace = workspace_of(self._log)
        self.known = {}
        self._position = 0
        wanted = asked_of(self._workspace)
        self._looking = Looking(self._workspace, wanted) if wanted else None
        if self._looking is None:
            # Until there is another definition, nothing has to be followed.
            self._position = self._log.next_position
        return self._looking is not None

    def _take(self, record: Record) -> None:
        looking = self._looking
        assert looking is not None
        control = record.control or {}
        if control.get("op") == WORKSPACE and self._differs(control):
            self._restart = True
            return
        step = step_of_record(record)
        if step is not None:
            effects = looking.take(step)
            if control.get("op") in (MODEL, SCORES) and not any(one.kind == REFUSED for one in effects):
                self._heard(control)
        self._position = max(self._position, record.end)

    def _differs(self, control: dict[str, Any]) -> bool:
        """Whether a later definition than the one followed has come; earlier ones are in its past."""
        try:
            given = msgspec.convert(control["workspace"], m.Workspace)
        except (KeyError, msgspec.ValidationError):
            return False
        return given != self._workspace and workspace_of(self._log) != self._workspace

    def _heard(self, control: dict[str, Any]) -> None:
        known = self.known.setdefault(str(control["prediction"]), Known())
        if control["op"] == MODEL:
            known.version, known.parameters = control["version"], control["parameters"]
            known.trained_at = control["trained_at"]
            known.told_at = 0
        elif control["version"] == known.version:
            known.told_at = max(known.told_at, control["as_of"])

    def due(self) -> list[tuple[Asked, bool]]:
        """The predictions to tell now, and whether each is to be learned first."""
        if self._looking is None:
            return []
        found = []
        for asked in self._looking.predictions.values():
            known = self.known.get(asked.name, Known())
            learn = passed(known.trained_at, self.time, asked.retrain_ms)
            if learn or passed(known.told_at, self.time, asked.rescore_ms):
                found.append((asked, learn))
        return found

    def learned(self, asked: Asked) -> dict[str, Any]:
        """The record of a model learned now."""
        assert self._looking is not None
        found = train(asked, list(self._looking.looks[asked.name]), self.time)
        before = self.model(asked)
        drifted = self._drift(asked, predictor_from(before["parameters"])) if before is not None else None
        if drifted is not None:
            # How far those who are asked about now are from those the model before was learned from.
            found.model.quality["drift"] = drifted
        log.info("learned %s: %s, version %s", asked.name, found.method, found.model.version)
        return record_of(found.model)

    def told(self, asked: Asked, model: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The records of everybody's value now by a model's record."""
        assert self._looking is not None
        predictor = predictor_from(model["parameters"])
        found = score(self._looking.fold, asked, predictor)
        ids = subjects(self._looking.fold, asked.of, found.rows)
        values = [None if one == UNKNOWN else one for one in found.values.tolist()]
        yield from score_records(asked.name, model["version"], found.time, ids, values)

    def _drift(self, asked: Asked, predictor: Predictor) -> dict[str, Any] | None:
        assert self._looking is not None
        found = drift_of(self._looking.fold, asked, predictor)
        if found is None:
            return None
        if found.verdict == "drifted":
            moved = ", ".join(name for name, _ in found.features[:3])
            log.warning("%s is asked about others than it was learned from: %s", asked.name, moved)
        told = found.to_json()
        told["features"] = told["features"][:_DRIFT_SHOWN]
        return told

    def was_told(self, asked: Asked) -> None:
        """Everybody who is asked about has been told of, perhaps nobody."""
        self.known.setdefault(asked.name, Known()).told_at = self.time

    def model(self, asked: Asked) -> dict[str, Any] | None:
        """The model in force, as its record says it."""
        known = self.known.get(asked.name)
        if known is None or not known.version:
            return None
        return {"version": known.version, "parameters": known.parameters}


def passed(before: int, now: int, every: int) -> bool:
    """Whether a multiple of `every` lies in (before, now]; at once where nothing was done before."""
    return now > 0 and (before == 0 or now // every > before // every)


def refused(error: SevenfoldError) -> str:
    """What is said of a record that was not taken."""
    return f"{error.code}: {error.message}"


__all__: Sequence[str] = ["Keeper", "Known", "passed", "refused"]
