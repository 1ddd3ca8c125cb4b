"""The closed loop: choose with known chances, see what came of it, choose better, and stop where nothing
helps.

Each week there are cases: somebody in a kind of situation (their *profile*), what a good outcome is worth,
and the actions that are allowed, doing nothing always among them. The effect of each action in each profile
is estimated from past choices against doing nothing there, weighed by the inverse of the chance each was
chosen with, and drawn towards what the action does elsewhere (`hierarchical`). Of these posteriors it is
drawn how often each action is worth most after its cost (Thompson sampling over effects, not over outcomes:
nothing is sent to those who come back anyway); a minimum share is explored. Every choice keeps its chance, so
what the loop brought is asked of its own log (`off_policy`), like any other policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np

from .encoding import Floats
from .hierarchical import pooled
from .off_policy import Logged, difference

NOTHING: Final = "nothing"
_DRAWS: Final = 256


@dataclass(frozen=True)
class Case:
    """Somebody to decide about: who (`unit`), in which situation, what a good outcome is `worth` in money,
    and the `actions` allowed besides doing nothing.
    """

    unit: str
    profile: str
    worth: float
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """What was chosen for a case, with the chance it had."""

    case: Case
    action: str
    propensity: float


@dataclass(frozen=True)
class LoopSettings:
    """``cost`` of an action in money; the share ``explore``d at least, over all allowed actions; what an
    action is ``expected`` to add to the share of good outcomes before anything is seen, and how far from it
    it may lie: any action (`reach`), a profile from its action (`between`). All our judgement.
    """

    cost: float = 5.0
    explore: float = 0.10
    expected: float = 0.0
    reach: float = 0.05
    between: float = 0.03


class Loop:
    """Chooses, and learns from what came of it. Deterministic: draws come from digests of the seed, the round
    and the unit.
    """

    def __init__(self, seed: int, settings: LoopSettings | None = None) -> None:
        self.seed, self.settings = seed, settings or LoopSettings()
        self.log: list[tuple[Choice, float]] = []
        self._effects: dict[tuple[str, str], tuple[float, float]] = {}
        self._actions: set[str] = set()
        self._sums: dict[tuple[str, str], Floats] = {}
        """By profile and action: sums of inverse chances, of these times outcomes, of their squares."""

    def choose(self, round_: int, cases: Sequence[Case]) -> list[Choice]:
        """A choice for each case; effects are as they were learned last."""
        chance = np.random.Generator(np.random.PCG64([self.seed, round_]))
        drawn: dict[tuple[str, str], Floats] = {}
        for case in cases:
            for action in case.actions:
                key = (case.profile, action)
                if key not in drawn:
                    mean, spread = self.effect(*key)
                    drawn[key] = chance.normal(mean, spread, _DRAWS)
        return [self._choice(round_, case, drawn) for case in cases]

    def effect(self, profile: str, action: str) -> tuple[float, float]:
        """(mean, standard deviation) of what an action adds to the share of good outcomes in a profile."""
        s = self.settings
        unknown = (s.expected, float(np.hypot(s.reach, s.between)))
        return self._effects.get((profile, action), unknown)

    def _choice(self, round_: int, case: Case, drawn: dict[tuple[str, str], Floats]) -> Choice:
        names = (NOTHING, *case.actions)
        gains = np.array([drawn[case.profile, one] * case.worth - self.settings.cost for one in case.actions])
        best = np.vstack([np.zeros((1, _DRAWS)), gains.reshape(len(case.actions), _DRAWS)]).argmax(axis=0)
        often = np.bincount(best, minlength=len(names)) / _DRAWS
        shares = (1 - self.settings.explore) * often + self.settings.explore / len(names)
        at = int(np.searchsorted(np.cumsum(shares), _uniform(self.seed, round_, case.unit), side="right"))
        at = min(at, len(names) - 1)
        return Choice(case, names[at], float(shares[at]))

    def learn(self, outcomes: Sequence[tuple[Choice, float]]) -> None:
        """Takes in what came of choices (0 to 1 each), and estimates all effects anew."""
        self.log += outcomes
        for choice, outcome in outcomes:
            weight = 1 / choice.propensity
            held = self._sums.setdefault((choice.case.profile, choice.action), np.zeros(3))
            held += (weight, weight * outcome, weight**2)
            self._actions.update(choice.case.actions)
        profiles = sorted({profile for profile, _ in self._sums})
        actions = sorted(self._actions)
        rates = {
            (profile, action): self._rate(profile, action)
            for profile in profiles
            for action in (NOTHING, *actions)
        }
        for action in actions:
            apart, errors = [], []
            for profile in profiles:
                (there, wide), (without, base) = rates[profile, action], rates[profile, NOTHING]
                apart.append(there - without)
                errors.append(float(np.hypot(wide, base)))
            s = self.settings
            found = pooled(np.array(apart) - s.expected, np.array(errors), reach=s.reach, between=s.between)
            for at, profile in enumerate(profiles):
                self._effects[profile, action] = (s.expected + float(found.mean[at]), float(found.spread[at]))

    def _rate(self, profile: str, action: str) -> tuple[float, float]:
        """(share of good outcomes, standard error) of an action in a profile, weighed by inverse chances; one
        good and one bad case are added, so that few are not certain. An infinite error where it was never
        taken.
        """
        held = self._sums.get((profile, action))
        if held is None:
            return 0.0, float("inf")
        weight, good, squares = held.tolist()
        n = weight**2 / squares
        share = (good / weight * n + 1) / (n + 2)
        return share, float(np.sqrt(share * (1 - share) / (n + 2)))

    def brought(self, level: float = 0.95) -> tuple[float, float, float]:
        """(value, low, high): what the loop's choices brought over doing nothing, in good outcomes a case,
        from its own log.
        """
        outcome = np.array([reward for _, reward in self.log])
        chance = np.array([choice.propensity for choice, _ in self.log])
        idle = np.array([float(choice.action == NOTHING) for choice, _ in self.log])
        _, who = np.unique([choice.case.unit for choice, _ in self.log], return_inverse=True)
        if not idle.any():
            return 0.0, -np.inf, np.inf
        found = difference(Logged(outcome, chance, idle, who.astype(np.int64)), level=level)
        return -found.value, -found.high, -found.low


def _uniform(*parts: object) -> float:
    """A number in [0, 1) from a digest of stable ids."""
    digest = blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
