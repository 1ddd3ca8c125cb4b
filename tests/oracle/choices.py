"""The reference of docs/explain/choices.md: everything worked out anew from all outcomes at each decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sevenfold.learning.bandits import Arm, best_shares, drawn, ends_of, floored, place_of, rounded, toward
from sevenfold.profiles import expressions as ex

from .values import DAY

if TYPE_CHECKING:
    from .journey_runs import Run

MILLION = 1_000_000


@dataclass
class Made:
    """A choice that was made, and what came of it."""

    key: str
    arm: str | None
    """None for a ghost's."""
    run: Run
    due: int
    goal: str | None
    rewarded: bool = False


class ReferenceChoices:
    """Choices of bandit splits."""

    def __init__(self) -> None:
        self.made: list[Made] = []

    def choose(self, run: Run, model: Any, t: int) -> tuple[str, int, float]:
        """(path, place, share in per cent) for a run that comes to the split."""
        key, names = f"{run.journey}/{run.step}", list(model.paths)
        shares, version = self._now(key, run, model, t)
        place = place_of("choice", run.id, run.step, run.visit, version)
        weights = rounded([shares[name] for name in names])
        chosen = drawn(ends_of(weights), place)
        if run.ghost != "shadow":
            reward = model.learning.reward
            arm = None if run.ghost else names[chosen]
            due = t + ex.parse_duration(reward.within)
            self.made.append(Made(key, arm, run, due, reward.goal))
        return names[chosen], place, weights[chosen] / 10_000

    def reached(self, run: Run, goal: str, t: int) -> None:
        for one in self.made:
            if one.run is run and t < one.due and one.goal in (None, goal):
                one.rewarded = True

    def _now(self, key: str, run: Run, model: Any, t: int) -> tuple[dict[str, int], int]:
        """The shares by which the split draws at `t`, and how often what is known has changed."""
        learn, autonomy = model.learning, run.plan.autonomy
        names, period = list(model.paths), ex.parse_duration(learn.refresh)
        shares = {name: round(path.share * 10_000) for name, path in model.paths.items()}
        due: dict[int, list[Made]] = {}
        for one in self.made:
            if one.key == key:
                due.setdefault((one.due // period + 1) * period, []).append(one)
        counts, arms = dict.fromkeys(names, 0), {name: Arm() for name in names}
        version, day, spent = 0, None, (0, 0)
        closes = sorted(at for at in due if at <= t)
        while closes:
            at = closes.pop(0)
            if day is not None and learn.keep < 100:
                keep = round(learn.keep * 10_000)
                arms = {name: arm.discounted(keep, at // DAY - day) for name, arm in arms.items()}
            day = at // DAY
            version += bool(due.get(at))
            for one in due.get(at, ()):
                if one.arm is not None:
                    counts[one.arm] += 1
                    arms[one.arm] = arms[one.arm].plus(1, int(one.rewarded))
            if autonomy.level != "act" or any(counts[name] < learn.minimum for name in names):
                continue
            best = best_shares([arms[name] for name in names])
            target = floored(best, round(learn.explore * 10_000))
            now = [shares[name] for name in names]
            if sum(abs(a - b) for a, b in zip(now, target, strict=True)) // 2 < 1_000:
                continue
            left = round(autonomy.moved_per_day * 10_000) - (spent[1] if spent[0] == day else 0)
            moved = toward(now, target, left)
            share = sum(abs(a - b) for a, b in zip(now, moved, strict=True)) // 2
            spent = (day, share + (spent[1] if spent[0] == day else 0))
            shares = dict(zip(names, moved, strict=True))
            tomorrow = (day + 1) * DAY
            further = sum(abs(a - b) for a, b in zip(moved, target, strict=True)) // 2 >= 1_000
            # Outcomes that come before it move the next close forward; then tomorrow is looked at anew.
            if further and tomorrow <= t and not any(one < tomorrow for one in closes):
                closes = sorted({*closes, tomorrow})
        return shares, version


__all__ = ["ReferenceChoices"]
