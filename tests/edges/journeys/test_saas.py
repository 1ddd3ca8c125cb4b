"""The seven-stage pack and all its journeys on a simulated company, by brute force over every message."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pandas as pd
import pytest

from sevenfold.playback import replay
from sevenfold.playback.recommending import NOBODY, as_csv, cases_of, recommend, strategies_of
from sevenfold.simulate import SaasCompany
from sevenfold.simulate.write import write_ndjson
from sevenfold.workspace.loading import load

ROOT = Path(__file__).resolve().parents[3]
DAY = pd.Timedelta(days=1)
ACCOUNTS, DAYS = 40, 330


class Company:
    """What happened in the company, and what was decided about it."""

    def __init__(self, tmp: Path) -> None:
        events = list(SaasCompany(7, ACCOUNTS, DAYS).events())
        write_ndjson(tmp / "events.ndjson", events)
        outcome = replay(load(ROOT / "packs" / "seven-stage"), [tmp / "events.ndjson"], tmp / "out")
        self.outcome = outcome
        people = outcome.table("people").to_pandas().set_index("subject")
        self.who = people.user_id.dropna()
        self.decided = outcome.table("messages").to_pandas()
        self.sent = self.decided[self.decided.change == "message"].copy()
        data = [msgspec.json.decode(text) for text in self.sent.data]
        self.sent["transactional"] = [bool(one.get("transactional")) for one in data]
        self.sent["intent"] = [one.get("intent") for one in data]
        self.sent["who"] = self.sent.recipient.map(self.who)
        self.segments = outcome.table("segments").to_pandas()
        self.runs = outcome.table("runs").to_pandas()
        self.tasks = outcome.table("tasks").to_pandas()
        self.steps = outcome.table("steps").to_pandas()
        self.moves = outcome.table("transitions").to_pandas()
        named = pd.DataFrame(
            [{"who": e.get("userId"), "name": e.get("event"), "at": e["timestamp"]} for e in events]
        )
        named["at"] = pd.to_datetime(named["at"], utc=True, format="ISO8601").astype("datetime64[ms, UTC]")
        self.events = named

    def inside(self, segment: str, of: str, at: pd.Series, subjects: pd.Series) -> pd.Series:
        """Whether each subject was in a segment just before a time, from its entries and leavings."""
        moves = self.segments[(self.segments.segment == segment) & (self.segments.of == of)]
        moves = moves.sort_values(["time", "n"], kind="stable")
        asked = pd.DataFrame({"time": at, "subject": subjects}).sort_values("time", kind="stable")
        last = pd.merge_asof(asked, moves[["time", "subject", "change"]], on="time", by="subject")
        return last.change.eq("entered").fillna(False)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(tmp_path_factory.mktemp("company"))


def test_nobody_gets_more_than_the_caps_allow_the_most_active_in_any_window(company: Company) -> None:
    counted = company.sent[~company.sent.transactional].sort_values(["recipient", "n"])
    freed = company.decided[company.decided.change == "released"].drop_duplicates("effect")
    rows = counted.assign(freed=counted.effect.map(freed.set_index("effect").time))
    most = {7: 0, 28: 0}
    for _, mine in rows.groupby("recipient"):
        times, ends = mine.time.to_list(), mine.freed.to_list()
        for place, now in enumerate(times):
            for days in most:
                inside = sum(
                    now - then < days * DAY and not end <= now
                    for then, end in zip(times[: place + 1], ends, strict=False)
                )
                most[days] = max(most[days], inside)
    assert 2 <= most[7] <= 5
    assert 3 <= most[28] <= 12
    assert company.sent.groupby("recipient").size().median() <= 10, "no absurd volumes in seven months"


def test_nobody_is_asked_with_a_ticket_open_or_sold_to_in_decline(company: Company) -> None:
    asks = company.sent[company.sent.intent == "ask"]
    tickets = company.events[company.events.name.isin(["Ticket Opened", "Ticket Resolved"])]
    for who, at in asks[["who", "time"]].itertuples(index=False):
        before = tickets[(tickets.who == who) & (tickets["at"] <= at)]
        assert (before.name == "Ticket Opened").sum() <= (before.name == "Ticket Resolved").sum(), who
    sold = company.sent[company.sent.intent == "sell"]
    assert not company.inside("engagement_declining", "person", sold.time, sold.recipient).any()
    assert not company.inside("in_renewal_window", "person", sold.time, sold.recipient).any()


def test_whoever_activates_is_onboarded_no_more(company: Company) -> None:
    onboarding = company.sent[
        company.sent.journey.isin(["onboarding", "stall", "never_activated", "teammate"])
    ]
    assert len(onboarding) > 0
    assert not company.inside("activated", "person", onboarding.time, onboarding.recipient).any()
    ended = company.runs[(company.runs.change == "ended") & (company.runs.journey == "onboarding")]
    assert "activated" in set(ended.reason) | set(ended.reason.str.removeprefix("goal "))


def test_every_task_has_an_owner_and_ones_of_a_kind_and_reason_are_one(company: Company) -> None:
    opened = company.tasks[company.tasks.change == "task"]
    assert len(opened) > 0 and opened.owner.notna().all()
    assert "stranded" not in set(company.runs.reason.dropna())
    closed = company.tasks[company.tasks.change == "task_closed"].task
    still = opened[~opened.task.isin(closed)]
    assert not still.duplicated(["subject", "kind", "reason"]).any()


def test_a_save_is_credited_to_a_touch_that_came_before_it(company: Company) -> None:
    saved = company.steps[company.steps.change == "saved"]
    assert len(saved) > 0
    for text in saved.data:
        told = msgspec.json.decode(text)
        assert told["touch"], "who recovered untouched is not saved"


def test_nobody_moves_between_stages_to_and_fro(company: Company) -> None:
    moves = company.moves[company.moves.lifecycle.isin(["customer", "account"])]
    times = moves.groupby(["lifecycle", "subject", "to"]).size()
    assert times.quantile(0.95) <= 3


def test_advice_for_accounts_at_risk_rests_on_what_was_tried(company: Company) -> None:
    """Who has an episode under way is told what saved similar ones, or that too little is known."""
    pack = load(ROOT / "packs" / "seven-stage")
    past = cases_of(company.outcome, strategies_of(pack))
    ended = company.steps[company.steps.change.isin(["saved", "save_lost", "recovered_untouched"])]
    assert 0 < len(past) <= (ended.of == "account").sum()
    assert {case.strategy for case in past} <= strategies_of(pack) | {NOBODY}
    found = recommend(company.outcome, pack)
    assert found
    tried = {case.strategy for case in past}
    for one in found:
        assert {each.strategy for each in one.advice.ranked} <= tried
        assert all(each.saved <= each.tried <= len(one.advice.cases) for each in one.advice.ranked)
        assert one.cost_of_loss is None or one.cost_of_loss >= 0
    assert as_csv(found).count("\n") == len(found) + 1
