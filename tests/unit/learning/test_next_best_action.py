"""Policies for the next best action, trained on logged choices of worlds whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from sevenfold.errors import InputError
from sevenfold.learning.action_model import model_of
from sevenfold.learning.logged_choices import LoggedChoices, targets
from sevenfold.learning.next_best_action import Trained, train
from sevenfold.measures.answer import QuestionError

SHARES = {"mail": 500_000, "call": 250_000, "nothing": 250_000}


def world(n: int, works: bool, seed: int = 1) -> tuple[LoggedChoices, np.ndarray]:
    """Mail works with many log-ins, a call with few; or nothing does. Gives the truth, (n, 3), too."""
    rng = np.random.Generator(np.random.PCG64(seed))
    x = rng.integers(0, 20, n)
    flat = np.full(n, 0.10)
    truth = np.column_stack([0.02 + 0.012 * x, 0.20 - 0.005 * x, 0.5 * flat] if works else [flat] * 3)
    names = list(SHARES)
    taken = rng.choice(3, p=[0.5, 0.25, 0.25], size=n)
    reward = (rng.random(n) < truth[np.arange(n), taken]).astype(float)
    context = {"logins": x.astype(float).tolist(), "spend": (rng.normal(size=n) * 1e6).tolist()}
    chosen = [names[place] for place in taken]
    return LoggedChoices("j/s", list(range(n)), chosen, reward.tolist(), [SHARES] * n, context), truth


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(world(6_000, works=True)[0])


def worth(trained: Trained, logged: LoggedChoices, truth: np.ndarray) -> float:
    """What the policy brings in truth."""
    names, xs = list(SHARES), logged.context["logins"]
    best = [max(names, key=lambda n: trained.model.score(n, [int(x), 0]) or 0) for x in xs]
    return float(truth[np.arange(len(xs)), [names.index(one) for one in best]].mean())


def test_the_policy_beats_what_was_logged_nearly_as_if_the_truth_were_known(trained: Trained) -> None:
    logged, truth = world(6_000, works=True)
    assert trained.better and trained.shares["nothing"] < 0.05
    assert worth(trained, logged, truth) > 0.97 * truth.max(axis=1).mean()


def test_its_intervals_cover_what_it_brings_in_truth() -> None:
    covered = 0
    for seed in range(12):
        logged, truth = world(2_500, works=True, seed=seed)
        found = train(logged)
        covered += found.value_low < worth(found, logged, truth) < found.value_high
    assert covered >= 9


def test_no_gain_is_claimed_where_nothing_works() -> None:
    claimed = [train(world(2_000, works=False, seed=seed)[0]).better for seed in range(20)]
    assert sum(claimed) <= 2


def test_the_record_is_read_by_the_fold_as_it_was_trained(trained: Trained) -> None:
    record = trained.record("j/s")
    model = model_of({name: value for name, value in record.items() if name not in ("op", "policy")})
    assert record["op"] == "policy_model" and model.version == trained.model.version
    few, many = model.score("mail", [0, 0]), model.score("mail", [19, 0])
    assert few is not None and many is not None and few < 60_000 < 200_000 < many
    assert model.score("mail", [10**9, 0]) == model.score("mail", [20, 0]), "held within what was seen"
    assert "of rewards against" in model.quality["because"]


def test_too_few_choices_train_nothing() -> None:
    with pytest.raises(InputError, match="too few"):
        train(world(100, works=True)[0])
    with pytest.raises(InputError, match="was not logged"):
        train(world(500, works=True)[0], features=["age"])


def test_an_action_that_was_not_allowed_is_not_taken_by_a_policy() -> None:
    logged = LoggedChoices("j/s", [1, 2], ["a", "nothing"], [0.0, 1.0], [{"a": 900_000, "nothing": 100_000},
                           {"nothing": 1_000_000}], {})  # fmt: skip
    assert targets(logged, "always:a") == [1.0, 1.0]
    assert targets(logged, "uniform") == [0.5, 1.0]
    assert targets(logged, "always:nothing") == [0.0, 1.0]
    with pytest.raises(QuestionError):
        targets(logged, "always:b")
