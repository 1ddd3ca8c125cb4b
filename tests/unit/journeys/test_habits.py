"""Channels and hours that people answered to, as options of steps."""

from __future__ import annotations

from typing import Any

from sevenfold.learning.bandits import place_of
from sevenfold.workspace.checking import check

from .running import START, Running, workspace

HOUR, DAY = 3_600_000, 86_400_000
SECTIONS: dict[str, Any] = {
    "templates": {
        "note": {"channel": "email", "subject": "A note", "html": "<p>For you</p>", "transactional": False},
        "tip": {"channel": "in_app", "body": "Try it"},
    }
}


def journey(**message: Any) -> dict[str, Any]:
    return {
        "hello": {
            "triggers": [{"kind": "event", "event": "Signed Up"}],
            "re_entry": {"unlimited": 5},
            "ttl": "7d",
            "steps": {
                "say": {"kind": "message", "expires": "7d", **message},
                "rest": {"kind": "wait", "for": "1h"},
            },
        }
    }


def answers(running: Running, at: str, outcome: str = "opened") -> None:
    """The message decided last is sent at once, and answered at a moment."""
    effect = running.of("message")[-1].data["effect"]
    for one in ("claimed", "sent"):
        running.control(at, "outcome", effect=effect, outcome=one)
    running.control(at, "outcome", effect=effect, outcome=outcome)


def test_an_hour_is_chosen_by_when_the_person_answered() -> None:
    running = Running(journey(template="note", send_time={"within": "24h", "explore": 0}), **SECTIONS)
    running.identify("0s", "u1", email="u1@example.com", timezone="UTC")
    running.track("0s", "u1", "Signed Up")
    running.until("1d")
    # A Tuesday at 18:00.
    answers(running, "1d 9h")
    running.track("7d 12h", "u1", "Signed Up")
    choice = running.of("choice")[-1].data
    assert choice["policy"] == "hello/say:hour" and choice["chosen"] == "tue 18"
    wait = running.of("wait")[-1].data
    assert wait["until"] == START + 8 * DAY + 9 * HOUR
    assert sum(choice["propensities"].values()) == 1_000_000 and choice["propensities"]["tue 18"] == 1_000_000
    running.until("8d 9h")
    assert running.of("message")[-1].time == START + 8 * DAY + 9 * HOUR


def test_hours_are_explored_by_the_share_that_is_written() -> None:
    running = Running(journey(template="note", send_time={"within": "9h", "explore": 20}), **SECTIONS)
    for i in range(40):
        running.identify("0s", f"u{i}", email=f"u{i}@example.com")
        running.track("1m", f"u{i}", "Signed Up")
    shares = running.of("choice")[0].data["propensities"]
    assert len(shares) == 10 and sorted(shares.values())[:-1] == [20_000] * 9
    chosen = [one.data["chosen"] for one in running.of("choice")]
    assert 0 < sum(one != "mon 09" for one in chosen) < 25


def test_who_has_not_answered_goes_by_people_like_them_and_these_by_all() -> None:
    sections = SECTIONS | {"messaging": {"alike": "trait.plan"}}
    running = Running(journey(template="note", send_time={"within": "24h", "explore": 0}), **sections)
    for i, plan in enumerate(["pro", "pro", "free"]):
        running.identify("0s", f"u{i}", email=f"u{i}@example.com", plan=plan)
        running.track("1m", f"u{i}", "Signed Up")
    running.until("1d")
    messages = running.of("message")
    for effect, at in zip(messages, ("1d 4h", "1d 4h 1m", "1d 8h"), strict=True):
        for outcome in ("claimed", "sent", "opened"):
            running.control(at, "outcome", effect=effect.data["effect"], outcome=outcome)
    for name, plan in (("new pro", "pro"), ("new free", "free")):
        running.identify("8d", name, email=f"{name.replace(' ', '')}@example.com", plan=plan)
        running.track("8d", name, "Signed Up")
    assert [one.data["chosen"] for one in running.of("choice")[-2:]] == ["tue 13", "tue 17"]


def test_a_wait_may_be_for_the_best_hour() -> None:
    journeys = journey(template="note")
    journeys["hello"]["steps"] = {"best": {"kind": "wait", "best": {"within": "12h", "explore": 50}}}
    running = Running(journeys, **SECTIONS)
    running.track("0s", "u1", "Signed Up")
    choice = running.of("choice")[-1].data
    assert choice["policy"] == "hello/best:hour"
    running.until("12h")
    assert running.ends() == ["completed"] and running.again(3, snapshots=True) == running.told


def learned(people: int = 30, **more: Any) -> Running:
    running = Running(journey(template=["note", "tip"], choose="learned", explore=10, **more), **SECTIONS)
    for i in range(people):
        running.identify("0s", f"u{i}", email=f"u{i}@example.com")
    return running


def test_a_channel_is_chosen_by_what_all_answer_to_and_logged() -> None:
    running = learned()
    running.track("1m", "u0", "Signed Up")
    choice = running.of("choice")[-1].data
    assert choice["policy"] == "hello/say:channel" and choice["propensities"] == {
        "note": 900_000,
        "tip": 100_000,
    }
    assert choice["actions"] == {"note": "allowed", "tip": "allowed"}
    for i in range(1, 30):
        running.track("2m", f"u{i}", "Signed Up")
    for effect in running.of("message"):
        for outcome in ("claimed", "sent", *(["clicked"] if effect.data["channel"] == "in_app" else [])):
            running.control("3m", "outcome", effect=effect.data["effect"], outcome=outcome)
    running.identify("4m", "new", email="new@example.com")
    running.track("5m", "new", "Signed Up")
    assert running.of("choice")[-1].data["propensities"] == {"note": 100_000, "tip": 900_000}
    assert any(one.data["policy"] == "hello/say:channel" for one in running.of("rewarded"))


def test_a_channel_that_is_held_is_refused_before_the_choice() -> None:
    running = learned()
    running.track("1m", "nobody", "Signed Up")
    choice = running.of("choice")[-1].data
    assert choice["actions"] == {"note": "unreachable", "tip": "allowed"}
    assert choice["propensities"] == {"tip": 1_000_000} and choice["chosen"] == "tip"


def test_learned_channels_do_not_depend_on_batches_or_snapshots() -> None:
    running = learned(5)
    for i in range(5):
        running.track("1m", f"u{i}", "Signed Up")
        if place_of("answers", i) < 500_000:
            answers(running, "1m +1")
    running.until("2d")
    assert running.again(8) == running.told and running.again(1, snapshots=True) == running.told


def test_an_hour_after_the_time_to_live_is_a_mistake() -> None:
    journeys = journey(template="note", ttl="12h", send_time={"within": "20h"})
    assert any("before the hour comes" in str(one) for one in check(workspace(journeys, **SECTIONS)))
    journeys = journey(template="note", send_time={"within": "30d"})
    assert any("a week holds every hour" in str(one) for one in check(workspace(journeys, **SECTIONS)))
