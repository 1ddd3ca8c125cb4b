"""Predictions: a million profiles scored, two hundred thousand learned from; what few outcomes can say."""

from __future__ import annotations

import gc
import time
from importlib import import_module, util
from typing import Any

import numpy as np

from sevenfold.engine import Fold
from sevenfold.learning.asked import Asked
from sevenfold.learning.calibrating import calibrated, reliability_of, sigmoid
from sevenfold.learning.evaluating import Candidate, Examples, candidates, fit_all, log_loss, out_of_fold
from sevenfold.learning.features import Frame
from sevenfold.learning.looking import Look
from sevenfold.learning.outcomes import with_targets
from sevenfold.learning.records import score_records
from sevenfold.learning.scoring import UNKNOWN, predictor_from, score, subjects
from sevenfold.learning.training import train
from sevenfold.measures.statistics.prediction import auc
from sevenfold.workspace.loading import load

from . import telco
from .figures import Figure, Report, at_least, at_most, plain
from .measuring import ROOT

DAY_MS = 86_400_000
START = 20_000 * DAY_MS
SCORING_S_MAX, TRAINING_S_MAX, TELCO_AUC_MIN = 10.0, 60.0, 0.845
DRAWS = 20
ASKED = Asked("silence", "person", ("$segment silent_two_weeks",), 28 * DAY_MS)


def measure(quick: bool) -> Report:
    people, learned_from = (200_000, 50_000) if quick else (1_000_000, 200_000)
    fold = _filled(people)
    trained, seconds, names = _training(fold, learned_from)
    figures: list[Figure] = [
        at_most("training_s", seconds, "s", TRAINING_S_MAX),
        plain("training_features", len(trained.model.features), ""),
    ]
    figures += _scoring(fold, trained.model.parameters, trained.model.version)
    figures += _telco(DRAWS // 4 if quick else DRAWS)
    if util.find_spec("bench.learning_choices") is not None:
        choices: Any = import_module("bench.learning_choices")
        figures += choices.figures(quick)
    draws = DRAWS // 4 if quick else DRAWS
    notes = [
        f"processor time; {people:,} people of the seven-stage pack with {len(names)} values each are scored"
        f" from the fold's own columns; {learned_from:,} of them are learned from, judged by time, calibrated"
        " and fitted again",
        "telco_*: the public table, five folds by customer; sparse_*: a model of so many accounts against the"
        f" rate of those accounts, on all others, the median of {draws} draws",
    ]
    return Report("learning", figures, notes)


def _filled(people: int) -> Fold:
    """A fold of so many people whose columns hold plausible values: reading and scoring is measured."""
    workspace = load(ROOT / "packs" / "seven-stage")
    fold = Fold(with_targets(workspace, [ASKED]), capacity_rows=people + 2)
    unit = fold.person
    chance = np.random.default_rng(7)
    unit.table.reserve(people + 1, people + 2)
    fold.advance(START)
    rows = np.arange(1, people + 1)
    unit.table.widen(unit.born, "int64") if unit.born.dtype != "int64" else None
    unit.born.data[1 : people + 1] = rows
    for parts, slot in unit.slots.items():
        if parts[0] in unit.pending or slot.bit or slot.type in ("json", "text", "boolean"):
            continue
        column = unit.env.scope[slot.clock.base if slot.clock is not None else slot.column]
        held = np.asarray(column)
        if len(held) < people + 1 or not held.flags.writeable:
            continue
        limit = min(120, np.iinfo(held.dtype).max)
        if slot.clock is not None:
            held[1 : people + 1] = START - (chance.exponential(20, people) * DAY_MS).astype(np.int64)
        else:
            scale = {"score": 1_000, "number": 1_000_000}.get(slot.type, 1)
            values = np.minimum(chance.exponential(8, people), 100) * scale
            held[1 : people + 1] = np.minimum(values, np.iinfo(held.dtype).max if scale > 1 else limit)
    return fold


def _training(fold: Fold, count: int) -> tuple[Any, float, list[str]]:
    """Eight looks at the same people, whose outcome hangs on a few values."""
    from sevenfold.learning.features import read, sources_of

    names = sources_of(fold, ASKED)
    each = count // 8
    looks = []
    chance = np.random.default_rng(8)
    for number in range(8):
        rows = np.arange(1 + number * each, 1 + (number + 1) * each)
        frame = read(fold, "person", names, rows, rows)
        moved = Frame(START + number * 14 * DAY_MS, rows, rows, frame.columns, frame.beside)
        first = [np.nan_to_num(one) for one in frame.columns.values() if isinstance(one, np.ndarray)][:6]
        odds = sum(np.log1p(np.abs(one)) * (0.6 if k % 2 else -0.6) for k, one in enumerate(first)) - 1.0
        outcome = chance.random(each) < sigmoid(np.asarray(odds))
        looks.append(Look(moved, outcome, np.ones(each, dtype=bool)))
    gc.collect()
    began = time.process_time()
    trained = train(ASKED, looks, START + 200 * DAY_MS)
    return trained, time.process_time() - began, names


def _scoring(fold: Fold, parameters: Any, version: str) -> list[Figure]:
    """From the columns to the integers of records; and apart from it, to the records themselves."""
    predictor = predictor_from(parameters)
    gc.collect()
    began = time.process_time()
    found = score(fold, ASKED, predictor)
    seconds = time.process_time() - began
    began = time.process_time()
    ids = subjects(fold, "person", found.rows)
    values = [None if one == UNKNOWN else one for one in found.values.tolist()]
    records = sum(1 for _ in score_records(ASKED.name, version, START, ids, values))
    per_million = 1_000_000 / len(found.rows)
    return [
        at_most("scoring_s", seconds * per_million, "s/million", SCORING_S_MAX),
        plain("scoring_records_s", (time.process_time() - began) * per_million, "s/million"),
        plain("scored", len(found.rows), "profiles"),
        plain("records", records, ""),
    ]


def _telco(draws: int) -> list[Figure]:
    if not telco.FILE.exists():
        return []
    held = telco.examples()
    wanted = [
        Candidate("linear", "linear", 3.0),
        Candidate("trees", "trees", 0.0),
        Candidate("blend", "blend", 3.0),
    ]
    figures = []
    for name, (margin, outcome) in out_of_fold(held, wanted).items():
        figures.append(plain(f"telco_auc_{name}", auc(margin, outcome).value, ""))
        if name == "blend":
            told = reliability_of(calibrated(margin[::2], outcome[::2])(margin[1::2]), outcome[1::2])
            figures += [
                at_least("telco_auc", auc(margin, outcome).value, "", TELCO_AUC_MIN),
                plain("telco_calibration_error", told.calibration_error, ""),
            ]
    for accounts in (50, 100, 200):
        areas, gains = zip(*(_sparse(held, accounts, seed) for seed in range(draws)), strict=True)
        figures += [
            plain(f"sparse_{accounts}_auc", float(np.median(areas)), ""),
            plain(f"sparse_{accounts}_gain", float(np.median(gains)), ""),
            plain(f"sparse_{accounts}_worse_share", float(np.mean(np.array(gains) < 0)), ""),
        ]
    return figures


def _sparse(held: Examples, accounts: int, seed: int) -> tuple[float, float]:
    """(AUC, gain in log-loss over the accounts' own rate) of a model of so few accounts, on all others."""
    few = np.zeros(len(held.y), dtype=bool)
    few[np.random.default_rng(seed).permutation(len(held.y))[:accounts]] = True
    known, rest = held.take(few), held.take(~few)
    wanted = candidates(known, known.outcomes + 1)
    out = out_of_fold(known, wanted)
    losses = {
        name: float(log_loss(calibrated(margin, outcome)(margin), outcome).mean())
        for name, (margin, outcome) in out.items()
    }
    chosen = min(wanted, key=lambda one: losses[one.name])
    margin = fit_all(known.x, known.y, [chosen])[chosen.name].margin(rest.x)
    probability = calibrated(*out[chosen.name])(margin)
    plain_loss = float(log_loss(np.full(len(rest.y), float(known.y.mean())), rest.y).mean())
    return auc(margin, rest.y).value, 1 - float(log_loss(probability, rest.y).mean()) / plain_loss
