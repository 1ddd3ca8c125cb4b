"""The predictions that packs ship: readable, and without effect until somebody has learned them."""

from __future__ import annotations

import msgspec
import pytest

import sevenfold as sf
from sevenfold.engine import Fold
from sevenfold.learning.asked import asked_of
from sevenfold.learning.looking import Looking
from sevenfold.learning.outcomes import population
from sevenfold.simulate import SaasCompany
from sevenfold.simulate.saas.parameters import SaasParameters

WANTED = {
    "seven-stage": ["churn", "renewal", "conversion", "upgrade", "advocacy", "drop_off", "silence"],
    "post-purchase": ["repeat_purchase", "next_order", "customer_value"],
}


@pytest.mark.parametrize("pack", WANTED)
def test_a_pack_says_whom_it_foretells_what_of_and_what_stands_in(pack: str) -> None:
    workspace = sf.load(pack)
    asked = asked_of(workspace)
    assert [one.name for one in asked] == WANTED[pack]
    looking = Looking(workspace, asked)
    for one in asked:
        assert len(looking.sources[one.name]) > 8
        assert len(population(looking.fold, one)) == 0, "nobody is there yet"
        assert workspace.predictions[one.name].description and workspace.predictions[one.name].source


def test_predictions_that_nobody_learned_change_nothing() -> None:
    workspace = sf.load("seven-stage")
    company = SaasCompany(seed=4, accounts=8, days=50, parameters=SaasParameters(actions_per_session=0.3))
    events = [(time, msgspec.json.encode(event)) for time, event in company.timed_events()]
    with_predictions = Fold(workspace).events(events)
    without = Fold(msgspec.structs.replace(workspace, predictions={})).events(events)
    assert with_predictions == without
