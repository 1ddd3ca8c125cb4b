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
from tests.peer_cases.definitions import Definitions, Translation, is_running
from tests.peer_cases.differences import DIFFERENCES
from tests.peer_cases.functions import FUNCTIONS
from tests.peer_cases.outcome import MismatchError, Outcome, SkipError, expect
from tests.peer_cases.records import SUBSCRIPTION, Lifted, record
from tests.peer_cases.waits import next_local_time, weekday_differs
from tests.peer_cases.world import Item, Repeated, World

Step = dict[str, Any]
MESSAGES = "this has no counterpart of ours"


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
        self.random: float | None = None
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
        if step["function"] == "next_local_time":
            got = next_local_time(step["args"], step["expected"])
            if got != step["expected"] and weekday_differs(step["args"]):
                raise SkipError.differs(DIFFERENCES["local weekday"], f"we answer {got}")
            expect(step["function"], step["expected"], got)
            return
        function = FUNCTIONS.get(step["function"])
        if function is None:
            raise SkipError(f"no counterpart of `{step['function']}`")
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
            self.world.redefine(Translation(self.definitions, self.lifted, random=self.random))
        else:
            self._publish(before.journeys)
        self._start_journeys(before.journeys)

    def _publish(self, before: dict[str, Any]) -> None:
        """Journeys that begin, pause or go on do so by control records; people keep their places."""
        later = Translation(self.definitions, self.lifted, random=self.random)
        for label, journey in self.definitions.journeys.items():
            was = before[label].get("status", "running") if label in before else "not_started"
            now = journey.get("status", "running")
            if was == now and label in before and before[label] == journey:
                continue
            if label not in later.journeys:
                continue
            record = {"op": "publish", "journey": label, "plan": later.journeys[label], "enter": "both"}
            if now == "paused":
                record = {"op": "pause", "journey": label, "entries": "queue"}
            elif was == "paused":
                record = {"op": "resume", "journey": label}
            elif now != "running":
                continue
            self._happen(Item(self.world.now, control=record))

    def _random(self, step: Step) -> None:
        """The number that a split is to draw: a salt is chosen under which our person draws it."""
        self.random = float(step["value"])
        self.world.redefine(Translation(self.definitions, self.lifted, random=self.random))

    # --------------------------------------------------------------------------------------------- journeys

    def _start_journeys(self, before: dict[str, Any]) -> None:
        """A journey that starts takes who is in its entry segment; afterwards it takes who enters."""
        for label, journey in self.definitions.journeys.items():
            if is_running(journey) and not (label in before and is_running(before[label])):
                entry = self._entry(journey)
                members = len(self.world.members(entry)) if entry is not None else 0
                self.signals[label] = self.signals.get(label, 0) + members

    def _happen(self, item: Item) -> None:
        self._count(self.world.happen(item))

    def _count(self, effects: list[Effect]) -> None:
        for label, journey in self.definitions.journeys.items():
            if is_running(journey) and (entry := self._entry(journey)) is not None:
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

    # ------------------------------------------------------------------------------------------- messages

    def _answered(self) -> None:
        """Every journey of the case has a translation, or the case is not ours to answer."""
        for label in self.definitions.journeys:
            if reason := self.world.translation.unanswered.get(f"journey {label}"):
                raise SkipError(reason)

    def _messages_total(self, expected: int) -> None:
        self._answered()
        expect("messages", expected, len(self.world.messages))

    def _messages(self, totals: list[dict[str, Any]]) -> None:
        self._answered()
        for one in totals:
            if unknown := one.keys() - {"user_id", "node", "journey", "count"}:
                raise SkipError(f"`{sorted(unknown)[0]}` of a message has no counterpart")
            got = sum(self._is_meant(one, *message) for message in self.world.messages)
            expect(f"messages {one}", one["count"], got)

    def _records(self, totals: list[dict[str, Any]]) -> None:
        """What is written of a run: that it began, what each step came to, that it ended."""
        self._answered()
        fold = self.world.fold
        for one in totals:
            person = fold.id_of(fold.person, self.world.row(one["user_id"]))
            expect("records of a run", one["count"], self.world.records.count((one["journey"], person)))

    def _trigger(self, step: Step) -> None:
        record = {"op": "start", "journey": step["journey"], "person": step["user_id"]}
        self._answered()
        self._happen(Item(self.world.now, control=record))

    def _is_meant(self, one: dict[str, Any], journey: str, step: str, recipient: str) -> bool:
        fold = self.world.fold
        if "user_id" in one:
            row = self.world.row(one["user_id"])
            if not row or fold.id_of(fold.person, row) != recipient:
                return False
        return one.get("node", step) == step and one.get("journey", journey) == journey

    def _context(self, expected: list[dict[str, Any]]) -> None:
        for one in expected:
            person = self.world.person(one["user_id"])
            translation = self.world.translation
            for label, value in one["properties_include"].items():
                if label in translation.unanswered:
                    raise SkipError(translation.unanswered[label])
                expect(f"`{label}` in a message", value, translation.readers[label](person))

    def _population(self, expected: int) -> None:
        expect("users", expected, self.world.population())

    def _signals(self, totals: list[dict[str, Any]]) -> None:
        for one in totals:
            journey, got = one["journey"], self.signals.get(one["journey"], 0)
            entry = self.definitions.journeys[journey]["entry"]
            if got != one["total"] and entry.get("segment") in self.edited:
                raise SkipError.differs(DIFFERENCES["edited segments"], f"`{journey}` took {got} people")
            expect(f"entries of {journey}", one["total"], got)


STEPS: dict[str, Callable[[Play, Step], None]] = {
    "submit_events": Play._submit,
    "submit_events_generated": Play._submit_generated,
    "advance_time": Play._advance,
    "evaluate": Play._evaluate,
    "manual_segment_operation": Play._manual,
    "update_subscriptions": Play._subscribe,
    "update_definitions": Play._update,
    "set_random": Play._random,
    "trigger_journey_entry": Play._trigger,
    "assert": Play._assert,
}
ASSERTIONS: dict[str, Callable[[Play, Any], None]] = {
    "users": Play._users,
    "segment_members": Play._members,
    "group_members": Play._groups,
    "user_count": Play._population,
    "journey_entry_signals": Play._signals,
    "messages_total": Play._messages_total,
    "messages": Play._messages,
    "message_context": Play._context,
    "journey_node_records": Play._records,
}
