"""One journey from end to end: who came, how they went through it, what was sent or held, and what came of
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.events.periods import bounds, duration
from sevenfold.measures.lift import Lift, lift
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import as_table
from sevenfold.measures.shared.rates import period, rate, rows_of
from sevenfold.measures.statistics.intervals import share

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse


class JourneyReport(Question, frozen=True, tag="journey-report"):
    """The `journey`'s runs that began in the period. Lift and revenue look `within` each first entry; revenue
    is of one `currency`.
    """

    journey: str
    since: str = ""
    until: str = ""
    within: str = "14d"
    currency: str = ""
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        if not self.journey:
            raise QuestionError("Which journey?", where="journey")
        bounds(self.since, self.until)
        duration(self.within, "within")


_RUNS = """
WITH mine AS (
    SELECT run, started, ghost, ended, reason, step FROM runs
    WHERE journey = $journey AND started >= $start AND started < $end
)
"""
ENTRIES = (
    _RUNS
    + """
SELECT started // 86400000 AS day, SUM(CASE WHEN ghost = '' THEN 1 ELSE 0 END) AS entries,
    SUM(CASE WHEN ghost <> '' THEN 1 ELSE 0 END) AS ghosts
FROM mine GROUP BY started // 86400000 ORDER BY day
"""
)
STEPS = (
    _RUNS
    + """
SELECT s.step, SUM(CASE WHEN s.change = 'step' THEN 1 ELSE 0 END) AS passed,
    SUM(CASE WHEN s.change = 'wait' THEN 1 ELSE 0 END) AS waited,
    COUNT(DISTINCT s.run) AS runs, AVG(s.waited) AS mean_wait_ms, MIN(s.number) AS place
FROM steps AS s JOIN mine AS m ON m.run = s.run WHERE m.ghost = '' GROUP BY s.step ORDER BY place
"""
)
WAYS = (
    _RUNS
    + """
SELECT s.step, COALESCE(s.outcome, '') AS outcome, COUNT(*) AS passed FROM steps AS s JOIN mine AS m ON m.run
= s.run WHERE s.change = 'step' AND m.ghost = '' GROUP BY s.step, COALESCE(s.outcome, '') ORDER BY s.step,
passed DESC
"""
)
HERE = (
    _RUNS
    + """
SELECT COALESCE(step, '') AS step, COUNT(*) AS ended FROM mine
WHERE ghost = '' AND ended IS NOT NULL GROUP BY COALESCE(step, '')
"""
)
HOLDS = (
    _RUNS
    + """
SELECT d.kind, COALESCE(d.reason, '') AS reason, COALESCE(d.step, '') AS step,
    COALESCE(d.channel, '') AS channel, COUNT(*) AS messages
FROM decisions AS d JOIN mine AS m ON m.run = d.run
WHERE d.kind IN ('held', 'deferred') AND m.ghost = ''
GROUP BY d.kind, COALESCE(d.reason, ''), COALESCE(d.step, ''), COALESCE(d.channel, '')
ORDER BY messages DESC, COALESCE(d.reason, ''), COALESCE(d.step, '')
"""
)
EXITS = (
    _RUNS
    + """
SELECT COALESCE(reason, 'still there') AS reason, SUM(CASE WHEN ghost = '' THEN 1 ELSE 0 END) AS runs,
    SUM(CASE WHEN ghost <> '' THEN 1 ELSE 0 END) AS ghosts, AVG(ended - started) AS mean_ms
FROM mine GROUP BY COALESCE(reason, 'still there')
ORDER BY runs DESC, COALESCE(reason, 'still there')
"""
)
REFUSED = """
SELECT reason, COUNT(*) AS entries FROM refusals
WHERE journey = $journey AND time >= $start AND time < $end GROUP BY reason ORDER BY entries DESC, reason
"""
MESSAGES = (
    _RUNS
    + """
SELECT COALESCE(s.template, '') AS template, COALESCE(s.channel, '') AS channel, COUNT(*) AS decided,
    COUNT(s.sent) AS sent, COUNT(s.delivered) AS delivered, COUNT(s.clicked) AS clicked,
    COUNT(s.bounced) AS bounced, COUNT(s.failed) AS failed, COUNT(s.opened) AS opened
FROM messages AS s JOIN mine AS m ON m.run = s.run
GROUP BY COALESCE(s.template, ''), COALESCE(s.channel, '')
ORDER BY decided DESC, COALESCE(s.template, ''), COALESCE(s.channel, '')
"""
)
GOALS = (
    _RUNS
    + """
SELECT g.goal, g.ghost, COUNT(DISTINCT g.run) AS runs, AVG(g.after) AS mean_ms, SUM(g.value) AS value
FROM goals AS g JOIN mine AS m ON m.run = g.run GROUP BY g.goal, g.ghost ORDER BY g.goal
"""
)


@analysis("journey-report")
def journey_report(question: JourneyReport, warehouse: Warehouse) -> Answer:
    """Everything about one journey, of the runs that began in the period.

    Entries and refusals, the flow through each step with those who ended there, holds and deferrals by
    reason, exits by reason, messages (opens come last and are never the headline: machines make many), goals
    with intervals for the treated and for ghosts, and what the journey added against its ghosts, beside what
    the last touch would be credited with. Tables: `entries`, `refusals`, `steps`, `ways`, `holds`, `exits`,
    `messages`, `goals`, `credited`, `effects`.
    """
    start, end = period(question.since, question.until, warehouse)
    about = {"journey": question.journey, "start": start, "end": end}
    entries = rows_of(warehouse, ENTRIES, **about)
    treated, ghosts = (int(sum(row[key] for row in entries)) for key in ("entries", "ghosts"))
    asked = Lift(
        journey=question.journey, metrics=("goal", "revenue"), within=question.within, since=question.since,
        until=question.until, currency=question.currency, level=question.level,
    )  # fmt: skip
    added = lift(asked, warehouse)
    goals = _goals(question, rows_of(warehouse, GOALS, **about), treated, ghosts)
    reached = max((row["runs"] for row in goals), default=0)
    found = share(reached, treated, question.level)
    estimates = [
        Estimate("entries", treated, n=treated), Estimate("ghosts", ghosts, n=ghosts),
        Estimate(
            "goal_rate", found.value if treated else None, found.low, found.high, treated, question.level
        ),
        *added.estimates,
    ]  # fmt: skip
    tables = {
        "entries": as_table(entries, {"day": "integer", "entries": "integer", "ghosts": "integer"}),
        "refusals": as_table(rows_of(warehouse, REFUSED, **about), {"reason": "text", "entries": "integer"}),
        "steps": as_table(_steps(warehouse, about, question.level)),
        "ways": as_table(rows_of(warehouse, WAYS, **about)),
        "holds": as_table(rows_of(warehouse, HOLDS, **about)),
        "exits": as_table(rows_of(warehouse, EXITS, **about)),
        "messages": as_table(message_rates(rows_of(warehouse, MESSAGES, **about), question.level)),
        "goals": as_table(goals), "credited": added.tables["credited"], "effects": added.tables["effects"],
    }  # fmt: skip
    caveats = added.caveats
    if not treated:
        caveats = (Doubt(Caveat.SAMPLE_TOO_SMALL, "Nobody entered."), *caveats)
    return Answer(
        question=question, sentence=_sentence(question, treated, ghosts, goals, added),
        estimates=tuple(estimates), tables=tables, caveats=caveats,
    )  # fmt: skip


def _sentence(
    question: JourneyReport, treated: int, ghosts: int, goals: list[dict[str, Any]], added: Answer
) -> str:
    text = f"{treated:,} runs of {question.journey} began, beside {ghosts:,} ghosts"
    if goals:
        best = max(goals, key=lambda row: row["runs"])
        text += f"; {words.percent(best['rate'] or 0.0)} reached {best['goal']}"
    return f"{text}. {added.sentence}"


def _goals(
    question: JourneyReport, rows: list[dict[str, Any]], treated: int, ghosts: int
) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        kind = "ghost" if row["ghost"] else "treated"
        found.setdefault(row["goal"], {})[kind] = row
    made = []
    for goal, kinds in found.items():
        mine, theirs = kinds.get("treated", {}), kinds.get("ghost", {})
        runs, ghost_runs = int(mine.get("runs", 0)), int(theirs.get("runs", 0))
        made.append({
            "goal": goal, "runs": runs, **rate("rate", runs, treated, question.level),
            "ghost_runs": ghost_runs, **rate("ghost_rate", ghost_runs, ghosts, question.level),
            "mean_ms": mine.get("mean_ms"), "value": mine.get("value"),
        })  # fmt: skip
    return made


def _steps(warehouse: Warehouse, about: dict[str, Any], level: float) -> list[dict[str, Any]]:
    """Steps in the order they were first taken, with how many runs ended there."""
    ended = {row["step"]: int(row["ended"]) for row in rows_of(warehouse, HERE, **about)}
    rows = []
    for row in rows_of(warehouse, STEPS, **about):
        runs, here = int(row["runs"]), ended.get(row["step"], 0)
        rows.append({
            "step": row["step"], "runs": runs, "passed": int(row["passed"]), "waited": int(row["waited"]),
            "mean_wait_ms": row["mean_wait_ms"], "ended_here": here,
            **rate("drop_off", min(here, runs), runs, level),
        })  # fmt: skip
    return rows


def message_rates(rows: list[dict[str, Any]], level: float) -> list[dict[str, Any]]:
    """Rows with counts of messages, with delivered of sent, clicked of delivered (of sent where delivery is
    not told), bounced of sent, each with its interval; opens last.
    """
    made = []
    for row in rows:
        opened = row.pop("opened")
        sent, reached = int(row["sent"]), int(row["delivered"]) or int(row["sent"])
        row |= rate("delivery_rate", min(int(row["delivered"]), sent), sent, level)
        row |= rate("click_rate", min(int(row["clicked"]), reached), reached, level)
        row |= rate("bounce_rate", min(int(row["bounced"]), sent), sent, level)
        made.append({**row, "opened": int(opened)})
    return made
