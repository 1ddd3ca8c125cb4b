from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from sevenfold.limits import EVENT_BYTES_MAX
from sevenfold.simulate import Disorder, Message, SaasCompany, SimulationError
from sevenfold.simulate.saas.state import STAGES
from tests.unit.simulate.worlds import DAY_MS, every, lean, lines, lived

ROOT = Path(__file__).resolve().parents[3]


def ms(event: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)


def frame(company: SaasCompany, name: str) -> pl.DataFrame:
    table = pl.from_arrow(company.truth()[name])
    assert isinstance(table, pl.DataFrame)
    return table


@pytest.fixture(scope="module")
def small() -> tuple[SaasCompany, list[dict[str, Any]]]:
    company = SaasCompany(11, 40, 330)
    return company, list(company.events())


@pytest.fixture(scope="module")
def year() -> tuple[SaasCompany, list[dict[str, Any]]]:
    """A year of 300 accounts, the default, with short sessions."""
    company = SaasCompany(7, 300, 365, parameters=lean())
    return company, list(company.events())


@pytest.fixture(scope="module")
def large() -> tuple[SaasCompany, pl.DataFrame]:
    """A company of moderate size, with each account's use of days 60 to 90 after sign-up."""
    return _with_use(SaasCompany(5, 1_400, 180, parameters=lean(), warm_start=False))


def _with_use(company: SaasCompany) -> tuple[SaasCompany, pl.DataFrame]:
    used, did = defaultdict(set), defaultdict(set)
    for time_ms, event in company.timed_events():
        name = event.get("event")
        if name == "Signed In":
            used[event["context"]["groupId"]].add((time_ms - company.start_ms) // DAY_MS)
        elif name in {"Project Created", "Teammate Invited"}:
            did[event["context"]["groupId"]].add((event["userId"], name))
    accounts = frame(company, "accounts").filter(
        pl.col("signup_ms") < company.start_ms + (company.days - 91) * DAY_MS
    )
    stays = [
        any(60 <= day - (signup - company.start_ms) // DAY_MS < 90 for day in used[name])
        for name, signup in accounts.select("account_id", "signup_ms").iter_rows()
    ]
    return company, accounts.with_columns(
        pl.Series("stays", stays),
        pl.Series("ever", [_core_value(did[name]) for name in accounts["account_id"]]),
        activated=pl.col("activated_ms").is_not_null(),
        converted=(pl.col("converted_ms") - pl.col("signup_ms") < 60 * DAY_MS).fill_null(False),
        reported=(pl.col("report_run_ms") - pl.col("signup_ms") < 7 * DAY_MS).fill_null(False),
    )


def _core_value(did: set[tuple[str, str]]) -> bool:
    """Whether one person of the account created a project and invited a teammate, at any time."""
    return any(len({name for by, name in did if by == person}) == 2 for person, _ in did)


def share(rows: pl.DataFrame, column: str) -> float:
    return float(rows[column].cast(pl.Float64).mean())  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_bytes_also_in_another_process() -> None:
    code = (
        "import hashlib, msgspec; from sevenfold.simulate import SaasCompany; h = hashlib.sha256()\n"
        "for e in SaasCompany(4, 20, 60).events(): h.update(msgspec.json.encode(e))\n"
        "print(h.hexdigest())"
    )
    how = {"cwd": ROOT, "text": True, "stdout": subprocess.PIPE}
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, **how)  # type: ignore[call-overload]
        for seed in ("1", "2")
    ]
    company = SaasCompany(4, 20, 60)
    here = lines(company)
    assert lines(company) == here
    assert lines(SaasCompany(5, 20, 60)) != here
    digest = hashlib.sha256(b"".join(here)).hexdigest()
    assert [process.communicate()[0].strip() for process in processes] == [digest, digest]


def test_what_sessions_hold_changes_no_life() -> None:
    full, short = SaasCompany(4, 12, 90), SaasCompany(4, 12, 90, parameters=lean())
    assert len(lines(full)) > 3 * len(lines(short))
    assert full.truth() == short.truth()


def test_more_accounts_change_no_account_there_was() -> None:
    fewer, more = lines(SaasCompany(4, 20, 90)), lines(SaasCompany(4, 30, 90))
    assert set(fewer) < set(more)
    kept = set(fewer)
    assert [line for line in more if line in kept] == fewer


def test_a_message_changes_nobody_outside_the_account_and_its_referrals() -> None:
    fickle = lean(drift=0.03, recover=0.03)
    plain, told = SaasCompany(4, 40, 150, parameters=fickle), SaasCompany(4, 40, 150, parameters=fickle)
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
        "Subscription Started", "Subscription Renewed", "Subscription Cancelled", "Invoice Paid",
        "Payment Failed",
        "Plan Upgraded", "Ticket Opened", "Ticket Resolved", "NPS Answered", "CSAT Answered", "Billing",
        "Referral Link Shared",
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
        frame(company, "accounts")
        .filter(pl.col("signup_ms") >= company.start_ms)
        .select("account_id", "activated_ms", "signup_ms")
        .iter_rows()
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
    for reached in ("activated", "ever"):
        some, others = accounts.filter(pl.col(reached)), accounts.filter(~pl.col(reached))
        assert 0.40 <= 1 - share(accounts, reached) <= 0.60
        assert 2.7 <= share(some, "stays") / share(others, "stays") <= 4.3
        assert 2.7 <= share(some, "converted") / share(others, "converted") <= 4.6


def test_most_churn_is_a_silent_decline_that_use_shows_weeks_before(
    year: tuple[SaasCompany, list[dict[str, Any]]],
) -> None:
    company, events = year
    used: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if event.get("event") == "Signed In":
            used[event["context"]["groupId"]].append(ms(event))
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
    inert = SaasCompany(5, 1_400, 180, parameters=lean(activation_effect_logit=0.0), warm_start=False)
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
    company = SaasCompany(8, 240, 200, parameters=lean(customers_before=0.7, drift=0.012, member_drift=0.010))
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
    # No loss of sponsors, through which messages to one member reach the whole account
    many = lean(customers_before=0.9, declining_before=0.0, sponsor_leaves=0.0, sponsor_drift=0.0)
    quiet, loud = SaasCompany(9, 180, 70, parameters=many), SaasCompany(9, 180, 70, parameters=many)
    for _ in quiet.events():
        pass
    lived(loud, every(3, "engagement"))

    def drifted(company: SaasCompany) -> pl.DataFrame:
        return (
            frame(company, "accounts")
            .filter(pl.col("habit") & pl.col("parent_id").is_null())
            .group_by("response_type")
            .agg(pl.col("drift_start_ms").is_not_null().mean().alias("share"))
        )

    before, after = dict(drifted(quiet).iter_rows()), dict(drifted(loud).iter_rows())
    assert after["put_off"] > before["put_off"] + 0.08
    assert after["sure_thing"] == before["sure_thing"]
    assert after["lost_cause"] == before["lost_cause"]


def test_those_in_need_upgrade_sooner_when_told_and_decliners_near_the_cap_are_no_need() -> None:
    needy = lean(customers_before=0.9, expansion_need=0.02, export_share=0.5, drift=0.006)
    quiet, loud = SaasCompany(4, 80, 120, parameters=needy), SaasCompany(4, 80, 120, parameters=needy)
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
    plain = lines(SaasCompany(6, 15, 80, no_effect=True))
    told = SaasCompany(6, 15, 80, no_effect=True)
    after = lived(told, every(3, "activation"))
    receipts = [event for event in after if "-m" in event["messageId"]]
    assert {"Email Delivered", "Email Opened"} <= {event["event"] for event in receipts}
    assert [msgspec.json.encode(event) for event in after if "-m" not in event["messageId"]] == plain


def test_some_return_months_later_through_a_colleague() -> None:
    company = SaasCompany(
        2,
        30,
        270,
        parameters=lean(
            customers_before=0.7,
            returns=1.0,
            return_median_days=60.0,
            drift=0.01,
            drift_half_life_days=(4, 8),
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


def test_everybody_joins_by_a_group_call_and_leaves_by_an_event_of_their_own(
    year: tuple[SaasCompany, list[dict[str, Any]]],
) -> None:
    company, events = year
    roles: dict[str, str] = {}
    removed = set()
    for event in events:
        if event["type"] == "group":
            assert event["groupId"] == event["userId"].split("-")[0]
            assert {"name", "industry", "employees", "plan", "tier", "arr", "role"} <= event["traits"].keys()
            roles[event["userId"]] = event["traits"]["role"]
        elif event.get("event") == "Account Added User":
            assert event["properties"]["role"] == roles[event["userId"]]
        elif event.get("event") == "Account Removed User":
            assert event["properties"]["role"] == roles.pop(event["userId"])
            assert event["context"]["groupId"] == event["userId"].split("-")[0]
            removed.add((event["userId"], event["properties"]["role"]))
    people = frame(company, "people")
    assert roles.keys() == set(people.filter(pl.col("left_ms").is_null())["user_id"])
    assert {role for _, role in removed} == {"owner", "admin", "champion", "member"}
    owners = people.filter(pl.col("is_owner") & pl.col("left_ms").is_null())["user_id"].to_list()
    assert sorted(owners) == sorted(person for person, role in roles.items() if role == "owner")


def test_a_lost_sponsor_without_a_successor_is_a_cause_of_churn() -> None:
    def lost(**how: float) -> tuple[int, list[str]]:
        restless = lean(customers_before=0.7, sponsor_leaves=0.004, **how)
        company = SaasCompany(3, 90, 180, parameters=restless)
        for _ in company.events():
            pass
        churned = frame(company, "accounts").filter(pl.col("churn_kind") == "silent_decline")
        return len(churned), frame(company, "causes")["cause"].to_list()

    harmed, causes = lost(sponsor_replaced=0.0, sponsor_drift=1.0)
    replaced, _ = lost(sponsor_replaced=1.0, sponsor_drift=1.0)
    assert causes.count("sponsor_left") > 40
    assert harmed > 1.4 * replaced


def test_the_first_morning_tells_who_were_customers_before(
    year: tuple[SaasCompany, list[dict[str, Any]]],
) -> None:
    company, events = year
    morning = [event for event in events if ms(event) < company.start_ms + 2_000]
    start = datetime.fromtimestamp(company.start_ms / 1000, UTC).date().isoformat()
    told = {event["groupId"]: event["traits"] for event in morning if event["type"] == "group"}
    before = frame(company, "accounts").filter(pl.col("signup_ms") < company.start_ms)
    assert told.keys() == set(before["account_id"])
    assert 0.10 < len(told) / 300 < 0.25
    assert all(traits["contract_start"] < start and traits["arr"] > 0 for traits in told.values())
    dated = [traits["renewal_date"] for traits in told.values() if "renewal_date" in traits]
    assert len(dated) > 0.5 * len(told)
    assert all(date > start for date in dated)
    known = {event["userId"] for event in morning if event["type"] == "identify"}
    assert known == {event["userId"] for event in morning if event["type"] == "group"}
    stages = frame(company, "stages").filter(pl.col("entered_ms") < company.start_ms + DAY_MS)
    assert {"retention", "expansion", "advocacy", "renewal"} <= set(stages["stage"])
    cold = SaasCompany(7, 100, 30, parameters=lean(), warm_start=False)
    assert not any("imported" in event.get("properties", {}) for event in cold.events())


def test_a_year_sees_renewals_expansions_advocacy_and_returns(
    year: tuple[SaasCompany, list[dict[str, Any]]],
) -> None:
    company, events = year
    counts = Counter(event.get("event") for event in events)
    assert counts["Subscription Renewed"] >= 15
    assert counts["Subscription Cancelled"] >= 15
    assert counts["Plan Upgraded"] >= 10
    assert counts["Review Posted"] + counts["Referral Link Shared"] >= 20
    assert 0.2 * counts["Ticket Resolved"] < counts["CSAT Answered"] < 0.5 * counts["Ticket Resolved"]
    accounts = frame(company, "accounts")
    assert accounts["returned_ms"].is_not_null().sum() >= 3
    stages = frame(company, "stages")
    assert set(stages["stage"]) == set(STAGES[1:])
    order = {name: place for place, name in enumerate(STAGES)}
    moves = stages.select("stage", "next_stage").drop_nulls().iter_rows()
    back = {stage for stage, after in moves if order[after] < order[stage]}
    assert back >= {"expansion", "advocacy", "renewal", "churned"}


def test_most_failed_payments_are_made_good_and_some_end_the_subscription(
    year: tuple[SaasCompany, list[dict[str, Any]]],
) -> None:
    _, events = year
    failed: dict[str, str] = {}
    after = Counter[str]()
    for event in events:
        name, account = event.get("event"), event["context"].get("groupId")
        if name in {"Payment Failed", "Invoice Paid", "Subscription Cancelled"} and failed.pop(account, ""):
            after[str(name)] += 1
        if name == "Payment Failed":
            failed[account] = event["messageId"]
    assert after["Invoice Paid"] >= 8
    assert after["Invoice Paid"] > after["Subscription Cancelled"]


def test_the_contracts_are_those_of_the_pack_s_catalogue(
    year: tuple[SaasCompany, list[dict[str, Any]]],
) -> None:
    company, _ = year
    text = (ROOT / "packs" / "seven-stage" / "catalogues" / "catalogues.yaml").read_text(encoding="utf-8")
    declared = msgspec.yaml.decode(text)["contracts"]
    contracts = company.catalogues()["contracts"]
    assert {declared["key"], *declared["columns"]} <= contracts[0].keys()
    paying = frame(company, "accounts").filter(pl.col("status") == "paid")
    assert [row["account"] for row in contracts] == paying["account_id"].to_list()
    assert {row["account"] for row in contracts if row["contract_from"] < "2024-01-01"}
    assert all(bool(row["contract_end"]) == (row["contract_term"] == 12) for row in contracts)
