"""What a bandit would have saved: logged tests of messages played again, with chance drawn anew.

Each test has arms with the rate that was measured. It is played with as many showings as it had, in rounds:
Thompson sampling (Thompson, Biometrika 1933) shows each arm as often as it is drawn to be the best from
beta posteriors, uniform splitting shows all alike. *Regret* is what is lost against showing the best arm
from the start, in hits. Rates that were measured are taken for the truth, which makes gaps between arms a
little wider than they were; it does so for both ways of showing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from ..measures.shared.columns import as_table, codes, numbers, table_of
from .encoding import Floats
from .spans import mean_span

ROUNDS: Final = 50
_DRAWS: Final = 64
"""Draws of the posteriors in a round, shared out over its showings."""


class BanditRegret(Question, frozen=True, tag="bandit_regret"):
    """A row an arm of a test: columns ``test``, ``arm``, ``shown`` (how often) and ``hits``. A round of
    showings is decided at once, as mail is.
    """

    test: str = "test"
    arm: str = "arm"
    shown: str = "shown"
    hits: str = "hits"
    rounds: int = ROUNDS
    level: float = 0.95
    seed: int = 0

    def check(self) -> None:
        """Raises QuestionError."""
        if not 2 <= self.rounds <= 10_000:
            raise QuestionError("2 to 10,000 rounds", where="rounds")


@dataclass(frozen=True)
class Played:
    """What two ways of showing lost in each test, (tests,), in hits, and the share of showings of the best
    arm under the bandit by round, (rounds,).
    """

    bandit: Floats
    uniform: Floats
    best_share: Floats


def bandit_regret(
    frame: Any, *, test: str, arm: str, shown: str, hits: str, rounds: int = ROUNDS, level: float = 0.95,
    seed: int = 0,
) -> Answer:  # fmt: skip
    """The regret of Thompson sampling against uniform splitting, over tests that were really run.

    Estimates: ``bandit`` and ``uniform`` (hits lost a test), ``saved`` (their difference, paired by test),
    ``saved_share``. Table: ``rounds``. Tests with one arm are left out. Raises QuestionError and InputError.
    """
    question = BanditRegret(test=test, arm=arm, shown=shown, hits=hits, rounds=rounds, level=level, seed=seed)
    question.check()
    rates, showings = _tests(frame, question)
    played = play(rates, showings, rounds=rounds, seed=seed)
    spans = {
        "bandit": mean_span(played.bandit, None, level),
        "uniform": mean_span(played.uniform, None, level),
        "saved": mean_span(played.uniform - played.bandit, None, level),
    }
    saved, total = spans["saved"], float(played.uniform.sum())
    share = float((played.uniform - played.bandit).sum()) / total if total else 0.0
    n = len(rates)
    less = "less than" if saved.above else "not beyond doubt less than"
    return Answer(
        question=question,
        sentence=(
            f"Over {n:,} tests Thompson sampling loses {spans['bandit'].value:.4g} hits a test, {less} the "
            f"{spans['uniform'].value:.4g} of uniform splitting: {share:.0%} of the regret is saved "
            f"({saved.value:.4g} hits a test, {saved.low:.4g} to {saved.high:.4g})."
        ),
        estimates=(
            *(Estimate(name, s.value, s.low, s.high, n, level) for name, s in spans.items()),
            Estimate("saved_share", share, n=n),
        ),
        caveats=(
            Doubt(Caveat.ASSUMPTION_FAILED, "Measured rates are taken for the truth, the same all the time."),
        ),
        tables={
            "rounds": as_table(
                [{"round": i + 1, "best_share": float(v)} for i, v in enumerate(played.best_share)]
            )
        },
    )  # fmt: skip


def _tests(frame: Any, question: BanditRegret) -> tuple[Floats, NDArray[np.int64]]:
    """(rates (tests, arms), showings (tests,)) of the tests that have every arm."""
    table = table_of(frame)
    which, _ = codes(table, question.test)
    arms, names = codes(table, question.arm)
    shown, hits = numbers(table, question.shown), numbers(table, question.hits)
    if len(names) < 2:
        raise InputError("There is one arm only", fix="name a column with several")
    count = int(which.max()) + 1 if len(which) else 0
    totals, counted = np.zeros((count, len(names))), np.zeros((count, len(names)))
    np.add.at(totals, (which, arms), shown)
    np.add.at(counted, (which, arms), hits)
    full = np.all(totals > 0, axis=1)
    if not full.any():
        raise InputError("No test has every arm", fix="a row for each arm of each test")
    return counted[full] / totals[full], totals[full].sum(axis=1).astype(np.int64)


def play(rates: Floats, showings: NDArray[np.int64], *, rounds: int = ROUNDS, seed: int = 0) -> Played:
    """Both ways of showing over all tests at once. ``rates`` (tests, arms) in 0 to 1, ``showings`` (tests,).

    Priors are beta with the mean rate of all tests and the weight of one hit, so that nothing is taken from
    the test itself.
    """
    chance = np.random.Generator(np.random.PCG64(seed))
    tests, arms = rates.shape
    usual = float(np.average(rates.mean(axis=1), weights=showings))
    won, lost = np.full((tests, arms), 1.0), np.full((tests, arms), (1.0 - usual) / max(usual, 1e-9))
    best, gap = rates.argmax(axis=1), rates.max(axis=1)[:, None] - rates
    here = np.arange(tests)
    shown_all, best_share = np.zeros((tests, arms)), np.zeros(rounds)
    for number in range(rounds):
        size = showings * (number + 1) // rounds - showings * number // rounds
        drawn = chance.beta(won[None], lost[None], (_DRAWS, tests, arms)).argmax(axis=2)
        share = np.stack([(drawn == one).mean(axis=0) for one in range(arms)], axis=1)
        shown = chance.multinomial(size, share)
        hits = chance.binomial(shown, rates)
        won, lost, shown_all = won + hits, lost + shown - hits, shown_all + shown
        best_share[number] = shown[here, best].sum() / max(size.sum(), 1)
    uniform = (showings[:, None] / arms * gap).sum(axis=1)
    return Played((shown_all * gap).sum(axis=1), uniform, best_share)
