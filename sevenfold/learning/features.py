"""Features: what the fold knows of each subject at this moment, as numbers.

Values are read from the fold's columns between two records, so nothing that came later can be in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..engine import Fold
from ..errors import InputError
from ..lifecycle.compile import CompiledUnit
from ..profiles import expressions as x
from ..profiles.slots import SCALE, Slot
from ..profiles.unit import UnknownNameError
from ..workspace import models as m
from .asked import DAY_MS, HIDDEN, STAGE_TIME, Asked
from .outcomes import Floats, Ints, column, unit_of

_HOUR_MS: Final = 3_600_000
_NUMERIC: Final = frozenset({"count", "number", "score", "duration", "clock"})
_COMMON_SHARE: Final = 0.01
_VALUES_MAX: Final = 12
"""Values of a text that are features of their own: the most frequent ones, of at least one in a hundred."""


@dataclass(frozen=True)
class Feature:
    """One column of a model: a readable value, or with `text` whether it is that text.

    Counts, numbers and scores are in their own units, times since and until in days, lengths of sessions in
    hours, dates in days ago, truth values 1 and 0.
    """

    source: str
    text: str | None = None

    @property
    def name(self) -> str:
        stage = self.source.removeprefix(STAGE_TIME)
        source = self.source if stage == self.source else f"days in stage.{stage}"
        return source if self.text is None else f"{source} = {self.text}"


@dataclass(frozen=True)
class Texts:
    """A column of texts: their codes, and what each stands for; 0 is unknown."""

    codes: NDArray[np.int32]
    meaning: Callable[[int], str | None]


Column = Floats | Texts


@dataclass(frozen=True)
class Frame:
    """Subjects at one moment: `time` ms, rows and numbers (n,), and a column a source."""

    time: int
    rows: Ints
    numbers: Ints
    columns: dict[str, Column]
    beside: frozenset[str] = frozenset()
    """Columns that no model learns from: they are for what stands in for one."""


def sources_of(fold: Fold, asked: Asked) -> list[str]:
    """The names of what a prediction may read, in a stable order. Raises InputError for unknown ones."""
    unit = unit_of(fold, asked.of)
    if asked.features:
        for name in asked.features:
            _slot(unit, name)
        chosen: Iterable[str] = asked.features
    else:
        chosen = (".".join(parts) for parts, slot in unit.slots.items() if _usual(unit, parts, slot))
    dropped = set(asked.excluded)
    return [name for name in dict.fromkeys(chosen) if name not in dropped]


def _usual(unit: CompiledUnit, parts: tuple[str, ...], slot: Slot) -> bool:
    """Whether a value is a feature without being named: signals, scores, stages and how long they have
    lasted.
    """
    head = parts[0]
    if head.startswith(HIDDEN):
        return head.startswith(STAGE_TIME)
    if head in ("score", "stage"):
        return True
    if head not in unit.signals or head in unit.pending:
        return False
    return slot.type in _NUMERIC or (slot.type == "boolean" and len(parts) > 1)


def _slot(unit: CompiledUnit, name: str) -> tuple[Slot, bool]:
    """Where a name leads, and whether by way of the account."""
    try:
        place = unit.place(x.Name(tuple(name.split("."))))
    except UnknownNameError as error:
        raise InputError(f"`{name}` is nothing a prediction could read", fix=error.fix) from error
    if place.slot.type == "json":
        raise InputError(f"`{name}` is a list, which no model reads", fix="name a number, a truth or a text")
    return place.slot, place.via_account


def readers_of(fold: Fold, of: str, sources: Sequence[str]) -> list[tuple[str, Callable[[Ints], Column]]]:
    """A function for each source that reads rows."""
    unit = unit_of(fold, of)
    return [(name, _reader(fold, unit, name)) for name in sources]


def _reader(fold: Fold, unit: CompiledUnit, name: str) -> Callable[[Ints], Column]:
    slot, via_account = _slot(unit, name)
    if not via_account:
        return lambda rows: _values(unit, slot, rows, fold.t)
    account = unit_of(fold, m.ACCOUNT)

    def of_account(rows: Ints) -> Column:
        # The account as it is, row 0 for those without one: looks are between ticks, and nothing is later.
        return _values(account, slot, column(unit, unit.account_of)[rows].astype(np.int64), fold.t)

    return of_account


def _values(unit: CompiledUnit, slot: Slot, rows: Ints, now: int) -> Column:
    if slot.clock is not None:
        clock = slot.clock
        base = column(unit, clock.base)[rows].astype(np.int64)
        passed = (base - now if clock.backward else now - base) / DAY_MS
        since: Floats = np.where(base == clock.base_unknown, np.nan, passed)
        return since
    raw = column(unit, slot.column)[rows]
    if slot.bit:
        member: Floats = ((raw & slot.bit) != 0).astype(np.float64)
        return member
    values = raw.astype(np.int64)
    if slot.type == "text":
        return Texts(values.astype(np.int32), _meaning(slot))
    if slot.type == "boolean":
        found = (values == 2).astype(np.float64)
    elif slot.type == "date":
        found = (now - values) / DAY_MS
    elif slot.type == "duration":
        found = values / _HOUR_MS
    else:
        found = values / SCALE[slot.type]
    known: Floats = found if slot.unknown is None else np.where(values == slot.unknown, np.nan, found)
    return known


def _meaning(slot: Slot) -> Callable[[int], str | None]:
    if slot.codes is not None:
        by_code = {code: text for text, code in slot.codes.items()}
        return by_code.get
    dictionary = slot.dictionary

    def text(code: int) -> str | None:
        return (
            dictionary.texts[code] if dictionary is not None and 0 <= code < len(dictionary.texts) else None
        )

    return text


def standing_in(fold: Fold, asked: Asked) -> list[str]:
    """What is read for whatever stands in for a model: the fallback score, and the stage."""
    score = [f"score.{asked.fallback.score}"] if asked.fallback is not None else []
    stages = [".".join(parts) for parts in unit_of(fold, asked.of).slots if parts[0] == "stage"]
    return score + stages[:1]


def read(
    fold: Fold, of: str, sources: Sequence[str], rows: Ints, numbers: Ints, beside: Sequence[str] = ()
) -> Frame:
    """The frame of these rows now."""
    names = dict.fromkeys([*sources, *beside])
    columns = {name: reader(rows) for name, reader in readers_of(fold, of, list(names))}
    return Frame(fold.t, rows, numbers, columns, frozenset(beside) - frozenset(sources))


def chosen_features(frames: Sequence[Frame]) -> tuple[Feature, ...]:
    """The columns of a model over these frames: numbers that vary or are sometimes unknown, and the common
    texts.
    """
    found: list[Feature] = []
    for name in frames[0].columns if frames else ():
        if name in frames[0].beside:
            continue
        parts = [frame.columns[name] for frame in frames]
        if isinstance(parts[0], Texts):
            found += [
                Feature(name, text) for text in _common([one for one in parts if isinstance(one, Texts)])
            ]
            continue
        values = np.concatenate([one for one in parts if not isinstance(one, Texts)])
        known = values[~np.isnan(values)]
        if len(known) and (len(known) < len(values) or float(known.min()) < float(known.max())):
            found.append(Feature(name))
    return tuple(found)


def _common(parts: Sequence[Texts]) -> list[str]:
    codes, counts = np.unique(np.concatenate([one.codes for one in parts]), return_counts=True)
    least = _COMMON_SHARE * counts.sum()
    met = [(-int(n), text) for code, n in zip(codes.tolist(), counts.tolist(), strict=True)
           if n >= least and (text := parts[-1].meaning(code)) is not None]  # fmt: skip
    return [text for _, text in sorted(met)[:_VALUES_MAX]] if len(codes) > 1 else []


def matrix(frame: Frame, features: Sequence[Feature]) -> Floats:
    """(n, d) of a frame, NaN where unknown."""
    made = np.empty((len(frame.rows), len(features)), dtype=np.float64, order="F")
    for j, feature in enumerate(features):
        held = frame.columns[feature.source]
        if not isinstance(held, Texts):
            made[:, j] = held
            continue
        wanted = [code for code in np.unique(held.codes).tolist() if held.meaning(code) == feature.text]
        made[:, j] = np.where(held.codes == 0, np.nan, np.isin(held.codes, wanted))
    return made


def feature_from(held: Any) -> Feature:
    """A feature of its JSON: a name, or [name, text]."""
    return Feature(held) if isinstance(held, str) else Feature(str(held[0]), str(held[1]))


def feature_json(feature: Feature) -> Any:
    """The reverse of `feature_from`."""
    return feature.source if feature.text is None else [feature.source, feature.text]
