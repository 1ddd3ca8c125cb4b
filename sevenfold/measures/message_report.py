"""Messages by channel, template, category or journey: what was decided, held, sent, clicked, and what it led
to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question
from sevenfold.measures.events.periods import bounds, duration
from sevenfold.measures.journey_report import message_rates
from sevenfold.measures.registry import analysis
from sevenfold.measures.shared import words
from sevenfold.measures.shared.columns import as_table
from sevenfold.measures.shared.crediting import credit, touches
from sevenfold.measures.shared.rates import period, rate, rows_of

if TYPE_CHECKING:
    from sevenfold.warehouse.base import Warehouse

_BY = {
    "channel": "COALESCE(channel, '')", "template": "COALESCE(template, '')", "journey": "journey",
    "category": "COALESCE(category, '')",
}  # fmt: skip
SENT_MIN = 100
"""Fewer messages leave a click rate of one in fifty anywhere between 0 and 7%."""


class MessageReport(Question, frozen=True, tag="message-report"):
    """Messages decided in the period, `by` channel, template, journey or category; `conversion` (`revenue`,
    `orders` or an event) is credited to the last one at most `lookback` before. A report `by` category
    credits nothing.
    """

    by: Literal["channel", "template", "journey", "category"] = "channel"
    conversion: str = "revenue"
    lookback: str = "7d"
    since: str = ""
    until: str = ""
    currency: str = ""
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        bounds(self.since, self.until)
        duration(self.lookback, "lookback")


_SENT = """
SELECT {by} AS name, COUNT(*) AS decided, COUNT(sent) AS sent, COUNT(delivered) AS delivered,
    COUNT(clicked) AS clicked, COUNT(bounced) AS bounced, COUNT(failed) AS failed,
    COUNT(DISTINCT person) AS people, COUNT(opened) AS opened
FROM messages WHERE time >= $start AND time < $end GROUP BY {by}
ORDER BY COUNT(sent) DESC, {by}
"""
_HELD = """
SELECT {by} AS name, COALESCE(reason, '') AS reason, COUNT(*) AS messages FROM decisions
WHERE kind = 'held' AND NOT ghost AND time >= $start AND time < $end
GROUP BY {by}, COALESCE(reason, '') ORDER BY messages DESC, {by}, COALESCE(reason, '')
"""


@analysis("message-report")
def message_report(question: MessageReport, warehouse: Warehouse) -> Answer:
    """Messages by channel or template: decided, held with reasons, sent, delivered, clicked, bounced,
    credited.

    Clicks and bounces carry their intervals. Opens and clicks that machines made do not count; opens come
    last, because privacy proxies open what nobody reads. Tables: `messages`, `holds`.
    """
    start, end = period(question.since, question.until, warehouse)
    column = _BY[question.by]
    rows = message_rates(rows_of(warehouse, _SENT.format(by=column), start=start, end=end), question.level)
    holds = rows_of(warehouse, _HELD.format(by=column), start=start, end=end)
    held: dict[str, int] = {}
    for row in holds:
        held[row["name"]] = held.get(row["name"], 0) + int(row["messages"])
    credited = _credited(question, warehouse, start, end)
    for row in rows:
        here = held.get(row["name"], 0)
        row |= {"held": here, **rate("held_rate", here, here + int(row["decided"]), question.level)}
        if credited is not None:
            row["credited"] = credited.get(row["name"], 0.0)
        row["opened"] = row.pop("opened")
    few = [row["name"] or "none" for row in rows if row["sent"] < SENT_MIN]
    caveats = [Doubt(Caveat.MACHINE_LEFT_OUT)]
    if few:
        caveats.append(Doubt(Caveat.SAMPLE_TOO_SMALL, f"Fewer than {SENT_MIN} sent: {words.listed(few)}."))
    if credited is not None:
        caveats.append(Doubt(Caveat.NOT_CAUSAL, "Credit is not effect: see lift."))
    return Answer(
        question=question, sentence=_sentence(question, rows), caveats=tuple(caveats),
        estimates=tuple(
            Estimate(f"click_rate:{row['name']}", row["click_rate"], row["click_rate_low"],
                     row["click_rate_high"], int(row["delivered"]) or int(row["sent"]), question.level)
            for row in rows
        ),
        tables={"messages": as_table(rows), "holds": as_table(holds)},
    )  # fmt: skip


def _sentence(question: MessageReport, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No message was decided in that time."
    total = sum(int(row["sent"]) for row in rows)
    clicked = [row for row in rows if row["sent"] >= SENT_MIN and row["click_rate"] is not None]
    text = f"{total:,} messages were sent"
    if not clicked:
        return f"{text}, too few anywhere to compare."
    best = max(clicked, key=lambda row: row["click_rate_low"])
    return (
        f"{text}; {best['name'] or 'none'} is clicked most: {words.percent(best['click_rate'])} "
        f"({words.percent(best['click_rate_low'])} to {words.percent(best['click_rate_high'])})."
    )


def _credited(question: MessageReport, warehouse: Warehouse, start: int, end: int) -> dict[str, float] | None:
    if question.by == "category":
        return None
    found = touches(
        warehouse, question.conversion, by=question.by, lookback=duration(question.lookback, "lookback"),
        start=start, end=end, currency=question.currency,
    )  # fmt: skip
    return dict(zip(found.labels, credit(found, "last").tolist(), strict=True))
