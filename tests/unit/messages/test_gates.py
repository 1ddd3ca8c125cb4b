"""Gates by themselves: each alone, and all in the order of the law."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from sevenfold.journeys.times import NEVER
from sevenfold.journeys.zones import UTC_ZONE, zone
from sevenfold.messages import consent as c
from sevenfold.messages import gates
from sevenfold.messages.caps import CompiledCap
from sevenfold.messages.cases import Candidate, Case, CompiledGuard
from sevenfold.messages.channels import Channel
from sevenfold.messages.consent import Purpose
from sevenfold.messages.gates import judge
from sevenfold.messages.holdouts import draw
from sevenfold.messages.ledger import CODE_BITS, Kind
from sevenfold.messages.policy import Cap, DeliveryChannel, QuietHours
from sevenfold.messages.quiet import CompiledQuiet, Whereabouts
from sevenfold.workspace.base import Model

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOON = 1_700_000_000_000 // DAY * DAY + 12 * HOUR
KIND = Kind("welcome", "hello", "hi", "email", "news", "greeting", "ask", ("soft",), False)
YES = Purpose(0, True, False, False, True)
EMAIL = Channel("email", DeliveryChannel(type="email"), 0)


def candidate(**changes: Any) -> Candidate:
    fields: dict[str, Any] = {"template": "hi", "channel": EMAIL, "purpose": YES, "kind": KIND}
    return Candidate(**{**fields, **changes})


def case(message: Candidate | None = None, **changes: Any) -> Case:
    fields: dict[str, Any] = {
        "message": message or candidate(),
        "t": NOON,
        "deadline": NOON + DAY,
        "row": 1,
        "addresses": ("ada@example.org",),
        "unit_id": "unit",
        "where": lambda: Whereabouts(UTC_ZONE, "person", (UTC_ZONE,)),
        "workspace": Whereabouts(UTC_ZONE, "workspace"),
        "jitter_key": ("run", "step", 1),
    }
    return Case(**{**fields, **changes})


def model(kind: type[Model], **fields: Any) -> Any:
    return msgspec.convert(fields, kind)


def cap(limit: int, per: str = "1d", over: str = "drop", name: str = "cap", place: int = 0) -> CompiledCap:
    return CompiledCap(name, model(Cap, limit=limit, per=per, over=over), place, UTC_ZONE, lambda _: None)


def quiet(start: str, end: str, **fields: Any) -> CompiledQuiet:
    windows = [{"from": start, "to": end}]
    return CompiledQuiet(model(QuietHours, windows=windows, **fields), lambda _: None)


def sent(*ago: int, code: int = 0) -> Any:
    """A ledger of messages so many ms ago."""
    return array("q", sorted((NOON - one) << CODE_BITS | code for one in ago))


def past(kind: Kind, *ago: int) -> dict[str, Any]:
    """A case's ledger of messages of one kind."""
    return {"ledgers": [sent(*ago)], "kinds": [kind], "masks": [1]}


# ------------------------------------------------------------------------------------------- in order


def test_a_message_that_nothing_stops_passes() -> None:
    assert judge(case()) is None


def stopped_by_all() -> tuple[Candidate, dict[str, Any]]:
    message = candidate(
        purpose=YES._replace(silence=False),
        guards=[CompiledGuard("open_ticket", lambda row: True)],
        holdout=100.0,
        deliverable=False,
        once_per=DAY,
        caps=[cap(0)],
        quiet=[quiet("00:00", "24:00", otherwise="discard")],
    )
    return message, {"suppressed": lambda address: True, **past(KIND, HOUR)}


LIFTED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("no_consent", {}, {}),
    ("suppressed", {"purpose": YES}, {}),
    ("guarded", {}, {"suppressed": lambda address: False}),
    ("held_out", {"guards": []}, {}),
    ("unreachable", {"holdout": 0.0}, {"addresses": ()}),
    ("undeliverable", {}, {"addresses": ("ada@example.org",)}),
    ("topic", {"deliverable": True}, {}),
    ("capped", {"once_per": 0}, {}),
    ("quiet", {"caps": []}, {}),
]


def test_gates_are_asked_in_the_order_of_the_law() -> None:
    message, fields = stopped_by_all()
    for reason, of_message, of_case in LIFTED:
        for name, value in of_message.items():
            setattr(message, name, value)
        fields |= of_case
        verdict = judge(case(message, **fields))
        assert verdict is not None and verdict.reason == reason
    message.quiet = []
    assert judge(case(message, **fields)) is None


def test_the_table_of_gates_is_the_law() -> None:
    assert [gate.__name__ for gate in gates.GATES] == [
        *("consent", "suppression", "stages_and_guards", "holdout", "reachability", "delivery"),
        *("arbitration", "frequency", "quiet_hours"),
    ]


def test_transactional_messages_skip_stages_holdouts_arbitration_caps_and_quiet_hours() -> None:
    message, fields = stopped_by_all()
    message.purpose, message.deliverable, message.transactional = YES, True, True
    fields["suppressed"] = lambda address: False
    assert judge(case(message, stage_suppressed=True, **fields)) is None


@pytest.mark.parametrize(
    ("reason", "changes", "fields"),
    [
        ("no_consent", {"purpose": YES._replace(silence=False)}, {}),
        ("suppressed", {}, {"suppressed": lambda address: True}),
        ("unreachable", {}, {"addresses": ()}),
        ("undeliverable", {"deliverable": False}, {}),
        ("undeliverable", {}, {"off": True}),
    ],
)
def test_transactional_messages_need_consent_an_address_and_a_channel(
    reason: str, changes: dict[str, Any], fields: dict[str, Any]
) -> None:
    verdict = judge(case(candidate(transactional=True, **changes), **fields))
    assert verdict is not None and verdict.reason == reason and verdict.hands_over


def test_a_message_past_its_time_to_live_is_expired() -> None:
    verdict = judge(case(deadline=NOON))
    assert verdict is not None and verdict.reason == "expired"


def test_a_wait_that_would_end_at_the_time_to_live_is_expired_at_once() -> None:
    message = candidate(caps=[cap(1, "1h", "defer")])
    held = past(KIND, 10 * MINUTE)
    waits = judge(case(message, **held))
    assert waits is not None and (waits.reason, waits.until) == ("capped", NOON + 50 * MINUTE)
    expired = judge(case(message, deadline=NOON + 50 * MINUTE, **held))
    assert expired is not None and (expired.reason, expired.until) == ("expired", 0)
    assert expired.detail["waiting"] == "capped"


# ----------------------------------------------------------------------------------- one after another


@pytest.mark.parametrize(
    ("status", "purpose", "passes"),
    [
        (c.NOTHING, YES, True),
        (c.NOTHING, YES._replace(silence=False), False),
        (c.IN, YES._replace(silence=False), True),
        (c.CONFIRMED, YES._replace(silence=False), True),
        (c.PENDING, YES, False),
        (c.OUT, YES, False),
        (c.IN, YES._replace(double=True), False),
        (c.NOTHING, YES._replace(double=True), False),
        (c.CONFIRMED, YES._replace(double=True), True),
        (c.OUT, YES._replace(required=True), True),
        (c.IN, YES._replace(known=False), False),
    ],
)
def test_consent_is_what_was_said_else_the_default(status: int, purpose: Purpose, passes: bool) -> None:
    assert (gates.consent(case(candidate(purpose=purpose), status=status)) is None) == passes


def test_one_address_that_is_not_suppressed_is_enough() -> None:
    on_list = {"old"}.__contains__
    assert gates.suppression(case(addresses=("new", "old"), suppressed=on_list)) is None
    verdict = gates.suppression(case(addresses=("old",), suppressed=on_list))
    assert verdict is not None and verdict.hands_over


def test_nobody_is_suppressed_where_no_address_is_needed() -> None:
    in_app = candidate(channel=Channel("in_app", DeliveryChannel(type="in_app"), 1))
    assert judge(case(in_app, addresses=(), suppressed=lambda address: True)) is None


def test_a_journeys_suppression_comes_before_guards() -> None:
    message = candidate(guards=[CompiledGuard("open_ticket", lambda row: True, "a ticket is open")])
    first = gates.stages_and_guards(case(message, stage_suppressed=True))
    then = gates.stages_and_guards(case(message))
    assert first is not None and first.reason == "stage_suppressed"
    assert then is not None and then.detail == {"guard": "open_ticket", "why": "a ticket is open"}


def test_the_steps_own_share_draws_and_ghosts_go_on() -> None:
    place = draw("step welcome/hello", "unit")
    above, below = candidate(holdout=(place + 1) / 100), candidate(holdout=place / 100)
    verdict = gates.holdout(case(above))
    assert verdict is not None and verdict.reason == "held_out"
    assert gates.holdout(case(below)) is None
    assert gates.holdout(case(above, ghost=True)) is None


def test_a_channels_own_condition_may_make_somebody_unreachable() -> None:
    channel = Channel("whatsapp", DeliveryChannel(type="whatsapp"), 0)
    channel.reachable = lambda row: row == 2
    message = candidate(channel=channel)
    assert gates.reachability(case(message, row=2)) is None
    verdict = gates.reachability(case(message, row=1))
    assert verdict is not None and verdict.hands_over


OTHER = Kind("nudge", "push", "p", "push", None, None, None, (), False)


@pytest.mark.parametrize(
    ("decided", "changes"),
    [
        (OTHER._replace(topic="greeting"), {}),
        (OTHER._replace(intent="apology"), {"conflicts": {"apology": DAY}}),
        (OTHER, {"gap": HOUR}),
    ],
    ids=["the same topic", "a conflicting intent", "no room beside it"],
)
def test_what_was_decided_before_in_the_same_decision_outranks(
    decided: Kind, changes: dict[str, Any]
) -> None:
    message = candidate(**changes)
    verdict = gates.arbitration(case(message, decided=[(decided, False)]))
    assert verdict is not None and verdict.reason == "outranked" and verdict.detail == {"by": "nudge/push"}
    assert gates.arbitration(case(message, decided=[(OTHER._replace(transactional=True), False)])) is None


def test_a_ghosts_decision_outranks_only_ghosts() -> None:
    decided = [(KIND, True)]
    assert gates.arbitration(case(decided=decided)) is None
    assert gates.arbitration(case(decided=decided, ghost=True)) is not None


@pytest.mark.parametrize(("ago", "holds"), [(7 * DAY - 1, True), (7 * DAY, False)])
def test_a_topic_goes_out_once_in_its_time(ago: int, holds: bool) -> None:
    verdict = gates.arbitration(case(candidate(once_per=7 * DAY), **past(KIND, ago)))
    assert (verdict is not None and verdict.reason == "topic") == holds


@pytest.mark.parametrize(("ago", "holds"), [(3 * DAY - 1, True), (3 * DAY, False)])
def test_conflicting_intents_hold_each_other_back(ago: int, holds: bool) -> None:
    message = candidate(conflicts={"apology": 3 * DAY})
    verdict = gates.arbitration(case(message, **past(OTHER._replace(intent="apology"), ago)))
    assert (verdict is not None and verdict.reason == "conflict") == holds


def test_the_least_gap_waits_until_it_is_over() -> None:
    message = candidate(gap=2 * HOUR)
    verdict = gates.arbitration(case(message, **past(OTHER, HOUR)))
    assert verdict is not None and (verdict.reason, verdict.until) == ("gap", NOON + HOUR)
    assert gates.arbitration(case(message, **past(OTHER, 2 * HOUR))) is None


def test_transactional_messages_leave_no_gap() -> None:
    held = past(OTHER._replace(transactional=True), HOUR)
    assert gates.arbitration(case(candidate(gap=2 * HOUR), **held)) is None


@pytest.mark.parametrize(
    ("overs", "reason", "until", "hands_over"),
    [
        (["drop"], "capped", 0, False),
        (["defer"], "capped", NOON + 23 * HOUR, False),
        (["next"], "capped", 0, True),
        (["defer", "next"], "capped", 0, True),
        (["next", "defer", "drop"], "capped", 0, False),
    ],
)
def test_the_strictest_of_the_caps_that_are_full_decides(
    overs: Sequence[str], reason: str, until: int, hands_over: bool
) -> None:
    caps = [cap(1, over=over, name=over) for over in overs]
    verdict = gates.frequency(case(candidate(caps=caps), **past(KIND, HOUR)))
    assert verdict is not None
    assert (verdict.reason, verdict.until, verdict.hands_over) == (reason, until, hands_over)


def test_the_steps_own_word_goes_before_the_caps() -> None:
    message = candidate(caps=[cap(1, over="drop")], on_cap="defer")
    verdict = gates.frequency(case(message, **past(KIND, HOUR)))
    assert verdict is not None and verdict.until == NOON + 23 * HOUR


def test_a_limit_of_nothing_is_no_wait() -> None:
    verdict = gates.frequency(case(candidate(caps=[cap(0, over="defer")])))
    assert verdict is not None and (verdict.reason, verdict.until) == ("capped", 0)


def test_deferral_waits_for_the_cap_that_is_full_longest() -> None:
    caps = [cap(1, "2h", "defer", "short"), cap(1, "1d", "defer", "long")]
    verdict = gates.frequency(case(candidate(caps=caps), **past(KIND, HOUR)))
    assert verdict is not None and verdict.until == NOON + 23 * HOUR
    assert verdict.detail == {"cap": "long"}


def test_a_cap_for_a_stage_holds_only_people_in_it() -> None:
    staged = cap(0)
    staged.in_stage = lambda row: row == 2
    assert gates.frequency(case(candidate(caps=[staged]), row=1)) is None
    assert gates.frequency(case(candidate(caps=[staged]), row=2)) is not None


def test_a_run_that_has_had_all_its_messages_is_capped() -> None:
    verdict = gates.frequency(case(run_full=True))
    assert verdict is not None and verdict.detail == {"cap": "limits.messages"}


@pytest.mark.parametrize(
    ("otherwise", "on_step", "until", "hands_over"),
    [
        ("defer", None, NOON + HOUR, False),
        ("discard", None, 0, False),
        ("next", None, 0, True),
        ("discard", "defer", NOON + HOUR, False),
        ("next", "discard", 0, False),
    ],
)
def test_quiet_hours_defer_discard_or_hand_over(
    otherwise: str, on_step: Any, until: int, hands_over: bool
) -> None:
    message = candidate(quiet=[quiet("11:00", "13:00", otherwise=otherwise)], on_quiet=on_step)
    verdict = gates.quiet_hours(case(message))
    assert verdict is not None
    assert (verdict.reason, verdict.until, verdict.hands_over) == ("quiet", until, hands_over)
    assert verdict.detail == {"zone": "UTC", "from": "person"}


def test_a_step_may_ignore_quiet_hours() -> None:
    assert judge(case(candidate(quiet=[quiet("11:00", "13:00")], on_quiet="ignore"))) is None


def test_jitter_spreads_the_end_of_quiet_hours() -> None:
    message = candidate(quiet=[quiet("11:00", "13:00", jitter="30m")])
    ends = set()
    for run in range(50):
        verdict = gates.quiet_hours(case(message, jitter_key=(f"run {run}", "step", 1)))
        assert verdict is not None
        ends.add(verdict.until)
    assert len(ends) > 40
    assert all(NOON + HOUR <= end < NOON + HOUR + 30 * MINUTE for end in ends)


def test_quiet_hours_that_cover_the_week_never_wait() -> None:
    verdict = gates.quiet_hours(case(candidate(quiet=[quiet("00:00", "24:00")])))
    assert verdict is not None and verdict.until == 0 < NEVER


def test_where_the_zone_is_not_known_it_is_quiet_if_it_is_anywhere_they_may_be() -> None:
    entry = quiet("22:00", "06:00")
    madrid, canaries = zone("Europe/Madrid"), zone("Atlantic/Canary")
    # 05:30 UTC in November: 06:30 in Madrid, 05:30 in the Canaries, where it is quiet for half an hour yet.
    t = NOON - 6 * HOUR - 30 * MINUTE
    known = case(candidate(quiet=[entry]), t=t, where=lambda: Whereabouts(madrid, "person"))
    spain = case(
        candidate(quiet=[entry]), t=t, where=lambda: Whereabouts(UTC_ZONE, "workspace", (madrid, canaries))
    )
    assert gates.quiet_hours(known) is None
    verdict = gates.quiet_hours(spain)
    assert verdict is not None and verdict.until == t + 30 * MINUTE and verdict.detail["from"] == "candidates"


def test_where_nothing_is_known_it_is_quiet_if_it_is_anywhere_on_earth() -> None:
    saturday = [{"days": ["sat"], "from": "00:00", "to": "12:00"}]
    entry = CompiledQuiet(model(QuietHours, windows=saturday), lambda _: None)
    nowhere = Whereabouts(UTC_ZONE, "workspace")
    friday = NOON + 3 * DAY + HOUR
    verdict = gates.quiet_hours(case(candidate(quiet=[entry]), t=friday, where=lambda: nowhere))
    # Friday 13:00 in UTC is Saturday in Kiribati; Saturday noon comes last at UTC-12, at midnight in UTC.
    assert verdict is not None and verdict.until == NOON + 4 * DAY + 12 * HOUR
    assert verdict.detail["from"] == "everywhere"
    assert gates.quiet_hours(case(candidate(quiet=[entry]), where=lambda: nowhere)) is None
