from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from sevenfold.limits import EVENT_BYTES_MAX
from sevenfold.simulate import Disorder, Message, SaasCompany, SaasParameters, SimulationError
from tests.unit.simulate.worlds import DAY_MS, every, lines, lived

ROOT = Path(__file__).resolve().parents[3]


def ms(event: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)


def frame(company: SaasCompany, name: str) -> pl.DataFrame:
    table = pl.from_arrow(company.truth()[name])
    assert isinstance(table, pl.DataFrame)
    return table


@pytest.fixture(scope="module")
def small() -> tuple[SaasCompany, list[dict[str, Any]]]:
    company = SaasCompany(11, 120, 420)
    return company, list(company.events())


@pytest.fixture(scope="module")
def large() -> tuple[SaasCompany, pl.DataFrame]:
    """A company of moderate size, with each account's use of days 60 to 90 after sign-up."""
    return _with_use(SaasCompany(5, 2_000, 220))


def _with_use(company: SaasCompany) -> tuple[SaasCompany, pl.DataFrame]:
    used = defaultdict(set)
    for time_ms, event in company.timed_events():
        if event.get("event") == "Signed In":
            used[event["context"]["groupId"]].add((time_ms - company.start_ms) // DAY_MS)
    accounts = frame(company, "accounts").filter(
        pl.col("signup_ms") < company.start_ms + (company.days - 91) * DAY_MS
    )
    stays = [
        any(60 <= day - (signup - company.start_ms) // DAY_MS < 90 for day in used[name])
        for name, signup in accounts.select("account_id", "signup_ms").iter_rows()
    ]
    return company, accounts.with_columns(
        pl.Series("stays", stays),
        activated=pl.col("activated_ms").is_not_null(),
        converted=(pl.col("converted_ms") - pl.col("signup_ms") < 60 * DAY_MS).fill_null(False),
        reported=(pl.col("report_run_ms") - pl.col("signup_ms") < 7 * DAY_MS).fill_null(False),
    )


def share(rows: pl.DataFrame, column: str) -> float:
    return float(rows[column].cast(pl.Float64).mean())  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_bytes_also_in_another_process() -> None:
    code = (
        "import hashlib, msgspec; from sevenfold.simulate import SaasCompany; h = hashlib.sha256()\n"
        "for e in SaasCompany(4, 25, 120).events(): h.update(msgspec.json.encode(e))\n"
        "print(h.hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            cwd=ROOT,
            env={"PYTHONHASHSEED": hashed},
        ).stdout
        for hashed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    company = SaasCompany(4, 25, 120)
    assert lines(company) == lines(company)
    assert lines(company) != lines(SaasCompany(5, 25, 120))


def test_more_accounts_change_no_account_there_was() -> None:
    fewer, more = lines(SaasCompany(4, 30, 200)), lines(SaasCompany(4, 45, 200))
    assert set(fewer) < set(more)
    kept = set(fewer)
    assert [line for line in more if line in kept] == fewer


def test_a_message_changes_nobody_outside_the_account_and_its_referrals() -> None:
    fickle = SaasParameters(drift=0.03, recover=0.03)
    plain, told = SaasCompany(4, 60, 250, parameters=fickle), SaasCompany(4, 60, 250, parameters=fickle)
    before = lines(plain)
    movable = (pl.col("response_type") == "persuadable") & pl.col("last_drift_seen")
    accounts = frame(plain, "accounts").with_columns(last_drift_seen=pl.col("drift_start_ms").is_not_null())
    chosen = str(accounts.filter(movable)["root_id"][0])
    often = every(2, "retention")
    after = lived(
        told, lambda at, event: often(at, event) if event.get("userId", "").startswith(f"{chosen}-") else None
    )
    mine = f'"{chosen}'.encode()
    own = {event["anonymousId"] for event in after if str(event.get("userId", "")).startswith(chosen)}
    own |= {msgspec.json.decode(line)["anonymousId"] for line in before if mine in line}

    def others(events: list[dict[str, Any]]) -> list[bytes]:
        return [
            line
            for event in events
            if event["anonymousId"] not in own and mine not in (line := msgspec.json.encode(event))
        ]

    unchanged = others([msgspec.json.decode(line) for line in before])
    assert others(after) == unchanged
    assert len(unchanged) > 0.8 * len(before)
    assert [msgspec.json.encode(event) for event in after if "-m" not in event["messageId"]] != before


def test_every_event_is_a_valid_segment_call(small: tuple[SaasCompany, list[dict[str, Any]]]) -> None:
    _, events = small
    seen = set()
    for event in events:
        assert event["type"] in {"track", "page", "identify", "group"}
        assert event["anonymousId"]
        assert isinstance(event["context"], dict)
        assert len(msgspec.json.encode(event)) < EVENT_BYTES_MAX
        wants = {
            "track": ("event", "properties"),
            "page": ("name", "properties"),
            "identify": ("traits", "userId"),
        }
        assert all(field in event for field in wants.get(event["type"], ("groupId", "traits")))
        if "userId" in event:
            assert event["context"]["groupId"] == event["userId"].split("-")[0]
        if event["type"] == "page":
            assert event["context"]["page"]["path"].startswith("/")
        seen.add(event["messageId"])
    assert len(seen) == len(events)


def test_events_come_in_the_order_of_time(small: tuple[SaasCompany, list[dict[str, Any]]]) -> None:
    company, events = small
    times = [ms(event) for event in events]
    assert times == sorted(times)
    assert times[0] >= company.start_ms
    assert times[-1] < company.start_ms + company.days * DAY_MS


def test_the_whole_life_happens(small: tuple[SaasCompany, list[dict[str, Any]]]) -> None:
    _, events = small
    names = {event.get("event") or event.get("name") for event in events}
    assert names >= {
        "Home", "Blog", "Comparison", "Pricing", "Docs", "Signed Up", "Trial Started", "Signed In",
        "Workspace Set Up",
        "Integration Connected", "Project Created", "Report Run", "Teammate Invited", "Message Sent",
        "Feature Used",
        "Workflow Completed", "API Called", "Usage Reported", "Account Added User", "Account Removed User",
        "Subscription Started", "Invoice Paid", "Plan Upgraded", "Ticket Opened", "Ticket Resolved",
        "NPS Answered",
        "Referral Link Shared", "Subscription Cancelled",
    }  # fmt: skip


def test_truth_names_the_activation_that_the_events_show(
    small: tuple[SaasCompany, list[dict[str, Any]]],
) -> None:
    company, events = small
    first: dict[tuple[str, str], int] = {}
    for event in events:
        if event.get("event") in {"Signed Up", "Project Created", "Teammate Invited"}:
            first.setdefault((event["context"]["groupId"], event["event"]), ms(event))
    for name, activated, signup in (
        frame(company, "accounts").select("account_id", "activated_ms", "signup_ms").iter_rows()
    ):
        steps = [first.get((name, step)) for step in ("Project Created", "Teammate Invited")]
        done = max(steps) if None not in steps else None  # type: ignore[type-var]
        expected = done if done is not None and done - signup < 7 * DAY_MS else None
        assert activated == expected


def test_an_account_stands_in_one_stage_at_a_time(small: tuple[SaasCompany, list[dict[str, Any]]]) -> None:
    company, _ = small
    for _, rows in frame(company, "stages").sort("entered_ms").group_by("account_id", maintain_order=True):
        left = rows["left_ms"].to_list()
        assert left[-1] is None
        assert left[:-1] == rows["entered_ms"].to_list()[1:]
        assert rows["next_stage"].to_list()[:-1] == rows["stage"].to_list()[1:]


def test_figures_of_activation_hold(large: tuple[SaasCompany, pl.DataFrame]) -> None:
    _, accounts = large
    activated, others = accounts.filter(pl.col("activated")), accounts.filter(~pl.col("activated"))
    assert 0.40 <= 1 - share(accounts, "activated") <= 0.60
    assert 2.7 <= share(activated, "stays") / share(others, "stays") <= 4.3
    assert 2.7 <= share(activated, "converted") / share(others, "converted") <= 4.6


def test_most_churn_is_a_silent_decline_that_use_shows_weeks_before() -> None:
    company = SaasCompany(5, 600, 480)
    used: dict[str, list[int]] = defaultdict(list)
    for time_ms, event in company.timed_events():
        if event.get("event") == "Signed In":
            used[event["context"]["groupId"]].append(time_ms)
    churned = frame(company, "accounts").filter(
        pl.col("churn_kind").is_not_null() & (pl.col("churn_kind") != "lapsed")
    )
    assert len(churned) > 30
    silent = churned.filter(pl.col("churn_kind") == "silent_decline")
    assert len(silent) / len(churned) > 0.55

    def log_ins(since: int, until: int) -> int:
        pairs = silent.select("account_id", "churn_ms").iter_rows()
        return sum(
            left - since * DAY_MS <= at < left - until * DAY_MS for name, left in pairs for at in used[name]
        )

    assert log_ins(14, 0) < 0.5 * log_ins(84, 70)


def test_activation_causes_staying_and_without_its_effect_only_selection_is_left(
    large: tuple[SaasCompany, pl.DataFrame],
) -> None:
    _, accounts = large
    inert = SaasCompany(5, 2_000, 220, parameters=SaasParameters(activation_effect_logit=0.0))
    _, without = _with_use(inert)

    def gap(rows: pl.DataFrame) -> float:
        return share(rows.filter(pl.col("activated")), "stays") - share(
            rows.filter(~pl.col("activated")), "stays"
        )

    assert gap(accounts) > 0.40
    assert gap(without) < 0.25
    same = accounts.join(without, on="account_id", suffix="_without").filter(pl.col("activated"))
    assert share(same, "stays") - share(same, "stays_without") > 0.25


def test_the_decoy_separates_until_activation_is_held_fixed(large: tuple[SaasCompany, pl.DataFrame]) -> None:
    _, accounts = large
    raw = share(accounts.filter(pl.col("reported")), "stays") - share(
        accounts.filter(~pl.col("reported")), "stays"
    )
    assert raw > 0.15
    binned = accounts.with_columns(
        (pl.col("fit") * 4).floor().alias("fit_bin"), (pl.col("intent") * 4).floor().alias("intent_bin")
    )
    total = weight = 0.0
    for _, rows in binned.group_by("activated", "fit_bin", "intent_bin", "response_type"):
        yes, no = rows.filter(pl.col("reported")), rows.filter(~pl.col("reported"))
        if len(yes) and len(no):
            size = len(yes) * len(no) / len(rows)
            total += size * (share(yes, "stays") - share(no, "stays"))
            weight += size
    assert abs(total / weight) < 0.08


def test_people_recover_as_often_as_the_truth_says_they_would() -> None:
    company = SaasCompany(8, 700, 300, parameters=SaasParameters(drift=0.012, member_drift=0.010))
    lived(company, every(9, "retention"))
    notes = frame(company, "messages").filter(
        pl.col("hazard_per_day").is_not_null()
        & (pl.col("time_ms") < company.start_ms + (company.days - 9) * DAY_MS)
    )
    owners = dict(frame(company, "people").select("user_id", "is_owner").iter_rows())
    ends = defaultdict(list)
    for row in frame(company, "episodes").filter(pl.col("kind") == "decline").iter_rows(named=True):
        ends[row["subject_id"]].append((row["start_ms"], row["end_ms"], row["ended_by"]))
    outcomes = defaultdict(list)
    for note in notes.iter_rows(named=True):
        person, at = note["user_id"], note["time_ms"]
        subject = person.split("-")[0] if owners[person] else person
        spans = [end for start, end, _ in ends[subject] if start <= at and (end is None or end > at)]
        why = [by for start, end, by in ends[subject] if start <= at and end is not None and end > at]
        if spans and not (why and why[0] != "recovered" and spans[0] - at < 8 * DAY_MS):
            done = spans[0] is not None and spans[0] - at <= 7 * DAY_MS
            outcomes[note["response_type"]].append((done, note["p_with"], note["p_without"]))
    found = {name: np.mean(rows, axis=0) for name, rows in outcomes.items()}
    for name, (happened, with_message, without) in found.items():
        margin = 3.5 * np.sqrt(with_message * (1 - with_message) / len(outcomes[name])) + 0.01
        assert abs(happened - with_message) < margin, name
        if name == "persuadable":
            assert happened > without + margin
    assert found["put_off"][1] < found["put_off"][2]


def test_the_put_off_drift_more_when_messaged_and_the_others_do_not() -> None:
    quiet, loud = SaasCompany(9, 700, 180), SaasCompany(9, 700, 180)
    for _ in quiet.events():
        pass
    lived(loud, every(3, "engagement"))

    def drifted(company: SaasCompany) -> pl.DataFrame:
        return (
            frame(company, "accounts")
            .filter(pl.col("habit"))
            .group_by("response_type")
            .agg(pl.col("drift_start_ms").is_not_null().mean().alias("share"))
        )

    before, after = dict(drifted(quiet).iter_rows()), dict(drifted(loud).iter_rows())
    assert after["put_off"] > before["put_off"] + 0.08
    assert after["sure_thing"] == before["sure_thing"]
    assert after["lost_cause"] == before["lost_cause"]


def test_those_in_need_upgrade_sooner_when_told_and_decliners_near_the_cap_are_no_need() -> None:
    needy = SaasParameters(expansion_need=0.02, export_share=0.5, drift=0.006)
    quiet, loud = SaasCompany(4, 250, 240, parameters=needy), SaasCompany(4, 250, 240, parameters=needy)
    for _ in quiet.events():
        pass
    lived(loud, every(6, "expansion", "in_app"))

    def upgrades(company: SaasCompany) -> int:
        ended = frame(company, "episodes").filter(pl.col("ended_by") == "upgraded")
        owners = frame(company, "accounts").filter(pl.col("response_type") == "persuadable")
        return len(ended.filter(pl.col("subject_id").is_in(owners["account_id"].to_list())))

    assert upgrades(loud) > 1.2 * upgrades(quiet)
    episodes = frame(quiet, "episodes")
    assert len(episodes.filter(pl.col("kind") == "export_before_leaving")) > 3
    declines = episodes.filter(pl.col("kind") == "decline").select("subject_id", "start_ms", "end_ms")
    needs = episodes.filter(pl.col("kind") == "expansion_need").join(
        declines, on="subject_id", suffix="_fall"
    )
    overlap = needs.filter(
        (pl.col("start_ms") > pl.col("start_ms_fall"))
        & (pl.col("end_ms_fall").is_null() | (pl.col("start_ms") < pl.col("end_ms_fall")))
    )
    assert len(overlap) == 0


def test_where_nothing_works_messages_leave_only_their_receipts() -> None:
    plain = lines(SaasCompany(6, 40, 150, no_effect=True))
    told = SaasCompany(6, 40, 150, no_effect=True)
    after = lived(told, every(3, "activation"))
    receipts = [event for event in after if "-m" in event["messageId"]]
    assert {"Email Delivered", "Email Opened"} <= {event["event"] for event in receipts}
    assert [msgspec.json.encode(event) for event in after if "-m" not in event["messageId"]] == plain


def test_some_return_months_later_through_a_colleague() -> None:
    company = SaasCompany(
        2,
        60,
        500,
        parameters=SaasParameters(
            returns=1.0, return_median_days=60.0, drift=0.01, drift_half_life_days=(4, 8)
        ),
    )
    events = list(company.events())
    back = frame(company, "accounts").filter(pl.col("returned_ms").is_not_null())
    assert len(back) > 2
    for name, churned_first in back.select("account_id", "returned_ms").iter_rows():
        mine = [event for event in events if event["context"].get("groupId") == name]
        named = [event for event in mine if event["type"] == "identify" and "referred_by" in event["traits"]]
        assert named, name
        assert any(
            event.get("event") == "Subscription Started" and ms(event) > churned_first for event in mine
        )


def test_disorder_delays_and_repeats_but_changes_no_event() -> None:
    straight = SaasCompany(3, 20, 60)
    mixed = SaasCompany(3, 20, 60, disorder=Disorder(duplicate_share=0.05, late_share=0.1))
    plain, arrived = lines(straight), list(mixed.timed_events())
    texts = [msgspec.json.encode(event) for _, event in arrived]
    assert set(texts) == set(plain)
    assert 0.03 * len(plain) < len(texts) - len(plain) < 0.07 * len(plain)
    assert [at for at, _ in arrived] == sorted(at for at, _ in arrived)
    late = [at - ms(event) for at, event in arrived if at > ms(event)]
    assert 0 < max(late) <= 6 * 3_600_000


def test_it_says_what_is_wrong_with_a_message() -> None:
    company = SaasCompany(3, 20, 30)
    people = [event["userId"] for event in company.events() if "userId" in event]
    for person, channel, purpose in (
        ("nobody", "email", "retention"), (people[0], "fax", "retention"),
        (people[0], "email", "world peace"),
    ):  # fmt: skip
        with pytest.raises(SimulationError) as refused:
            company.respond(person, Message("m", channel, purpose, company.start_ms))
        assert refused.value.fix
