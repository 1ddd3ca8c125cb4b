"""Who will renew: classes by health and its trend, gross and net revenue retention with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.events.periods import DAY_MS
from sevenfold.measures.events.selecting import sql_of
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import as_table, numbers
from sevenfold.measures.shared.rates import rate
from sevenfold.measures.shared.scoring import HITS_MIN
from sevenfold.measures.statistics.special import Floats, Ints
from sevenfold.warehouse.rows import shown

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

LIKELY, AT_RISK, LOST, UNKNOWN = "likely_renew", "at_risk", "likely_churn", "unknown"
CLASSES: Final = (LIKELY, AT_RISK, LOST, UNKNOWN)
DAYS_BEFORE: Final = 90
"""The decision window of the seven stages: how long before a decision the class is looked at."""
TREND_DAYS: Final = 28
PRIOR: Final = {LIKELY: (9.0, 1.0), AT_RISK: (6.0, 4.0), LOST: (2.0, 8.0), UNKNOWN: (1.0, 1.0)}
"""Renewals and losses that a class starts with (our judgement: 90, 60, 20 and 50%); each decision seen counts
as much as one of them, so that ten decisions weigh as much as the start.
"""
DRAWS: Final = 4_000


class RenewalForecast(Question, frozen=True, tag="renewal-forecast"):
    """Accounts (or people) by `score`; what they pay is the `value` of their last event of `paid`. Decisions
    of the past are the events `renewed` and `lost`; `expanded` names events after which they pay more.
    Classes from `high` and `low` points; 75 and 40 are the framework's.
    """

    score: str = "account_health"
    of: Literal["account", "person"] = "account"
    paid: str = "Subscription Started | Subscription Renewed | Plan Upgraded | Plan Downgraded | Invoice Paid"
    renewed: str = "Subscription Renewed"
    lost: str = "Subscription Cancelled"
    high: float = 75
    low: float = 40
    noise: float = 3
    seed: int = 7
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        if not 0 <= self.low < self.high or self.noise < 0 or not 0.5 <= self.level < 1:
            raise QuestionError("low is below high, noise not below 0, level 0.5 to 1", where="low")


@analysis("renewal-forecast")
def renewal_forecast(question: RenewalForecast, warehouse: Warehouse) -> Answer:
    """Classes of renewal, how often each renewed before, and the revenue that is expected to stay.

    A class is by the score now and its change over 28 days: high and not falling is likely to renew; high but
    falling, or in between, is at risk; low is likely to churn. Each class renews as often as accounts that
    were in it 90 days before their decision did, starting from a stated prior (beta-binomial). Gross
    retention is the part of revenue that is expected to stay, net retention adds the changes among those who
    renewed before. Intervals hold what decisions yet to be taken may bring as well as how little is known of
    the rates. Tables: `classes`, `accounts`.
    """
    now = warehouse.through().time
    subjects, times, values = _scores(question, warehouse)
    who, score, change = _standing(subjects, times, values, now)
    lost, _ = _events(question, warehouse, question.lost)
    renewed, _ = _events(question, warehouse, question.renewed)
    paying = _paying(question, warehouse)
    gone = {int(i) for i in lost} - {int(i) for i in renewed}
    rows: list[dict[str, Any]] = [
        {"subject": int(i), "score": float(s), "change": float(c), "class": class_of(s, c, question)}
        for i, s, c in zip(who, score, change, strict=True) if int(i) not in gone
    ]  # fmt: skip
    seen = _history(question, (subjects, times, values), warehouse)
    for row in rows:
        row["value"] = paying.get(row["subject"], (0.0, 1.0))[0]
    growth = [ratio for _, ratio in (paying.get(int(i), (0.0, 1.0)) for i in np.unique(renewed))]
    classes = _classes(rows, seen, question)
    gross, net, total = _retention(rows, seen, growth, question)
    counts = {name: sum(row["class"] == name for row in rows) for name in CLASSES}
    decided = sum(sum(pair) for pair in seen.values())
    caveats = [Doubt(Caveat.EXTRAPOLATED, "That accounts decide as those before them did, is assumed.")]
    if decided < HITS_MIN:
        caveats.append(
            Doubt(Caveat.SAMPLE_TOO_SMALL, f"{decided:,} decisions seen; the prior weighs as much.")
        )
    shown_rows = sorted(rows, key=lambda row: (-row["value"], row["subject"]))
    for row in shown_rows:
        row["subject"] = shown(row["subject"] & (2**64 - 1))
    return Answer(
        question=question, sentence=_sentence(rows, counts, gross, total), caveats=tuple(caveats),
        estimates=(
            Estimate("gross_retention", *gross, n=len(rows), level=question.level),
            Estimate("net_retention", *net, n=len(rows), level=question.level),
            *(Estimate(name, float(counts[name]), n=len(rows)) for name in CLASSES),
        ),
        tables={"classes": as_table(classes), "accounts": as_table(shown_rows)},
    )  # fmt: skip


def _sentence(
    rows: list[dict[str, Any]], counts: dict[str, int], gross: tuple[float, float, float], total: float
) -> str:
    if not rows:
        return "No score is known of anybody."
    return (
        f"Of {len(rows):,}, {counts[LIKELY]:,} are likely to renew, {counts[AT_RISK]:,} at risk, "
        f"{counts[LOST]:,} likely to churn; {words.percent(gross[0])} ({words.percent(gross[1])} to "
        f"{words.percent(gross[2])}) of {words.number(total)} is expected to stay."
    )


def class_of(score: float, change: float, question: RenewalForecast) -> str:
    """The class of a score and its change over 28 days (NaN: not known)."""
    if not np.isfinite(score):
        return UNKNOWN
    if score < question.low:
        return LOST
    falling = np.isfinite(change) and change < -question.noise
    return LIKELY if score >= question.high and not falling else AT_RISK


def _scores(question: RenewalForecast, warehouse: Warehouse) -> tuple[Ints, Ints, Floats]:
    table = warehouse.query(
        "SELECT subject, time, value FROM scores WHERE score = $score AND of = $of ORDER BY subject, time",
        {"score": question.score, "of": question.of},
    )
    subjects = np.asarray(table["subject"].to_numpy(), dtype=np.uint64).view(np.int64)
    return subjects, numbers(table, "time").astype(np.int64), numbers(table, "value")


def _standing(subjects: Ints, times: Ints, values: Floats, at: int) -> tuple[Ints, Floats, Floats]:
    """Each subject's score at `at`, and how it has changed in the 28 days before."""

    def last(until: int) -> tuple[Ints, Floats]:
        rows = times <= until
        who, value, when = subjects[rows], values[rows], times[rows]
        order = np.lexsort([when, who])
        who, value = who[order], value[order]
        final = np.append(who[1:] != who[:-1], True) if len(who) else np.zeros(0, dtype=bool)
        return who[final], value[final]

    who, value = last(at)
    earlier, before = last(at - TREND_DAYS * DAY_MS)
    place = np.minimum(np.searchsorted(earlier, np.sort(who)), max(len(earlier) - 1, 0))
    order = np.argsort(who)
    change = np.full(len(who), np.nan)
    if len(earlier):
        same = earlier[place] == who[order]
        change[order[same]] = value[order[same]] - before[place[same]]
    return who, value, change


def _events(question: RenewalForecast, warehouse: Warehouse, event: str) -> tuple[Ints, Ints]:
    """(subject, time) of each event."""
    table = warehouse.query(
        f"SELECT e.{question.of} AS subject, e.time FROM events AS e"  # noqa: S608 - made from checked text
        f" WHERE {sql_of(event, 'e')} AND e.{question.of} <> 0"
    )
    subjects = np.asarray(table["subject"].to_numpy(), dtype=np.uint64).view(np.int64)
    return subjects, numbers(table, "time").astype(np.int64)


def _paying(question: RenewalForecast, warehouse: Warehouse) -> dict[int, tuple[float, float]]:
    """What each subject pays by its last paid event, and that over the first."""
    table = warehouse.query(
        f"SELECT e.{question.of} AS subject, e.time, e.value / 1000000.0 AS value"  # noqa: S608
        f" FROM events AS e WHERE ({sql_of(question.paid, 'e')}) AND e.value IS NOT NULL"
        f" AND e.{question.of} <> 0 ORDER BY e.time, e.position"
    )
    subjects = np.asarray(table["subject"].to_numpy(), dtype=np.uint64).view(np.int64)
    first: dict[int, float] = {}
    found: dict[int, tuple[float, float]] = {}
    for subject, value in zip(subjects.tolist(), numbers(table, "value").tolist(), strict=True):
        start = first.setdefault(subject, value)
        found[subject] = (value, value / start if start > 0 else 1.0)
    return found


def _history(
    question: RenewalForecast, scores: tuple[Ints, Ints, Floats], warehouse: Warehouse
) -> dict[str, tuple[int, int]]:
    """Renewals and losses by the class 90 days before."""
    seen = {name: [0, 0] for name in CLASSES}
    order = np.lexsort([scores[1], scores[0]])
    owner, times, values = scores[0][order], scores[1][order], scores[2][order]
    for kind, event in enumerate((question.renewed, question.lost)):
        subjects, decided = _events(question, warehouse, event)
        low, high = np.searchsorted(owner, subjects), np.searchsorted(owner, subjects, side="right")
        for i in range(len(subjects)):
            mine = slice(int(low[i]), int(high[i]))
            before = int(decided[i]) - DAYS_BEFORE * DAY_MS
            who, score, change = _standing(owner[mine], times[mine], values[mine], before)
            if len(who):
                seen[class_of(float(score[0]), float(change[0]), question)][kind] += 1
    return {name: (pair[0], pair[1]) for name, pair in seen.items()}


def _classes(
    rows: list[dict[str, Any]], seen: dict[str, tuple[int, int]], question: RenewalForecast
) -> list[dict[str, Any]]:
    made = []
    for name in CLASSES:
        renewed, lost = seen[name]
        good, bad = PRIOR[name][0] + renewed, PRIOR[name][1] + lost
        mine = [row for row in rows if row["class"] == name]
        made.append({
            "class": name, "accounts": len(mine), "value": sum(row["value"] for row in mine),
            "renewed_before": renewed, "lost_before": lost,
            **rate("observed", renewed, renewed + lost, question.level), "expected": good / (good + bad),
        })  # fmt: skip
    return made


def _retention(
    rows: list[dict[str, Any]],
    seen: dict[str, tuple[int, int]],
    growth: list[float],
    question: RenewalForecast,
) -> tuple[tuple[float, float, float], tuple[float, float, float], float]:
    """Gross and net retention of revenue (of accounts, where nobody pays): (value, low, high) each, and the
    total.

    The posterior predictive by seeded draws: a rate for each class, then each account's own decision, then
    the growth of accounts that renewed before, drawn again from them.
    """
    paid = np.array([row["value"] for row in rows])
    weight = paid if paid.sum() > 0 else np.ones(len(rows))
    total = float(weight.sum())
    if not len(rows):
        return (float("nan"),) * 3, (float("nan"),) * 3, 0.0
    rng = np.random.default_rng(question.seed)
    which = np.array([CLASSES.index(row["class"]) for row in rows])
    good = np.array([PRIOR[name][0] + seen[name][0] for name in CLASSES])
    bad = np.array([PRIOR[name][1] + seen[name][1] for name in CLASSES])
    rates = rng.beta(good, bad, (DRAWS, len(CLASSES)))
    draws = max(1, min(DRAWS, 20_000_000 // len(rows)))
    stays = rng.random((draws, len(rows))) < rates[:draws, which]
    gross = stays @ weight / total
    factors = np.array(growth or [1.0])
    mean_growth = rng.choice(factors, (draws, len(factors))).mean(axis=1)
    expected = float((good / (good + bad))[which] @ weight) / total
    net = gross * mean_growth
    tail = (1 - question.level) / 2
    low, high = np.quantile(gross, [tail, 1 - tail])
    net_low, net_high = np.quantile(net, [tail, 1 - tail])
    return (
        (expected, float(low), float(high)),
        (expected * float(factors.mean()), float(net_low), float(net_high)), total,
    )  # fmt: skip
