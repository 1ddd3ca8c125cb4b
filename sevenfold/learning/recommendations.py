"""Recommendations from a frame of what was bought or read, and whether they beat what is popular."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from ..measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from ..measures.shared.columns import as_table, codes, column, table_of, times
from .products import Suggested, Taken, Together
from .spans import mean_span

HITS_SHOWN: Final = 10
PEOPLE_MIN: Final = 50
"""People who came back, below which a comparison says little: our judgement."""


class Recommendations(Question, frozen=True, tag="recommendations"):
    """A row an item that somebody took: columns ``person``, ``item``, ``time``, and ``basket`` (what was
    taken together; a person's day otherwise); ``category`` of the item, if any. ``again``: what they have may
    be recommended too. With ``split`` (a date) nobody is recommended anything: what was learned until then is
    measured on what came after.
    """

    person: str = "person"
    item: str = "item"
    time: str = "time"
    basket: str = ""
    category: str = ""
    count: int = HITS_SHOWN
    again: bool = False
    split: str = ""
    level: float = 0.95

    def check(self) -> None:
        """Raises QuestionError."""
        if not 1 <= self.count <= 100:
            raise QuestionError("1 to 100 items", where="count")


def taken_of(frame: Any, question: Recommendations) -> Taken:
    """The rows of a frame with a person and an item, in order of time."""
    table = table_of(frame)
    whole = [question.person, question.item, question.time]
    there = np.ones(table.num_rows, dtype=bool)
    for name in whole:
        there &= np.asarray(column(table, name).is_valid().to_numpy())
    table = table.filter(pa.array(there))
    person, people = codes(table, question.person)
    item, items = codes(table, question.item)
    when = times(table, question.time)
    day = when // 86_400_000 - int(when.min(initial=0)) // 86_400_000
    basket = (
        codes(table, question.basket)[0] if question.basket else person * (int(day.max(initial=0)) + 1) + day
    )
    category = None
    if question.category:
        kinds = codes(table, question.category)[0]
        category = np.full(len(items), -1, dtype=np.int64)
        category[item] = kinds
    return Taken(person, basket, item, when, items, people, category)


def recommend_products(
    frame: Any, *, person: str, item: str, time: str, basket: str = "", category: str = "",
    count: int = HITS_SHOWN, again: bool = False, split: str = "", level: float = 0.95,
) -> Answer:  # fmt: skip
    """What to recommend to each person, or with ``split`` how often that would have been right.

    Without ``split``: table `people` (person, rank, item, reason, because, lift). With it: estimates
    ``hit_rate`` and ``hit_rate_popular`` (people of whose next basket at least one item was among the
    recommended, of those whom both could recommend to), ``gain`` (paired), ``precision``; table `reasons`.
    Raises QuestionError.
    """
    question = Recommendations(
        person=person, item=item, time=time, basket=basket, category=category, count=count, again=again,
        split=split, level=level,
    )  # fmt: skip
    question.check()
    taken = taken_of(frame, question)
    if not len(taken.item):
        raise QuestionError("Nobody took anything", where="item")
    return _measured(question, taken) if split else _recommended(question, taken)


def _recommended(question: Recommendations, taken: Taken) -> Answer:
    together = Together(taken, int(taken.time.max()))
    rows = []
    for number, name in enumerate(taken.people):
        for rank, one in enumerate(together.suggest(number, question.count, again=question.again), 1):
            rows.append({"person": name, "rank": rank, **_row(taken, one)})
    named = sum(row["reason"] == "together" for row in rows)
    return Answer(
        question=question,
        sentence=(
            f"{len(taken.people):,} people get up to {question.count} items each; {named / len(rows):.0%} of "
            "them go with what they took, the others are popular."
        ),
        tables={"people": as_table(rows)},
    )  # fmt: skip


def _row(taken: Taken, one: Suggested) -> dict[str, Any]:
    because = taken.items[one.because] if one.because >= 0 else ""
    lift = one.lift if one.reason == "together" else None
    return {"item": taken.items[one.item], "reason": one.reason, "because": because, "lift": lift}


def _measured(question: Recommendations, taken: Taken) -> Answer:
    """Each person who came back: was something of their next basket among what they would have been shown?"""
    at = int(times(pa.table({"split": [question.split]}), "split")[0])
    before = taken.take(taken.time < at)
    if not len(before.item):
        raise QuestionError("Nobody took anything before the split", where="split")
    together = Together(before, at)
    wanted = _next_baskets(question, taken, at, together)
    hits, popular, precise = [], [], []
    reasons: dict[str, list[int]] = {}
    for number, items in wanted.items():
        shown = together.suggest(number, question.count, again=question.again)
        right = [one for one in shown if one.item in items]
        hits.append(bool(right))
        precise.append(len(right) / question.count)
        usual = together.most_popular(number, question.count, again=question.again)
        popular.append(bool(items.intersection(usual)))
        for one in shown:
            held = reasons.setdefault(one.reason, [0, 0])
            held[0] += 1
            held[1] += one.item in items
    level, n = question.level, len(hits)
    mine, others = np.array(hits, dtype=float), np.array(popular, dtype=float)
    spans = {
        "hit_rate": mean_span(mine, None, level), "hit_rate_popular": mean_span(others, None, level),
        "gain": mean_span(mine - others, None, level), "precision": mean_span(np.array(precise), None, level),
    }  # fmt: skip
    gain = spans["gain"]
    verdict = "more than" if gain.above else "less than" if gain.below else "not distinguishably other than"
    caveats = (Doubt(Caveat.SAMPLE_TOO_SMALL, f"{n:,} came back."),) if n < PEOPLE_MIN else ()
    return Answer(
        question=question,
        sentence=(
            f"Of {n:,} people who came back {spans['hit_rate'].value:.1%} took something of the "
            f"{question.count} they would have been shown, {verdict} the "
            f"{spans['hit_rate_popular'].value:.1%} of what is popular "
            f"({gain.value:+.1%}, {gain.low:+.1%} to {gain.high:+.1%})."
        ),
        estimates=tuple(
            Estimate(name, span.value, span.low, span.high, n, level) for name, span in spans.items()
        ),
        caveats=caveats,
        tables={
            "reasons": as_table(
                [{"reason": name, "shown": a, "taken": b} for name, (a, b) in sorted(reasons.items())]
            )
        },
    )  # fmt: skip


def _next_baskets(
    question: Recommendations, taken: Taken, at: int, together: Together
) -> dict[int, set[int]]:
    """By person known before the split, the items of their first basket after it that could be shown."""
    rows = np.flatnonzero(taken.time >= at)
    rows = rows[np.argsort(taken.time[rows], kind="stable")]
    first: dict[int, int] = {}
    found: dict[int, set[int]] = {}
    seen = together.often > 0
    owned = {} if question.again else _owned(taken, at)
    for row in rows.tolist():
        person, basket, item = int(taken.person[row]), int(taken.basket[row]), int(taken.item[row])
        if not together.knows(person) or first.setdefault(person, basket) != basket:
            continue
        if seen[item] and item not in owned.get(person, ()):
            found.setdefault(person, set()).add(item)
    return found


def _owned(taken: Taken, at: int) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for row in np.flatnonzero(taken.time < at).tolist():
        found.setdefault(int(taken.person[row]), set()).add(int(taken.item[row]))
    return found


def as_events(answer: Answer, trait: str, time: int) -> bytes:
    """The recommendations as `identify` calls, a line each: the trait is the list of items, best first. In
    the log they are events like any other, so what a template shows is what was known when it was decided, in
    every replay. The message id holds person and time: sent twice they count once.
    """
    held: dict[str, list[str]] = {}
    for row in answer.frame("people").to_pylist():
        held.setdefault(row["person"], []).append(row["item"])
    lines = [
        msgspec.json.encode({
            "type": "identify", "userId": person, "timestamp": time, "traits": {trait: items},
            "messageId": f"{trait}-{person}-{time}",
        })
        for person, items in held.items()
    ]  # fmt: skip
    return b"\n".join(lines) + b"\n"
