"""The closed loop, in a small world of its own and in the simulated company; how many messages are enough."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench.learning_loop import FixedRules, Seen, calendar, risk_targeting, ways
from sevenfold.learning.closed_loop import NOTHING, Case, Choice, Loop, LoopSettings
from sevenfold.learning.frequency import frequency
from sevenfold.measures.answer import Caveat

EFFECT = {
    ("silent", "mail"): 0.25,
    ("silent", "call"): 0.05,
    ("angry", "mail"): -0.15,
    ("angry", "call"): 0.0,
}


def lived(seed: int, effect: dict[tuple[str, str], float], rounds: int = 20) -> Loop:
    """Forty cases a round; doing nothing ends well three times in ten."""
    loop = Loop(seed, LoopSettings(reach=0.2, between=0.2))
    chance = np.random.Generator(np.random.PCG64(seed))
    for week in range(rounds):
        cases = [Case(f"u{i}", ("silent", "angry")[i % 2], 1_000.0, ("mail", "call")) for i in range(40)]
        chosen = loop.choose(week, cases)
        loop.learn([(one, outcome(one, effect, chance)) for one in chosen])
    return loop


def outcome(one: Choice, effect: dict[tuple[str, str], float], chance: np.random.Generator) -> float:
    return float(chance.random() < 0.3 + effect.get((one.case.profile, one.action), 0.0))


def actions(loop: Loop, profile: str, last: int = 200) -> list[str]:
    return [one.action for one, _ in loop.log[-last:] if one.case.profile == profile]


def test_it_comes_to_send_what_helps_to_those_it_helps() -> None:
    loop = lived(1, EFFECT)
    silent, angry = actions(loop, "silent"), actions(loop, "angry")
    assert silent.count("mail") > 0.45 * len(silent) and silent.count("mail") > 2 * silent.count(NOTHING)
    assert angry.count("mail") < 0.15 * len(angry)
    expected = [0.3 + EFFECT.get((one.case.profile, one.action), 0.0) for one, _ in loop.log[-200:]]
    assert np.mean(expected) > 0.33, "it does better than leaving alone"
    value, low, high = loop.brought()
    assert low < value < high and value > 0


def test_every_choice_has_its_chance_and_none_is_left_untried() -> None:
    loop = lived(2, EFFECT, rounds=6)
    assert all(0.03 <= one.propensity <= 1 for one, _ in loop.log)
    assert {one.action for one, _ in loop.log} == {NOTHING, "mail", "call"}
    again = lived(2, EFFECT, rounds=6)
    assert [(o.action, o.propensity) for o, _ in again.log] == [(o.action, o.propensity) for o, _ in loop.log]


def test_where_nothing_works_nothing_is_claimed() -> None:
    claimed = sum(lived(seed, {}, rounds=8).brought()[1] > 0 for seed in range(6))
    assert claimed <= 1


def test_what_costs_more_than_it_can_bring_is_hardly_ever_sent() -> None:
    loop = Loop(1)
    chosen = loop.choose(0, [Case(f"u{i}", "silent", 1.0, ("mail",)) for i in range(400)])
    assert sum(one.action == "mail" for one in chosen) == pytest.approx(0.05 * 400, abs=14)


def seen(account: str, recent: float, usual: float, renewal: int | None = None) -> Seen:
    return Seen(account, f"{account}-u1", recent, usual, renewal, 1_188.0)


def test_the_ways_it_is_compared_with_do_what_they_say() -> None:
    well, slips, renews = seen("a", 9, 8), seen("b", 1, 8), seen("c", 8, 8, 6)
    everybody = [well, slips, renews]
    assert len(calendar(4, everybody)) == 4 and len(calendar(5, everybody)) == 1
    rules = FixedRules()
    told = [rules(week, everybody) for week in range(5)]
    assert [len(one) for one in told] == [2, 1, 1, 0, 0]
    assert [one.account for one, _, _ in risk_targeting(1, everybody)] == ["b"]


def test_in_the_simulated_company_messages_act_and_nothing_is_gained_where_nothing_works() -> None:
    found = ways(3, 40, weeks=4, names=("calendar", "fixed_rules"))
    assert found["calendar"].sent > found["fixed_rules"].sent > 0
    nothing = ways(3, 40, weeks=4, names=("closed_loop",), no_effect=True)["closed_loop"]
    assert nothing.sent > 0 and nothing.gain == 0 and nothing.brought[1] <= 0


# ------------------------------------------------------------------------------------------------- frequency


def moments(seed: int, effects: list[float], n: int = 6_000) -> pd.DataFrame:
    chance = np.random.Generator(np.random.PCG64(seed))
    before, sent = chance.integers(0, len(effects), n), chance.random(n) < 0.5
    rate = 0.2 + sent * np.array(effects)[before]
    return pd.DataFrame(
        {"sent": sent, "before": before, "outcome": chance.random(n) < rate, "who": np.arange(n) // 3}
    )


ASKED = {"sent": "sent", "before": "before", "outcome": "outcome"}


def test_messages_are_enough_where_one_more_brings_nothing() -> None:
    found = frequency(moments(1, [0.15, 0.10, -0.05, -0.10]), **ASKED, unit="who")
    assert found["enough"].value == 2 and "2 in that time are enough" in found.sentence
    harm = found["after:3"]
    assert harm.high is not None and harm.high < 0


def test_no_frequency_is_advised_where_messages_bring_nothing_or_nobody_was_held_out() -> None:
    advised = sum(
        frequency(moments(seed, [0.0] * 4, 1_500), **ASKED)["enough"].value is not None for seed in range(16)
    )
    assert advised <= 2
    alone = frequency(moments(1, [0.1]).assign(sent=True), **ASKED)
    assert Caveat.NO_CONTROL in {doubt.caveat for doubt in alone.caveats}
