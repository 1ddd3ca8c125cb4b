"""Journeys beside the fold: a million people waiting in runs, twenty journeys published, and many timers at
once.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sevenfold.carry import switch
from sevenfold.engine import Fold
from sevenfold.workspace import models as m

from .figures import Digest, Report, at_most, plain
from .measuring import Lap, Laps, pack, quiet, timed
from .population import Events, Population, Template, resident_bytes

RECORD = 100
WARM = 30_000
HOURS = 12
DUE_AT_ONCE = 100_000
_CHANNELS = {"email": {"type": "email", "address": "email"}, "in_app": {"type": "in_app"}}
_EVERYBODY = "everybody"
_AT_ONCE = "at_once"


def measure(quick: bool) -> Report:
    workspace = pack("seven-stage")
    accounts, people, hours = (100, 60_000, 4) if quick else (300, 1_000_000, HOURS)
    template = Template(workspace, accounts)
    without, beside = Population(template, people), Population(template, people)
    with_journeys = _workspace(workspace)
    digest = Digest()
    switch(beside.fold, with_journeys)
    beside.fold._taken()
    before = resident_bytes()
    _, entered = timed(lambda: _everybody(beside.fold))
    waiting = len(_journeys(beside.fold).runs.active())
    bytes_per_wait = (resident_bytes() - before) / max(1, waiting)
    plain_laps, journey_laps = Laps(), Laps()
    effects = 0
    with quiet():
        for one in (without, beside):
            _fold(one.fold, one.take(WARM))
        for _ in range(hours):
            for laps, one in ((plain_laps, without), (journey_laps, beside)):
                events = one.hour()
                told = laps.add(len(events), lambda one=one, events=events: _fold(one.fold, events))
                if laps is journey_laps:
                    effects += len(told)
                    digest.add(told)
        ratio = sorted(b.cpu_s / a.cpu_s for a, b in zip(plain_laps.all, journey_laps.all, strict=True))[
            hours // 2
        ]
        some = min(DUE_AT_ONCE, people)
        timers, fired = _at_once(without.fold, with_journeys, some)
    figures = [
        at_most("cost_ratio", ratio, "x", 1.5),
        at_most("bytes_per_wait", bytes_per_wait, "B", 300),
        at_most("timers_s", timers.wall_s, "s", 5.0),
        plain("timers_cpu_s", timers.cpu_s, "s"),
        plain("timers", fired, "timers"),
        plain("waiting", waiting, "runs"),
        plain("events_per_s", journey_laps.rate, "1/s"),
        plain("events_per_s_without", plain_laps.rate, "1/s"),
        plain("effects_per_event", effects / max(1, journey_laps.units), "effects"),
        plain("entry_us", entered.cpu_s / max(1, waiting) * 1e6, "us"),
    ]
    notes = [
        f"{beside.profiles:,} profiles, seven-stage, {len(with_journeys.journeys)} journeys; the same hours "
        "by turns without and with them, rates of processor time, the ratio is the middle one of the hours'"
        + ("; quick: fewer profiles and hours" if quick else ""),
        "everybody is in a run that waits; others start and end as people sign up, stall, decline and pay",
        f"timers_s: {fired:,} waits due in one second, wall time; each is followed by a branch and a message "
        "through all gates",
    ]
    return Report("journeys", figures, notes, digest.text)


def _fold(fold: Fold, events: Events) -> list[Any]:
    told: list[Any] = []
    for at in range(0, len(events), RECORD):
        told += fold.events(events[at : at + RECORD])
    return told


def _journeys(fold: Fold) -> Any:
    assert fold.journeys is not None
    return fold.journeys


def _everybody(fold: Fold) -> None:
    """Everybody enters; effects are taken away as a sender would."""
    journeys = _journeys(fold)
    plan = journeys.plans[journeys.current[_EVERYBODY]]
    for row in range(1, fold.person.table.rows):
        if row not in fold.forward:
            journeys.start(_EVERYBODY, plan.unit, row, "api", {})
        if not row % RECORD:
            fold._taken()
    fold._taken()


def _at_once(fold: Fold, workspace: m.Workspace, some: int) -> tuple[Lap, int]:
    """The time until `some` runs that wait for the same second are all decided, and how many there
    were.
    """
    switch(fold, workspace)
    journeys = _journeys(fold)
    plan = journeys.plans[journeys.current[_AT_ONCE]]
    started = 0
    for row in range(1, fold.person.table.rows):
        if started == some:
            break
        if row not in fold.forward:
            journeys.start(_AT_ONCE, plan.unit, row, "api", {})
            started += 1
    fold._taken()
    due = fold.t + 10_000
    # Everything else of those ten seconds is out of the way before the clock runs.
    fold.advance(due - 1)
    told, lap = timed(lambda: fold.advance(due))
    decided = sum(effect.kind in ("message", "held", "would_send", "deferred") for effect in told)
    assert decided == started, (decided, started)
    return lap, started


def _workspace(base: m.Workspace) -> m.Workspace:
    """The pack with twenty journeys of the kinds that companies run."""
    journeys = {
        _EVERYBODY: {
            "triggers": [{"kind": "api"}],
            "re_entry": "after_exit",
            "exits": [{"event": "Subscription Cancelled"}],
            "steps": {
                "hold": {"kind": "wait", "paths": [{"event": "Review Posted"}], "timeout": "1500d"},
                "thanks": {"kind": "message", "template": "note"},
            },
        },
        _AT_ONCE: {
            "triggers": [{"kind": "api"}],
            "steps": {
                "hold": {"kind": "wait", "for": "10s"},
                "which": {"kind": "branch", "paths": [{"when": "segment.activated", "go": "mail"}]},
                "mail": {"kind": "message", "template": "note"},
            },
        },
    }
    entered = [
        *("stalled", "activated", "never_activated", "promoters", "detractors", "advocating", "near_cap"),
        *("engagement_declining", "silent_two_weeks", "off_baseline", "support_spike", "route_csm"),
    ]
    for place, segment in enumerate(entered):
        journeys[f"on_{segment}"] = {
            "triggers": [{"kind": "segment", "segment": segment}],
            "re_entry": {"after": "28d"},
            "priority": 40 + place,
            "exits": [
                {"when": f"not segment.{segment}", "reason": "over"},
                {"event": "Subscription Cancelled"},
            ],
            "steps": {
                "first": {"kind": "message", "template": "note"},
                "hold": {
                    "kind": "wait",
                    "paths": [{"event": "Workflow Completed"}, {"when": "sign_ins_7d >= 5"}],
                    "timeout": "3d",
                },
                "share": {"kind": "split", "paths": {"a": {"share": 50}, "b": {"share": 50, "go": "exit"}}},
                "second": {"kind": "message", "template": "tip"},
                "rest": {"kind": "wait", "for": "5d", "at": "09:00"},
            },
        }
    for event in ("Signed Up", "Trial Started", "Subscription Started", "Payment Failed", "Ticket Opened"):
        journeys[f"after_{event.lower().replace(' ', '_')}"] = {
            "triggers": [{"kind": "event", "event": event}],
            "re_entry": "after_exit",
            "goals": {"active": {"event": "Workflow Completed", "within": "14d"}},
            "steps": {
                "wait": {"kind": "wait", "for": "1d", "at": "10:00"},
                "say": {"kind": "message", "template": "note"},
            },
        }
    journeys["on_stage"] = {
        "triggers": [{"kind": "stage", "lifecycle": "customer", "stage": "engagement"}],
        "suppressed_by": "stage.customer == 'renewal'",
        "steps": {"say": {"kind": "message", "template": "tip"}, "hold": {"kind": "wait", "for": "7d"}},
    }
    given = {
        "channels": _CHANNELS,
        "templates": {
            "note": {"channel": "email", "subject": "A note", "body": "For you"},
            "tip": {"channel": "in_app", "title": "A tip", "body": "Try it"},
        },
        "messaging": {
            "caps": {"week": {"limit": 3, "per": "7d"}, "day": {"limit": 1, "per": "1d", "over": "defer"}},
            "quiet_hours": [{"windows": [{"from": "22:00", "to": "07:00"}], "channels": ["email"]}],
            "guards": {
                "tickets": {"when": "open_tickets > 0", "journeys": ["on_promoters", "on_advocating"]}
            },
        },
        "journeys": journeys,
    }
    added = msgspec.convert({"name": base.name, **given}, m.Workspace)
    fields = {name: getattr(added, name) for name in given}
    return msgspec.structs.replace(base, **fields)
