"""The runs of one journey over a history, and what two versions of it do differently to the same people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from sevenfold.effects import Effect
from sevenfold.playback.tables import iso


class Said(Struct, gc=False):
    """A message of a run: `what` is decided, would_send, held or deferred; `reason` says why it was held."""

    time: int
    step: str
    template: str
    what: str
    reason: str = ""


class Run(Struct):
    """One run. Times are ms UTC; `ended` and `reason` are empty while it goes on. `steps` are (step,
    outcome).
    """

    run: str
    subject: str
    key: str
    entered: int
    trigger: str
    ghost: str = ""
    who: str = ""
    said: list[Said] = []
    steps: list[tuple[str, str]] = []
    goals: list[str] = []
    ended: int | None = None
    reason: str = ""
    effects: list[Effect] = []

    def to_json(self) -> dict[str, Any]:
        """The run for programs."""
        said = [{**msgspec.structs.asdict(one), "time": iso(one.time)} for one in self.said]
        return {
            "run": self.run, "subject": self.subject, "who": self.who, "key": self.key,
            "entered": iso(self.entered), "trigger": self.trigger, "ghost": self.ghost or None,
            "messages": said, "steps": self.steps, "goals": self.goals,
            "ended": None if self.ended is None else iso(self.ended), "reason": self.reason or None,
        }  # fmt: skip

    def decisions(self) -> tuple[Any, ...]:
        """What was decided, whenever it was; steps may have other names in another version."""
        said = tuple((one.template, one.what, one.reason) for one in self.said)
        return (bool(self.ghost), said, tuple(self.goals), self.reason)

    def times(self) -> tuple[Any, ...]:
        """When it was decided."""
        return (self.entered, tuple(one.time for one in self.said), self.ended)


class Pair(Struct):
    """The same entry in both versions, which differs."""

    before: Run
    after: Run
    differs: list[str]


class Comparison(Struct):
    """Two versions over the same people. Runs are paired by subject, key and order of entry."""

    only_before: list[Run]
    only_after: list[Run]
    differing: list[Pair]
    later: int
    """Pairs with the same decisions at other times."""
    same: int

    def to_json(self) -> dict[str, Any]:
        """The comparison for programs."""
        return {
            "only_before": [run.to_json() for run in self.only_before],
            "only_after": [run.to_json() for run in self.only_after],
            "differing": [
                {"who": one.before.who, "subject": one.before.subject, "key": one.before.key,
                 "differs": one.differs, "before": one.before.to_json(), "after": one.after.to_json()}
                for one in self.differing
            ],
            "other_times": self.later, "same": self.same,
        }  # fmt: skip


def compare(before: Sequence[Run], after: Sequence[Run]) -> Comparison:
    """What differs between two versions, given the runs of each over the same history."""
    found = Comparison([], [], [], 0, 0)
    mine, theirs = _by_entry(before), _by_entry(after)
    for entry, run in mine.items():
        other = theirs.get(entry)
        if other is None:
            found.only_before.append(run)
        elif differs := differences(run, other):
            found.differing.append(Pair(run, other, differs))
        elif run.times() != other.times():
            found.later += 1
        else:
            found.same += 1
    found.only_after = [run for entry, run in theirs.items() if entry not in mine]
    return found


def _by_entry(runs: Sequence[Run]) -> dict[tuple[str, str, int], Run]:
    count: Counter[tuple[str, str]] = Counter()
    found = {}
    for run in runs:
        place = (run.subject, run.key)
        found[*place, count[place]] = run
        count[place] += 1
    return found


def differences(before: Run, after: Run) -> list[str]:
    """What was decided differently, in words; empty when only times differ."""
    if before.decisions() == after.decisions():
        return []
    found = []
    if bool(before.ghost) != bool(after.ghost):
        found.append("a ghost only " + ("before" if before.ghost else "after"))
    mine = Counter((one.template, one.what, one.reason) for one in before.said)
    theirs = Counter((one.template, one.what, one.reason) for one in after.said)
    found += [f"no longer {_told(one, n)}" for one, n in (mine - theirs).items()]
    found += [f"now {_told(one, n)}" for one, n in (theirs - mine).items()]
    found += [f"goal {goal} is not reached" for goal in before.goals if goal not in after.goals]
    found += [f"goal {goal} is reached" for goal in after.goals if goal not in before.goals]
    if before.reason != after.reason:
        found.append(f"ends with {after.reason or 'nothing yet'} instead of {before.reason or 'nothing yet'}")
    return found or ["the same messages in another order"]


def _told(one: tuple[str, str, str], times: int) -> str:
    template, what, reason = one
    often = f" {times} times" if times > 1 else ""
    if what == "decided":
        return f"sent {template}{often}"
    return f"{template} {what.replace('_', ' ')}{f' ({reason})' if reason else ''}{often}"


__all__ = ["Comparison", "Pair", "Run", "Said", "compare", "differences"]
