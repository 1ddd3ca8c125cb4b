"""The library's face of predictions: a history in; models, their quality, values and reasons out.

import sevenfold as sf

learned = sf.train("seven-stage", events, prediction="churn")
learned.quality("churn"), learned.scores("churn"), learned.explain("churn", "acme")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from sevenfold import frames
from sevenfold.engine import Fold
from sevenfold.errors import InputError
from sevenfold.importers.mapping import Mapping as EventMapping
from sevenfold.learning.asked import Asked
from sevenfold.learning.looking import Looking
from sevenfold.learning.records import PredictionModel, score_records
from sevenfold.learning.scoring import (
    UNKNOWN,
    Explained,
    Scores,
    drift_of,
    explain,
    frames_of,
    predictor_from,
    score,
    subjects,
)  # fmt: skip
from sevenfold.learning.training import train as train_one
from sevenfold.library import FrameKind, load, mapped_table, mapping_of
from sevenfold.playback.feed import Items
from sevenfold.playback.foretelling import looked, wanted
from sevenfold.playback.run import Progress
from sevenfold.workspace.models import ACCOUNT, Workspace
from sevenfold.workspace.problems import likely

_MICRO: Final = 1_000_000
Say = Callable[[str, str], None]
"""Told (prediction, what is under way)."""


def train(
    workspace: Workspace | str | Path, data: Any, *, prediction: str | Sequence[str] | None = None,
    mapping: Any = None, until: Any = None, progress: Progress | None = None, say: Say | None = None,
) -> Learned:  # fmt: skip
    """Learns the predictions of a workspace from history.

    `data`, `mapping` and `until` as for `replay`; `prediction` names one or several, all when left out. The
    history is gone through once; everything is judged on a later time than it was learned from, where
    outcomes are enough. With too few, what stands in says so (`quality(...)["caveats"]`). Raises
    SevenfoldError.
    """
    model, kind, looking = _looked(workspace, data, prediction, mapping, until, progress)
    models = {}
    for name, asked in looking.predictions.items():

        def tell(text: str, name: str = name) -> None:
            if say is not None:
                say(name, text)

        models[name] = train_one(asked, list(looking.looks[name]), looking.fold.t, tell).model
    return Learned(model, looking, models, kind)


def predict(
    workspace: Workspace | str | Path, data: Any, models: Any, *, mapping: Any = None, until: Any = None,
    progress: Progress | None = None,
) -> Learned:  # fmt: skip
    """Values of everybody as of the end of `data` (or `until`), by models that were learned before.

    `models` is a Learned, a file that `Learned.save` or `sevenfold train --out` wrote, records of models, or
    a dict of them by prediction. Raises SevenfoldError.
    """
    held = models_of(models)
    model, kind, looking = _looked(workspace, data, list(held), mapping, until, progress)
    return Learned(model, looking, held, kind)


def _looked(
    workspace: Workspace | str | Path, data: Any, prediction: str | Sequence[str] | None, mapping: Any,
    until: Any, progress: Progress | None,
) -> tuple[Workspace, FrameKind, Looking]:  # fmt: skip
    model = workspace if isinstance(workspace, Workspace) else load(workspace)
    names = [prediction] if isinstance(prediction, str) else list(prediction or ())
    asked = wanted(model, names)
    stop = frames.ms_of(until) if until is not None else None
    if until is not None and stop is None:
        fix = "pass a datetime or 2024-03-01T12:30:00Z"
        raise InputError(f"`{until}` is no time", where="until", fix=fix)
    with _inputs(data, mapping_of(mapping)) as (inputs, kind, explained):
        found = looked(model, inputs, asked, mapping=explained, until=stop, progress=progress)
    return model, kind, found


@contextmanager
def _inputs(
    data: Any, mapping: EventMapping | None
) -> Iterator[tuple[Sequence[Path] | Items, FrameKind, EventMapping | None]]:
    """What `replay` takes, as it is read: paths, or a function that gives events."""
    if isinstance(data, str | Path):
        yield [Path(data)], "arrow", mapping
    elif isinstance(data, list | tuple) and data and all(isinstance(one, str | Path) for one in data):
        yield [Path(one) for one in data], "arrow", mapping
    elif (table := frames.to_arrow(data)) is not None:
        if mapping is None:
            yield frames.table_items(table), frames.kind_of(data), None
        else:
            with mapped_table(table, mapping) as path:
                yield [path], frames.kind_of(data), mapping
    elif isinstance(data, Iterable) and mapping is None:
        yield frames.dict_items(data), "arrow", None
    else:
        fix = "pass a table, an iterable of dicts (without a mapping), or a path"
        raise InputError(f"Events cannot be read from a {type(data).__name__}", where="data", fix=fix)


class Learned:
    """What was learned of predictions, and everybody's values as of the end of the history it came from."""

    def __init__(
        self, workspace: Workspace, looking: Looking, models: Mapping[str, PredictionModel],
        kind: FrameKind = "arrow",
    ) -> None:  # fmt: skip
        self.workspace = workspace
        self.models = dict(models)
        """The record of each prediction's model: version, features, parameters, quality."""
        self._looking = looking
        self._kind = kind
        self._scores: dict[str, Scores] = {}

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {one.parameters['method']}" for name, one in self.models.items())
        return f"<Learned of {self.workspace.name}: {told}>"

    @property
    def fold(self) -> Fold:
        """The fold as it stands at the end of the history."""
        return self._looking.fold

    def quality(self, prediction: str) -> dict[str, Any]:
        """How good it is: method, cases, outcomes, AUC and log-loss with intervals, reliability, caveats."""
        return self._model(prediction).quality

    def values(self, prediction: str) -> Scores:
        """Everybody's value as integers, as a record carries them."""
        if prediction not in self._scores:
            predictor = predictor_from(self._model(prediction).parameters)
            self._scores[prediction] = score(self.fold, self._asked(prediction), predictor)
        return self._scores[prediction]

    def scores(self, prediction: str) -> Any:
        """A table of subject, identifier and value (None for unknown), the likeliest, largest or soonest
        first.

        Probabilities from 0 to 1, amounts in money, times as timestamps.
        """
        found = self.values(prediction)
        asked = self._asked(prediction)
        ranked = found.values.astype(np.float64)
        if asked.kind == "time_to":
            ranked = -np.where(found.values == UNKNOWN, np.inf, ranked)
        order = np.argsort(-ranked, kind="stable")
        values, rows = found.values[order], found.rows[order]
        known = [None if one == UNKNOWN else one for one in values.tolist()]
        if asked.kind == "time_to":
            told = pa.array(known, pa.timestamp("ms", tz="UTC"))
        else:
            told = pa.array([None if one is None else one / _MICRO for one in known], pa.float64())
        names = [identifier(self.fold, asked.of, row) for row in rows.tolist()]
        ids = subjects(self.fold, asked.of, rows)
        table = pa.table({"subject": ids, "identifier": names, "value": told})
        return frames.from_arrow(table, self._kind)

    def explain(self, prediction: str, who: str, count: int = 8) -> Explained:
        """Why a subject (an id or identifier) has its probability. Raises InputError for nobody."""
        asked = self._asked(prediction)
        predictor = predictor_from(self._model(prediction).parameters)
        for frame, _ in frames_of(self.fold, asked, predictor.sources):
            for place, row in enumerate(frame.rows.tolist()):
                subject = self.fold.id_of(self.fold.units[asked.of], row)
                if who in (subject, identifier(self.fold, asked.of, row)):
                    return explain(predictor, frame, count)[place]
        raise InputError(f"`{prediction}` is not asked about `{who}`", fix="`scores` lists whom it is about")

    def drift(self, prediction: str) -> dict[str, Any] | None:
        """How those who are asked about lie against those it was learned from; None without a model."""
        predictor = predictor_from(self._model(prediction).parameters)
        found = drift_of(self.fold, self._asked(prediction), predictor)
        return None if found is None else found.to_json()

    def records(self, prediction: str) -> list[dict[str, Any]]:
        """Control records of the values, in chunks, for a log that holds the model."""
        found = self.values(prediction)
        ids = subjects(self.fold, self._asked(prediction).of, found.rows)
        values = [None if one == UNKNOWN else one for one in found.values.tolist()]
        return list(score_records(prediction, self._model(prediction).version, found.time, ids, values))

    def given(self, prediction: str, *, by_id: bool) -> tuple[str, list[tuple[str, float | None]]]:
        """(what subjects are called by, (subject, value) pairs) as the API takes them: by id, or else by user
        id or account key, for those who have one.
        """
        found, asked = self.values(prediction), self._asked(prediction)
        scale = 1 if asked.kind == "time_to" else _MICRO
        values = [None if one == UNKNOWN else one / scale for one in found.values.tolist()]
        if by_id:
            return "id", list(zip(subjects(self.fold, asked.of, found.rows), values, strict=True))
        by, kind = ("key", "account_id") if asked.of == ACCOUNT else ("user_id", "user_id")
        named = [self.fold._identifiers(asked.of, row).get(kind) for row in found.rows.tolist()]
        pairs = zip(named, values, strict=True)
        return by, [(str(names[0]), value) for names, value in pairs if names]

    def save(self, path: str | Path) -> Path:
        """Writes the models as JSON, for `predict`."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(msgspec.json.format(msgspec.json.encode(list(self.models.values())), indent=1))
        return target

    def _model(self, prediction: str) -> PredictionModel:
        if prediction not in self.models:
            fix = likely(prediction, self.models) or f"there is {', '.join(self.models)}"
            raise InputError(f"Nothing was learned of `{prediction}`", fix=fix)
        return self.models[prediction]

    def _asked(self, prediction: str) -> Asked:
        self._model(prediction)
        return self._looking.predictions[prediction]


def models_of(given: Any) -> dict[str, PredictionModel]:
    """Models by prediction, of whatever holds them. Raises InputError."""
    if isinstance(given, Learned):
        return given.models
    if isinstance(given, str | Path):
        try:
            given = msgspec.json.decode(Path(given).read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            raise InputError(f"No models can be read: {error}", where=str(given)) from error
    parts = given.values() if isinstance(given, Mapping) else given
    try:
        held = [
            one if isinstance(one, PredictionModel) else msgspec.convert(one, PredictionModel)
            for one in parts
        ]
    except (TypeError, msgspec.ValidationError) as error:
        raise InputError(f"These are no models: {error}", fix="pass what `train` wrote") from error
    return {one.prediction: one for one in held}


def identifier(fold: Fold, of: str, row: int) -> str:
    """The first identifier of a subject, "" without one."""
    held = fold._identifiers(of, row)
    return next((str(values[0]) for values in held.values() if values), "")


__all__ = ["Learned", "models_of", "predict", "train"]
