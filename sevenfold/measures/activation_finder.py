"""Which early behaviour best separates those who stay: a candidate for the activation event."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import words
from sevenfold.measures.shared.behaviour import Behaviour, Unit, days, of_frame, of_warehouse
from sevenfold.measures.shared.columns import as_table, table_of, times
from sevenfold.measures.statistics.effect import Stratum
from sevenfold.measures.statistics.intervals import Interval, share, share_difference, share_p_value
from sevenfold.measures.statistics.multiple import adjusted_p
from sevenfold.measures.statistics.special import Bools, normal_quantile

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

CANDIDATES_MAX = 40
"""Events that are tried: those that most units did."""
PAIRED_MAX = 12
"""Events whose pairs are tried too: those that separate best alone."""
SHOWN = 25


class ActivationFinder(Question, frozen=True, tag="activation-finder"):
    """Which events, how often (`times`), within how many days (`within_days`) of `start` (an event; empty:
    the first of all) best separate units that are active from `stay_from` to `stay_until` days after it, by
    any of `stay_events` (anything, when empty). `leave_out` names events that cannot be it. At least
    `minimum` units must have done it, and as many not.
    """

    start: str = "Signed Up"
    unit: Unit = "person"
    times: tuple[int, ...] = (1, 2, 3)
    within_days: tuple[float, ...] = (1, 3, 7)
    stay_from: float = 30
    stay_until: float = 60
    stay_events: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    pairs: bool = True
    minimum: int = 30
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        if not self.times or not self.within_days or min(self.times) < 1 or min(self.within_days) <= 0:
            raise QuestionError("Times and days are above 0", where="times")
        if max(self.within_days) > self.stay_from:
            fix = "let staying begin after the last of the days"
            raise QuestionError(
                "Staying is looked at before the behaviour is over", where="stay_from", fix=fix
            )
        if self.stay_until <= self.stay_from:
            raise QuestionError("Staying ends before it begins", where="stay_until")
        if self.minimum < 5 or not 0.5 <= self.level < 1:
            raise QuestionError("minimum is at least 5, level 0.5 to 1", where="minimum")


class _Rule(msgspec.Struct, frozen=True):
    """Did all `events` at least `times` times within `within` days."""

    events: tuple[str, ...]
    times: int
    within: float
    did: Bools

    @property
    def text(self) -> str:
        often = f" at least {self.times} times" if self.times > 1 else ""
        return f"{' and '.join(self.events)}{often} within {words.number(self.within)} days"


def from_frame(
    frame: Any, *, unit: str = "user_id", time: str = "timestamp", event: str = "event",
    start: str = "Signed Up", **options: Any,
) -> Answer:  # fmt: skip
    """The finder on a plain frame of events, a row each: columns with the unit, the time and the event's
    name. `options` are fields of `ActivationFinder`. Raises QuestionError.
    """
    question = ActivationFinder(start=start, **options)
    question.check()
    table = table_of(frame)
    when = times(table, time)
    return _found(question, of_frame(table, unit, when, event, start, int(when.max(initial=0))))


@analysis("activation-finder")
def activation_finder(question: ActivationFinder, warehouse: Warehouse) -> Answer:
    """Which behaviours, how often, within how many days, best separate later retention.

    Every event alone, and pairs of the best, at each number of times and days. Ranked by how well having done
    it agrees with staying (Matthews correlation); intervals hold for all rules tried at once, p values are
    adjusted (Benjamini-Hochberg). `beside_best` is the difference that remains among units alike in the best
    rule: near 0 it only goes along with it. Staying begins after the last behaviour, so nothing looks ahead.
    What goes together need not be cause: try it as an experiment. Table: `rules`.
    """
    return _found(question, of_warehouse(warehouse, question.unit, question.start))


def _found(question: ActivationFinder, everybody: Behaviour) -> Answer:
    over = everybody.observed >= days(question.stay_until)
    units = everybody.take(over)
    stayed = units.active(question.stay_events, days(question.stay_from), days(question.stay_until))
    n = len(stayed)
    caveats = [Doubt(Caveat.NOT_CAUSAL, "Test it: help some to do it and hold others out.")]
    if not over.all():
        caveats.append(Doubt(Caveat.INCOMPLETE_LEFT_OUT, f"{int((~over).sum()):,} began too late."))
    rules = _rules(question, units, stayed)
    if not rules:
        text = f"{n:,} units; a rule needs {question.minimum} who did it and as many who did not."
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, text))
        return Answer(question=question, sentence=f"Not enough data: {text}", caveats=tuple(caveats))
    caveats.append(
        Doubt(Caveat.MULTIPLE_TESTS, f"{len(rules):,} rules; intervals and p values allow for it.")
    )
    ranked = sorted(rules, key=lambda rule: (-_agreement(rule.did, stayed), len(rule.events), rule.text))
    simultaneous = 1 - (1 - question.level) / len(rules)
    p = adjusted_p([_p_value(rule.did, stayed) for rule in ranked])
    best = ranked[0]
    rows = [_row(rule, stayed, best, simultaneous, q) for rule, q in zip(ranked[:SHOWN], p, strict=False)]
    top = rows[0]
    sentence = (
        f"Of {n:,} who began, those who did {best.text} stayed {words.percent(top['stay_did'])} of the "
        f"time, the others {words.percent(top['stay_not'])}: {words.signed(top['difference'], True)} "
        f"{words.between(Interval(top['difference'], top['low'], top['high']), True)}. "
        f"That need not be what makes them stay."
    )
    if p[0] > 0.05:
        sentence = (
            f"No behaviour separates those who stay for certain. The best of {len(rules):,} rules: {sentence}"
        )
    difference = Estimate("difference", top["difference"], top["low"], top["high"], n, question.level)
    return Answer(
        question=question, sentence=sentence, caveats=tuple(caveats),
        estimates=(difference, Estimate("stayed", float(stayed.mean()), *share(stayed.sum(), n)[1:], n)),
        tables={"rules": as_table(rows)},
    )  # fmt: skip


def _rules(question: ActivationFinder, units: Behaviour, stayed: Bools) -> list[_Rule]:
    """Every rule with enough units on both sides."""
    early = units.ago < days(max(question.within_days))
    popularity = np.zeros(len(units.names), dtype=np.int64)
    done = np.unique(np.stack([units.who[early], units.what[early]], axis=1), axis=0)
    np.add.at(popularity, done[:, 1], 1)
    out = {question.start, *question.leave_out}
    order = [i for i in np.argsort(-popularity, kind="stable") if popularity[i] >= question.minimum]
    names = [units.names[i] for i in order if units.names[i] not in out][:CANDIDATES_MAX]
    singles: list[_Rule] = []
    once: dict[tuple[str, float], Bools] = {}
    for name in names:
        for within in question.within_days:
            counts = units.count(name, days(within))
            once[name, within] = counts >= 1
            singles += [_Rule((name,), times, within, counts >= times) for times in question.times]
    rules = [rule for rule in singles if _enough(rule.did, question.minimum)]
    if question.pairs:
        best: dict[str, float] = {}
        for rule in rules:
            best[rule.events[0]] = max(best.get(rule.events[0], 0.0), _agreement(rule.did, stayed))
        chosen = sorted(best, key=lambda name: (-best[name], name))[:PAIRED_MAX]
        for (a, b), within in ((pair, w) for pair in combinations(chosen, 2) for w in question.within_days):
            did = once[a, within] & once[b, within]
            if _enough(did, question.minimum):
                rules.append(_Rule((a, b), 1, within, did))
    return rules


def _enough(did: Bools, minimum: int) -> bool:
    return min(int(did.sum()), int((~did).sum())) >= minimum


def _agreement(did: Bools, stayed: Bools) -> float:
    """Matthews (1975): the correlation of two yes-or-no things."""
    both, n = float((did & stayed).sum()), len(did)
    a, b = float(did.sum()), float(stayed.sum())
    spread = a * (n - a) * b * (n - b)
    return (n * both - a * b) / spread**0.5 if spread > 0 else 0.0


def _counts(did: Bools, stayed: Bools) -> tuple[int, int, int, int]:
    return int((did & stayed).sum()), int(did.sum()), int((~did & stayed).sum()), int((~did).sum())


def _p_value(did: Bools, stayed: Bools) -> float:
    return share_p_value(*_counts(did, stayed))


def _row(rule: _Rule, stayed: Bools, best: _Rule, level: float, p: float) -> dict[str, Any]:
    counts = _counts(rule.did, stayed)
    difference = share_difference(*counts, level)
    beside = _beside(rule, stayed, best)
    return {
        "rule": rule.text, "events": " + ".join(rule.events), "times": rule.times, "within_days": rule.within,
        "agreement": _agreement(rule.did, stayed), "did": counts[1], "did_not": counts[3],
        "stay_did": counts[0] / counts[1], "stay_not": counts[2] / counts[3],
        "difference": difference.value, "low": difference.low, "high": difference.high, "p": p,
        "beside_best": beside[0], "beside_low": beside[1], "beside_high": beside[2],
    }  # fmt: skip


def _beside(rule: _Rule, stayed: Bools, best: _Rule) -> tuple[float | None, float | None, float | None]:
    """Difference within those who did the best rule and within those who did not, put together
    (Mantel-Haenszel), with a normal interval; None where the two rules leave no room.
    """
    if rule is best:
        return None, None, None
    strata = [Stratum(*_counts(rule.did[part], stayed[part])) for part in (best.did, ~best.did)]
    usable = [s for s in strata if min(s.n, s.control_n) >= 5]
    if not usable:
        return None, None, None
    weights = np.array([s.n * s.control_n / (s.n + s.control_n) for s in usable])
    each = np.array([s.hits / s.n - s.control_hits / s.control_n for s in usable])
    variance = np.array([_variance(s) for s in usable])
    value = float(weights @ each / weights.sum())
    half = normal_quantile(0.975) * float(np.sqrt(weights**2 @ variance)) / float(weights.sum())
    return value, value - half, value + half


def _variance(s: Stratum) -> float:
    p, q = (s.hits + 0.5) / (s.n + 1), (s.control_hits + 0.5) / (s.control_n + 1)
    return p * (1 - p) / s.n + q * (1 - q) / s.control_n
