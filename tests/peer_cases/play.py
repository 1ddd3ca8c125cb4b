"""Plays one case: its steps in order, its assertions against the fold, to pass, fail or skip.

Engine time is the case's clock; events keep their own timestamps. Ticks change nothing, so `evaluate`
only lets happen what is due.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sevenfold.effects import ENTERED, Effect
from sevenfold.errors import SevenfoldError
from sevenfold.events.times import parse_ms
from tests.peer_cases.definitions import Definitions, Translation
from tests.peer_cases.differences import DIFFERENCES
from tests.peer_cases.functions import FUNCTIONS
from tests.peer_cases.outcome import MismatchError, Outcome, SkipError, expect
from tests.peer_cases.records import SUBSCRIPTION, Lifted, record
from tests.peer_cases.world import Item, Repeated, World

Step = dict[str, Any]
MESSAGES = "journeys and messages are not built yet"


def play(case: dict[str, Any], *, generated_max: int | None = None) -> Outcome:
    """The outcome of a case. `generated_max` skips a case that generates more events than that."""
    try:
        Play(case, generated_max).run()
    except SkipError as reason:
        return Outcome(case["id"], case["name"], "skip", str(reason))
    except MismatchError as mismatch:
        return Outcome(case["id"], case["name"], "fail", str(mismatch))
    except (SevenfoldError, AssertionError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        detail = f"expected an answer got {type(error).__name__}: {error}"
        return Outcome(case["id"], case["name"], "fail", detail)
    return Outcome(case["id"], case["name"], "pass")


class Play:
    """One run of a case."""

    def __init__(self, case: dict[str, Any], generated_max: int | None) -> None:
        self.case = case
        self.generated_max = generated_max
        self.lifted = Lifted()
        self.position = 0
        self.signals: dict[str, int] = {}
        """Journey -> how many people have entered its entry segment while it was running."""
        self.edited: set[str] = set()
        self.definitions = Definitions().updated(case)
        # Records name what any later definition reads, so all of them are translated before the first event.
        later = self.definitions
        for step in case["steps"]:
            if step["type"] == "update_definitions":
                later = later.updated(step)
                Translation(later, self.lifted)
        self.world = World(Translation(self.definitions, self.lifted))
        self.world.now = parse_ms(case.get("clock_start", 0)) or 0

    def run(self) -> None:
        self._start_journeys({})
        for step in self.case["steps"]:
            if step["type"] == "evaluate_function":
                self._function(step)
                continue
            handler = STEPS.get(step["type"])
            if handler is None:
                raise SkipError(f"{MESSAGES}: `{step['type']}`")
            handler(self, step)

    def _function(self, step: Step) -> None:
        function = FUNCTIONS.get(step["function"])
        if function is None:
            raise SkipError(f"no counterpart of `{step['function']}` yet; {MESSAGES}")
        got = function(step["args"])
        if self.case.get("portability") == "product_limit" and got != step["expected"]:
            raise SkipError.differs(DIFFERENCES["product limits"], f"we answer {got}")
        expect(step["function"], step["expected"], got)

    # ------------------------------------------------------------------------------------------------ steps

    def _submit(self, step: Step) -> None:
        raws = []
        for event in step["events"]:
            if self.world.unseen(event.get("message_id")):
                raws.append(self._record(event))
        self._happen(Item(self.world.now, raws))

    def _record(self, event: dict[str, Any]) -> bytes:
        self.position += 1
        return record(event, self.lifted, self.position)

    def _submit_generated(self, step: Step) -> None:
        if self.generated_max is not None and step["count"] > self.generated_max:
            raise SkipError(f"more than {self.generated_max:,} generated events; run without a limit")
        if self.lifted.position:
            raise SkipError("generated events carry no number of their own")
        self._happen(Item(self.world.now, Repeated(self._record(step["template"]), step["count"])))

    def _advance(self, step: Step) -> None:
        self.world.now += step["ms"]
        self._count(self.world.advance())

    def _evaluate(self, step: Step) -> None:
        self._count(self.world.advance())

    def _manual(self, step: Step) -> None:
        control = {
            "op": "list",
            "list": self._segment(step["segment"]),
            "action": step["op"],
            "members": [{"user_id": user} for user in step.get("user_ids", [])],
        }
        self._happen(Item(self.world.now, control=control))

    def _subscribe(self, step: Step) -> None:
        for change in step["changes"]:
            known = self.world.fold.identity.find("user_id", change["user_id"])
            anonymous = self.world.fold.identity.find("anonymous_id", change["user_id"])
            who = "anonymous_id" if anonymous and not known else "user_id"
            action = "subscribe" if change["subscribed"] else "unsubscribe"
            properties = {"group": change["group"], "action": action}
            event = {"type": "track", "event": SUBSCRIPTION, who: change["user_id"], "properties": properties}
            self._happen(Item(self.world.now, [self._record(event)]))

    def _update(self, step: Step) -> None:
        before = self.definitions
        self.definitions = before.updated(step)
        for label, one in self.definitions.segments.items():
            if label in before.segments and before.segments[label] != one:
                self.edited.add(label)
        if any(step.get(kind) for kind in ("user_properties", "segments", "subscription_groups")):
            self.world.redefine(Translation(self.definitions, self.lifted))
        self._start_journeys(before.journeys)

    # --------------------------------------------------------------------------------------------- journeys

    def _start_journeys(self, before: dict[str, Any]) -> None:
        """A journey that starts takes who is in its entry segment; afterwards it takes who enters."""
        for label, journey in self.definitions.journeys.items():
            if _running(journey) and not (label in before and _running(before[label])):
                entry = self._entry(journey)
                members = len(self.world.members(entry)) if entry is not None else 0
                self.signals[label] = self.signals.get(label, 0) + members

    def _happen(self, item: Item) -> None:
        self._count(self.world.happen(item))

    def _count(self, effects: list[Effect]) -> None:
        for label, journey in self.definitions.journeys.items():
            if _running(journey) and (entry := self._entry(journey)) is not None:
                entered = sum(effect.kind == ENTERED and effect.name == entry for effect in effects)
                self.signals[label] = self.signals.get(label, 0) + entered

    def _entry(self, journey: dict[str, Any]) -> str | None:
        entry = journey["entry"]
        return self.world.translation.labels.get(entry["segment"]) if entry["type"] == "segment" else None

    # ------------------------------------------------------------------------------------------- assertions

    def _assert(self, step: Step) -> None:
        self._count(self.world.advance())
        for what, expected in step.items():
            if what == "type":
                continue
            handler = ASSERTIONS.get(what)
            if handler is None:
                raise SkipError(f"{MESSAGES}: `{what}`")
            handler(self, expected)

    def _segment(self, label: str) -> str:
        translation = self.world.translation
        if label in translation.unanswered:
            raise SkipError(translation.unanswered[label])
        if label not in translation.labels:
            raise SkipError(f"the case defines no segment `{label}`")
        return translation.labels[label]

    def _users(self, users: list[dict[str, Any]]) -> None:
        for user in users:
            person = self.world.person(user["id"])
            for label, expected in user.get("segments", {}).items():
                expect(f"{user['id']} in {label}", expected, self._segment(label) in person["segments"])
            for group, expected in user.get("subscriptions", {}).items():
                self._state(user["id"], person, group, {"subscribed": expected})
            for group, states in user.get("group_segments", {}).items():
                self._state(user["id"], person, group, states)
            if "properties" in user:
                self._properties(user["id"], person, user["properties"])
            if unknown := user.keys() - {"id", "segments", "subscriptions", "group_segments", "properties"}:
                raise SkipError(f"{MESSAGES}: `{sorted(unknown)[0]}` of a user")

    def _state(self, user: str, person: dict[str, Any], group: str, states: dict[str, bool]) -> None:
        for state, expected in states.items():
            ours = self.world.translation.subscription(group, state)
            expect(f"{user} {state} to {group}", expected, ours in person["segments"])

    def _properties(self, user: str, person: dict[str, Any], expected: dict[str, Any]) -> None:
        translation = self.world.translation
        got = {
            label: value for label, read in translation.readers.items() if (value := read(person)) is not None
        }
        # The source gives every user an implicit property `id`, which is not listed.
        if "id" not in expected and "id" in got:
            del got["id"]
        for label in expected.keys() & translation.unanswered.keys():
            raise SkipError(translation.unanswered[label])
        for label, value in expected.items():
            if value is None and label in got:
                raise SkipError.differs(DIFFERENCES["null"], f"`{label}` keeps {got[label]!r}")
        expect(f"properties of {user}", {k: v for k, v in expected.items() if v is not None}, got)

    def _members(self, members: dict[str, list[str]]) -> None:
        for label, expected in members.items():
            expect(f"members of {label}", sorted(expected), sorted(self.world.members(self._segment(label))))

    def _groups(self, groups: dict[str, list[str]]) -> None:
        for group, expected in groups.items():
            expect(f"members of group {group}", expected, self.world.group(group))

    def _population(self, expected: int) -> None:
        expect("users", expected, self.world.population())

    def _signals(self, totals: list[dict[str, Any]]) -> None:
        for one in totals:
            journey, got = one["journey"], self.signals.get(one["journey"], 0)
            entry = self.definitions.journeys[journey]["entry"]
            if got != one["total"] and entry.get("segment") in self.edited:
                raise SkipError.differs(DIFFERENCES["edited segments"], f"`{journey}` took {got} people")
            expect(f"entries of {journey}", one["total"], got)


def _running(journey: dict[str, Any]) -> bool:
    return bool(journey.get("status", "running") == "running")


STEPS: dict[str, Callable[[Play, Step], None]] = {
    "submit_events": Play._submit,
    "submit_events_generated": Play._submit_generated,
    "advance_time": Play._advance,
    "evaluate": Play._evaluate,
    "manual_segment_operation": Play._manual,
    "update_subscriptions": Play._subscribe,
    "update_definitions": Play._update,
    "assert": Play._assert,
}
ASSERTIONS: dict[str, Callable[[Play, Any], None]] = {
    "users": Play._users,
    "segment_members": Play._members,
    "group_members": Play._groups,
    "user_count": Play._population,
    "journey_entry_signals": Play._signals,
}
