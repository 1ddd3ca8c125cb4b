"""A million profiles get values foretold: records of 4,096 through the fold, and what a record holds up."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import numpy as np

from sevenfold.engine import Fold
from sevenfold.engine import predictions as taking
from sevenfold.engine.subjects import Subjects
from sevenfold.learning.records import PredictionModel, record_of, score_records, version_of
from sevenfold.workspace import models as m

from .figures import Digest, Figure, Report, at_most, plain
from .measuring import pack, quiet
from .population import Population, Template

RECORD_MS_MAX, TOTAL_S_MAX = 50.0, 10.0
VERSION = version_of("bench")
RISKY = 0.95


def measure(quick: bool) -> Report:
    accounts, people = (100, 100_000) if quick else (300, 1_000_000)
    population = Population(Template(_workspace(), accounts), people)
    fold, unit, digest = population.fold, population.fold.person, Digest()
    began = time.process_time()
    unit.subjects = Subjects(unit)
    unit.subjects.learn()
    learned = time.process_time() - began
    rows = [row for row in range(1, unit.table.rows) if row not in fold.forward]
    chance = np.random.default_rng(7)
    ids = [fold.id_of(unit, row) for row in chance.permutation(rows).tolist()]
    figures: list[Figure] = []
    with quiet():
        for name in ("calm", "watched"):
            model = PredictionModel(
                prediction=name,
                version=VERSION,
                trained_at=fold.t,
                as_of=fold.t,
                kind="probability",
                features=["logins_7d"],
            )
            fold.control(fold.t, record_of(model))
            figures += _scored(fold, name, ids, chance, digest)
    figures.append(plain("ids_learned_s", learned, "s"))
    figures.append(at_most("disagreeing_with_one_by_one", _disagreeing(fold, ids, chance), "subjects", 0))
    notes = [
        f"{len(ids):,} profiles, seven-stage without what runs; processor time with the record's decoding"
        + ("; quick: fewer profiles" if quick else ""),
        "calm: nothing depends on the value; watched: a segment of the most likely twentieth does",
        "the first time every value is new, the second time every value is another",
        "ids_learned_s: subject ids of everybody, once after a snapshot is read",
    ]
    return Report("predictions", figures, notes, digest.text)


def _workspace() -> m.Workspace:
    asked = m.Prediction(target=m.PredictionTarget(event="Subscription Cancelled"), horizon="60d")
    workspace = pack("seven-stage")
    segments = {**workspace.segments, "most_likely": m.Segment(when=f"prediction.watched >= {RISKY}")}
    return msgspec.structs.replace(
        workspace,
        predictions={**workspace.predictions, "calm": asked, "watched": asked},
        segments=segments,
    )


def _scored(fold: Fold, name: str, ids: list[str], chance: Any, digest: Digest) -> list[Figure]:
    """Everybody twice over: all records, and the longest of them."""
    laps: list[list[float]] = []
    for _ in range(2):
        values = chance.integers(0, 1_000_001, len(ids)).tolist()
        laps.append([])
        for record in score_records(name, VERSION, fold.t, ids, values):
            raw = msgspec.json.encode(record)
            began = time.process_time()
            effects = fold.control(fold.t, msgspec.json.decode(raw))
            laps[-1].append(time.process_time() - began)
            digest.add(effects)
    per_million = 1_000_000 / len(ids)
    return [
        at_most(f"{name}_fold_s", max(sum(lap) for lap in laps) * per_million, "s/million", TOTAL_S_MAX),
        plain(f"{name}_record_ms", sorted(laps[1])[len(laps[1]) // 2] * 1_000, "ms"),
        at_most(f"{name}_longest_record_ms", max(map(max, laps)) * 1_000, "ms", RECORD_MS_MAX),
    ]


def _disagreeing(fold: Fold, ids: list[str], chance: Any) -> int:
    """Subjects whose value or segments are others when values are taken one by one."""
    some = ids[: 4 * 4_096]
    values = chance.integers(0, 1_000_001, len(some)).tolist()
    unit, found = fold.person, []
    for singly in (False, True):
        taking.SINGLY = singly
        try:
            for given in ([0] * len(some), values):
                for record in score_records("watched", VERSION, fold.t, some, given):
                    fold.control(fold.t, record)
        finally:
            taking.SINGLY = False
        assert unit.subjects is not None
        rows = unit.subjects.rows(some)
        column: Any = fold.env.scope[unit.segments["most_likely"].slot.column]
        bit = unit.segments["most_likely"].slot.bit
        held = np.asarray(column)[rows] & bit
        found.append((unit.predictions["watched"].values.data[rows].copy(), held))
    (values_a, inside_a), (values_b, inside_b) = found
    return int(((values_a != values_b) | (inside_a != inside_b)).sum())
