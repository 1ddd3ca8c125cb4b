"""Who changes because of an action, not who buys anyway: the answer for any frame of treated and untreated.

The claim comes before the names: only where the ranking finds those who change beyond doubt (the interval of
Qini lies above 0) are people told apart at all, and a class is only claimed where its own members, all of
them ranked by models that had not seen them, show the effect beyond doubt.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from ..measures.shared.columns import as_table, codes, numbers, table_of
from ..measures.shared.comparing import WORTH, control_of
from ..measures.statistics.prediction import auc
from .encoding import Floats, encoded, folds_of, standardised
from .meta_learners import Effects, Learner, Models, effects, regression
from .qini import Curve, Span, curve
from .spans import mean_span

PERSUADABLE: Final = "persuadable"
SURE_THING: Final = "sure_thing"
LOST_CAUSE: Final = "lost_cause"
DO_NOT_DISTURB: Final = "do_not_disturb"
UNDECIDED: Final = "undecided"
CLASSES: Final = (PERSUADABLE, SURE_THING, LOST_CAUSE, DO_NOT_DISTURB, UNDECIDED)
MICRO: Final = 1_000_000
_FORETOLD: Final = 0.55
"""Area under the curve above which treatment is taken to follow from what is known of people, and so not from
chance: our judgement."""


class Uplift(Question, frozen=True, tag="uplift_of_frame"):
    """A row a case: the column ``treatment`` says which arm it was in, ``control`` which of them is the one
    without the action (found by its name otherwise), ``arm`` which one is asked about where there are
    several. ``outcome`` came of it, ``features`` were known before. ``propensity`` is a column with the
    chance of treatment, or one number; the arms' own shares otherwise. ``cluster`` goes together; ``id``
    names people. ``worth`` is the smallest effect worth an action, as a share of the outcome without one.
    """

    treatment: str = "treatment"
    outcome: str = "outcome"
    features: tuple[str, ...] = ()
    control: str = ""
    arm: str = ""
    propensity: str = ""
    cluster: str = ""
    name: str = ""
    learner: Learner = "dr"
    models: Models = "auto"
    worth: float = WORTH
    level: float = 0.95
    seed: int = 0

    def check(self) -> None:
        """Raises QuestionError."""
        if not self.features:
            raise QuestionError("Nothing is known of anybody", where="features", fix="name some columns")
        if not 0.5 <= self.level < 1 or self.worth < 0:
            raise QuestionError("level is 0.5 to 1, worth not below 0", where="level")


class Cases:
    """What is asked about, as arrays: ``features`` (n, d), ``treated``, ``outcome``, ``propensity`` (n,),
    ``units`` (n,) or None, ``names`` (n,) or None.
    """

    def __init__(
        self, features: Floats, treated: NDArray[np.bool_], outcome: Floats, propensity: Floats,
        units: NDArray[np.int64] | None = None, names: list[str] | None = None,
    ) -> None:  # fmt: skip
        self.features, self.treated, self.outcome, self.propensity = features, treated, outcome, propensity
        self.units, self.names = units, names


def uplift(
    frame: Any, *, treatment: str, outcome: str, features: tuple[str, ...], control: str = "", arm: str = "",
    propensity: str = "", cluster: str = "", name: str = "", learner: Learner = "dr", models: Models = "auto",
    worth: float = WORTH, level: float = 0.95, seed: int = 0,
) -> Answer:  # fmt: skip
    """Whom an action changes, and whether that can be said at all. ``frame`` is pyarrow, pandas or polars.

    Estimates: ``effect`` (of treating everybody), ``qini``, ``auuc``, ``untreated`` (the outcome without).
    Tables: ``classes`` (who there is, with their own effect), ``curve``, ``people`` (effect, outcome without
    it, class; ``uplift`` in millionths, as records carry it). Raises QuestionError and InputError.
    """
    question = Uplift(
        treatment=treatment, outcome=outcome, features=tuple(features), control=control, arm=arm,
        propensity=propensity, cluster=cluster, name=name, learner=learner, models=models, worth=worth,
        level=level, seed=seed,
    )  # fmt: skip
    question.check()
    table, arms, chosen = _two_arms(table_of(frame), question)
    outcomes = numbers(table, outcome)
    known = np.isfinite(outcomes)
    table, outcomes, treated = table.filter(pa.array(known)), outcomes[known], (arms == chosen)[known]
    cases = Cases(
        encoded(table, features)[0], treated, outcomes, _propensity(table, treated, propensity),
        codes(table, cluster)[0] if cluster else None,
        [str(one) for one in table.column(name).to_pylist()] if name else None,
    )  # fmt: skip
    answer = told(question, cases, learner=learner, models=models, worth=worth, level=level, seed=seed)
    blank = int((~known).sum())
    if blank:
        answer.caveats = (
            *answer.caveats, Doubt(Caveat.UNKNOWN_LEFT_OUT, f"{blank:,} cases without an outcome.")
        )  # fmt: skip
    return answer


def _two_arms(table: pa.Table, question: Uplift) -> tuple[pa.Table, NDArray[np.int64], int]:
    """The rows of the two arms in question, which each is in, and the number of the treated one."""
    which, names = codes(table, question.treatment)
    base = control_of(sorted(names), question.control)
    others = [name for name in names if name != base]
    if question.arm and question.arm not in others:
        raise QuestionError(f"There is no arm {question.arm!r}", where="arm", fix=", ".join(others))
    if not question.arm and len(others) != 1:
        fix = f"name one of {', '.join(others)}"
        raise QuestionError(f"There are {len(others)} arms beside {base!r}", where="arm", fix=fix)
    chosen = names.index(question.arm or others[0])
    rows = (which == chosen) | (which == names.index(base))
    return table.filter(pa.array(rows)), which[rows], chosen


def _propensity(table: pa.Table, treated: NDArray[np.bool_], given: str) -> Floats:
    if not given:
        return np.full(len(treated), float(treated.mean()) if len(treated) else 0.5)
    try:
        return np.full(len(treated), float(given))
    except ValueError:
        return numbers(table, given)


def told(
    question: Question, cases: Cases, *, learner: Learner = "dr", models: Models = "auto",
    worth: float = WORTH, level: float = 0.95, seed: int = 0,
) -> Answer:  # fmt: skip
    """The answer for cases that are arrays already."""
    found = effects(
        cases.features, cases.treated, cases.outcome, cases.propensity, learner=learner, models=models,
        units=cases.units, seed=seed,
    )  # fmt: skip
    ranked = curve(found.effect, found.score, units=cases.units, level=level, seed=seed)
    untreated = mean_span(found.score * 0 + found.untreated, cases.units, level).value
    least = worth * abs(untreated)
    kinds = classified(found, least) if ranked.qini.above else np.full(len(found.effect), UNDECIDED)
    rows = [
        _class_row(kind, kinds == kind, found, cases, least, level)
        for kind in CLASSES
        if np.any(kinds == kind)
    ]
    unclaimed = [str(row["class"]) for row in rows if not row["claimed"] and row["class"] != UNDECIDED]
    for kind in unclaimed:
        if kind in (PERSUADABLE, DO_NOT_DISTURB):
            kinds[kinds == kind] = UNDECIDED
    n = len(found.effect)
    estimates = tuple(
        Estimate(name, span.value, span.low, span.high, n, level)
        for name, span in (("effect", ranked.effect), ("qini", ranked.qini), ("auuc", ranked.auuc))
    )
    people: dict[str, Any] = {} if cases.names is None else {"name": cases.names}
    people |= {
        "effect": found.effect, "untreated": found.untreated, "class": kinds.tolist(),
        "uplift": np.round(found.effect * MICRO).astype(np.int64),
    }  # fmt: skip
    return Answer(
        question=question, sentence=_sentence(ranked, rows, level),
        estimates=(*estimates, Estimate("untreated", untreated, n=n)),
        caveats=_doubts(cases, ranked, unclaimed, level),
        tables={"classes": as_table(rows), "curve": _curve(ranked), "people": pa.table(people)},
    )  # fmt: skip


def classified(found: Effects, least: float) -> NDArray[np.str_]:
    """The class of each case, (n,): persuadable from an effect of ``least`` on, not to be disturbed from as
    much harm; between them whoever does it anyway more often than most is a sure thing, the others are lost
    causes. ``least`` is in outcomes a case.
    """
    usual = float(found.untreated.mean())
    between = np.where(found.untreated >= usual, SURE_THING, LOST_CAUSE)
    kinds = np.where(found.effect > least, PERSUADABLE, between)
    return np.where(found.effect < -least, DO_NOT_DISTURB, kinds)


def _class_row(
    kind: str, mine: NDArray[np.bool_], found: Effects, cases: Cases, least: float, level: float
) -> dict[str, Any]:
    units = cases.units[mine] if cases.units is not None else None
    own = mean_span(found.score[mine], units, level)
    shown = {PERSUADABLE: own.above, DO_NOT_DISTURB: own.below, UNDECIDED: False}
    # The two between claim no more than that an effect worth an action is not shown.
    claimed = shown.get(kind, own.low <= least)
    return {
        "class": kind, "n": int(mine.sum()), "share": float(mine.mean()),
        "predicted": float(found.effect[mine].mean()), "effect": own.value, "low": own.low, "high": own.high,
        "untreated": float(found.untreated[mine].mean()), "claimed": claimed,
    }  # fmt: skip


def _doubts(cases: Cases, ranked: Curve, unclaimed: list[str], level: float) -> tuple[Doubt, ...]:
    doubts = []
    area = foretold(cases)
    if area > _FORETOLD:
        doubts.append(Doubt(
            Caveat.NOT_CAUSAL, f"Who was treated can be foretold (AUC {area:.2f}), so chance did not decide."
        ))  # fmt: skip
    if not ranked.qini.above:
        doubts.append(
            Doubt(Caveat.SAMPLE_TOO_SMALL, f"Qini {_figures(ranked.qini)} leaves room for nothing.")
        )
    if unclaimed:
        names = ", ".join(one.replace("_", " ") for one in unclaimed)
        doubts.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"Not beyond doubt: {names}."))
    if cases.units is not None:
        doubts.append(Doubt(Caveat.CLUSTERED))
    return tuple(doubts)


def foretold(cases: Cases, seed: int = 0) -> float:
    """How well what is known foretells who was treated beyond the propensities: the area under the curve of
    cross-fitted straight lines, 0.5 where chance decided.
    """
    apart = cases.treated - cases.propensity
    known, fold = standardised(cases.features), folds_of(cases.units, len(apart), 2, seed)
    guessed = np.zeros(len(apart))
    for one in (0, 1):
        line = regression("linear", len(apart) // 2, seed).fit(known[fold != one], apart[fold != one])
        guessed[fold == one] = line.predict(known[fold == one])
    return auc(guessed, cases.treated).value


def _sentence(ranked: Curve, rows: list[dict[str, Any]], level: float) -> str:
    effect = ranked.effect
    works = (
        f"It changes {effect.value:+.4g} outcomes a case ({effect.low:.4g} to {effect.high:.4g})"
        if effect.above or effect.below
        else f"That it changes anything is not shown ({_figures(effect)} outcomes a case)"
    )
    if not ranked.qini.above:
        return f"{works}, and whom it changes more than others cannot be told: Qini {_figures(ranked.qini)}."
    parts = ", ".join(
        f"{row['share']:.0%} {row['class'].replace('_', ' ')} ({row['effect']:+.4g})"
        for row in rows
        if row["claimed"]
    )
    return f"{works}, and some more than others (Qini {_figures(ranked.qini)}): {parts}."


def _figures(span: Span) -> str:
    return f"{span.value:.4g} ({span.low:.4g} to {span.high:.4g})"


def _curve(ranked: Curve) -> pa.Table:
    return pa.table(
        {
            "share": ranked.share, "gain": ranked.gain, "gain_low": ranked.gain_low,
            "gain_high": ranked.gain_high, "by_lot": ranked.by_lot,
        }
    )  # fmt: skip


def class_lists(answer: Answer, column: str = "user_id") -> dict[str, str]:
    """By class the CSV that puts its people on a manual list: `sevenfold list import` reads it, and a segment
    with `manual: true` is then a trigger or an audience like any other. Nobody is listed as undecided. Raises
    QuestionError where the people have no names.
    """
    people = answer.frame("people")
    if "name" not in people.column_names:
        raise QuestionError("Nobody has a name", where="name", fix="say which column names people")
    held: dict[str, list[str]] = {kind: [column] for kind in CLASSES if kind != UNDECIDED}
    for name, kind in zip(people["name"].to_pylist(), people["class"].to_pylist(), strict=True):
        if kind in held:
            held[kind].append(name)
    return {kind: "\n".join(rows) + "\n" for kind, rows in held.items()}
