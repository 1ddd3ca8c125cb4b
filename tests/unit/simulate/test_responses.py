from __future__ import annotations

import math

import numpy as np
import pytest

from sevenfold.simulate.draws import key_of
from sevenfold.simulate.responses import TYPES, Message, ResponseParameters, Responses

DAY_MS = 86_400_000
RULES = ResponseParameters()


def crowd(no_effect: bool = False, size: int = 1_500) -> Responses:
    responses = Responses(RULES, ("step",), no_effect=no_effect)
    for number in range(size):
        responses.add(key_of(3, "person", str(number)))
    return responses


def of_type(responses: Responses, name: str) -> np.ndarray:
    return np.flatnonzero(responses.people.kind[: responses.people.rows] == TYPES.index(name))


def preferred(responses: Responses, row: int) -> str:
    return ("email", "in_app", "push", "sms", "whatsapp")[responses.people.preferred[row]]


def send(responses: Responses, row: int, day: int, channel: str | None = None) -> dict[str, object]:
    chosen = channel or preferred(responses, row)
    return responses.receive(row, 0, Message("m", chosen, "x", day * DAY_MS), day, 0.05)


def test_types_come_in_the_stated_shares() -> None:
    responses = crowd(size=4_000)
    for place, share in enumerate(RULES.type_shares):
        assert abs(np.mean(responses.people.kind[:4_000] == place) - share) < 0.025


def test_a_persuadable_steps_more_for_the_stated_days_by_the_stated_size() -> None:
    responses = crowd()
    rows = of_type(responses, "persuadable")[:300]
    for row in rows:
        send(responses, int(row), 10)
    wanted = np.exp(responses.people.effect[rows])
    assert np.allclose(responses.factor(0, rows, 11), wanted)
    assert np.allclose(responses.factor(0, rows, 10 + RULES.effect_days), wanted)
    assert np.allclose(responses.factor(0, rows, 11 + RULES.effect_days), 1.0)
    assert abs(np.median(responses.people.effect[rows]) - RULES.effect_median) < 0.1
    assert np.allclose(responses.drift_factor(rows, 11), 1.0)


@pytest.mark.parametrize("name", ["sure_thing", "lost_cause"])
def test_nothing_moves_a_sure_thing_or_a_lost_cause(name: str) -> None:
    responses = crowd()
    rows = of_type(responses, name)[:200]
    for row in rows:
        send(responses, int(row), 10)
    assert np.all(responses.factor(0, rows, 11) == 1.0)
    assert np.all(responses.drift_factor(rows, 11) == 1.0)


def test_the_put_off_step_less_and_drift_more_and_the_more_so_the_more_they_get() -> None:
    responses = crowd()
    rows = of_type(responses, "put_off")[:200]
    for row in rows:
        send(responses, int(row), 10)
    once = responses.drift_factor(rows, 11)
    assert np.allclose(once, np.exp(responses.people.harm[rows]))
    assert np.all(responses.factor(0, rows, 11) < 1.0)
    for row in rows:
        send(responses, int(row), 11)
    assert np.all(responses.drift_factor(rows, 12) > once)
    assert np.all(responses.drift_factor(rows, 12 + RULES.harm_days) == 1.0)


def test_messages_tire_within_seven_days_and_rest_after() -> None:
    responses = crowd()
    row = int(of_type(responses, "persuadable")[0])
    sizes = [float(send(responses, row, day)["log_effect"]) for day in (10, 11, 12, 13)]  # type: ignore[arg-type]
    full = float(responses.people.effect[row])
    assert sizes == pytest.approx([full, full, full * RULES.fatigue_factor, full * RULES.fatigue_factor**2])
    assert send(responses, row, 30)["log_effect"] == pytest.approx(full)


def test_the_channel_matters() -> None:
    responses = crowd()
    row = int(of_type(responses, "persuadable")[0])
    other = "sms" if preferred(responses, row) != "sms" else "email"
    full = float(responses.people.effect[row])
    assert send(responses, row, 10, other)["log_effect"] == pytest.approx(full * RULES.other_channel_factor)
    assert send(responses, row, 40, "human")["log_effect"] == pytest.approx(full * RULES.human_factor)


def test_the_chances_noted_are_those_of_the_hazard_held_for_the_days() -> None:
    responses = crowd()
    row = int(of_type(responses, "persuadable")[0])
    note = send(responses, row, 10)
    assert note["p_without"] == pytest.approx(1 - 0.95**7)
    assert note["p_with"] == pytest.approx(1 - (1 - 0.05 * math.exp(responses.people.effect[row])) ** 7)


def test_a_second_message_counts_for_what_it_adds_to_the_first() -> None:
    responses = crowd()
    row = int(of_type(responses, "persuadable")[0])
    send(responses, row, 10)
    note = send(responses, row, 12)
    raised = 0.05 * math.exp(responses.people.effect[row])
    assert note["p_without"] == pytest.approx(1 - (1 - raised) ** 5 * 0.95**2)
    assert note["p_with"] == pytest.approx(1 - (1 - raised) ** 7)


def test_where_nothing_works_every_effect_is_zero() -> None:
    responses = crowd(no_effect=True)
    for row in range(500):
        note = send(responses, row, 10)
        assert note["log_effect"] == 0.0
        assert note["drift_log_harm"] == 0.0
    assert np.all(responses.factor(0, np.arange(500), 11) == 1.0)
    assert np.all(responses.drift_factor(np.arange(500), 11) == 1.0)
