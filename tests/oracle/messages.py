"""The gates before a message once more, in lists and loops: what the page says of a message, asked of
everything that ever happened. Slow, and obviously so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

HOUR, DAY = 3_600_000, 86_400_000
STRICTNESS = {"": 0, "confirmed": 1, "in": 2, "pending": 3, "out": 4}
LENGTHS = {"m": 60_000, "h": HOUR, "d": DAY}


def length(text: str) -> int:
    return int(text[:-1]) * LENGTHS[text[-1]]


@dataclass
class Sent:
    """A message that took a place, and has it still."""

    t: int
    template: str
    ghost: bool
    effect: str


@dataclass
class Person:
    """Everything that was ever said, sent and answered."""

    zone: tuple[int, str]
    """(who said it, its name); the name is empty when nobody did."""
    address: int
    """Whose addresses are the present ones."""
    said: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    """(channel, category) -> (when, status)."""
    sent: list[Sent] = field(default_factory=list)
    delivered: dict[str, list[int]] = field(default_factory=dict)
    """Channel -> [messages, responses]."""
    opens: list[int] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    """Tickets."""


class Law:
    """The policy of one workspace (plain data, as in YAML) over people known by id."""

    def __init__(self, workspace: dict[str, Any]) -> None:
        self.workspace = workspace
        self.policy = workspace["messaging"]
        self.people: dict[str, Person] = {}
        self.off: set[str] = set()
        self.suppressed: set[tuple[str, int]] = set()
        """(channel, whose address)."""

    def say(self, person: str, te: int, status: str, channel: str | None, category: str | None) -> None:
        said = self.people[person].said
        for one in [channel] if channel else self.workspace["channels"]:
            for label in [category] if category else ["", *self.workspace["consent"]["categories"]]:
                if te >= said.get((one, label), (te, ""))[0]:
                    said[one, label] = te, status

    def merge(self, winner: str, loser: str) -> None:
        mine, theirs = self.people[winner], self.people.pop(loser)
        for pair, (te, status) in theirs.said.items():
            when, held = mine.said.get(pair, (te, ""))
            mine.said[pair] = max(when, te), max(held, status, key=STRICTNESS.__getitem__)
        # Traits that were told later win.
        mine.address = max(mine.address, theirs.address)
        mine.zone = max(mine.zone, theirs.zone)
        mine.sent += theirs.sent
        mine.opens += theirs.opens
        for channel, (got, responded) in theirs.delivered.items():
            held_of = mine.delivered.setdefault(channel, [0, 0])
            held_of[0], held_of[1] = held_of[0] + got, held_of[1] + responded
        mine.opened, mine.closed = mine.opened + theirs.opened, mine.closed + theirs.closed

    def decide(self, who: str, journey: str, ghost: bool, t: int, since: int) -> tuple[Any, ...]:
        """(`message` or `would_send`, template), (`held`, template, reason), (`deferred`, template, reason,
        from, to).
        """
        person, model = self.people[who], self.workspace["journeys"][journey]
        step = model["steps"]["say"]
        names = [step["template"]] if isinstance(step["template"], str) else list(step["template"])
        if step.get("choose") == "responses":
            names.sort(key=lambda name: self._rate(person, self._channel(name)))
        deadline = since + length(step["ttl"])
        for name in names:
            if t >= deadline:
                return "held", name, "expired"
            transactional = self.workspace["templates"][name].get("transactional", False)
            found = self._gates(person, name, journey, ghost and not transactional, t)
            if found is None:
                return ("would_send" if ghost and not transactional else "message"), name
            reason, until, hands_over = found
            if until is not None:
                return (
                    ("held", name, "expired") if until[0] >= deadline else ("deferred", name, reason, *until)
                )
            if not hands_over or name == names[-1]:
                return "held", name, reason
        raise AssertionError("a message has a template")

    def send(self, who: str, name: str) -> tuple[str, ...]:
        """What becomes of a transactional message that a program asks for: `message`, or `held` and why."""
        channel = self._channel(name)
        if (channel, self.people[who].address) in self.suppressed:
            return "held", name, "suppressed"
        return ("held", name, "undeliverable") if channel in self.off else ("message", name)

    def _gates(
        self, person: Person, name: str, journey: str, ghost: bool, t: int
    ) -> tuple[str, tuple[int, int] | None, bool] | None:
        """The first gate that stops a template: reason, when again (from, to), whether the next may be
        tried.
        """
        template = self.workspace["templates"][name]
        channel = self._channel(name)
        if not self._agreed(person, channel, template["category"]):
            return "no_consent", None, True
        if (channel, person.address) in self.suppressed:
            return "suppressed", None, True
        free = template.get("transactional", False)
        if not free and template.get("intent") == "ask" and person.opened > person.closed:
            return "guarded", None, False
        if channel in self.off:
            return "undeliverable", None, True
        if free:
            return None
        return self._attention(person, template, channel, ghost, t) or self._quiet(person, t)

    def _agreed(self, person: Person, channel: str, category: str) -> bool:
        model = self.workspace["consent"]["categories"][category]
        if model.get("required"):
            return True
        status = person.said.get((channel, category), (0, ""))[1]
        if model.get("double"):
            return status == "confirmed"
        return status in ("in", "confirmed") or (not status and model.get("default") == "opt_out")

    def _attention(
        self, person: Person, template: dict[str, Any], channel: str, ghost: bool, t: int
    ) -> tuple[str, tuple[int, int] | None, bool] | None:
        templates = self.workspace["templates"]
        seen = sorted((s for s in person.sent if ghost or not s.ghost), key=lambda s: s.t)
        topic, intent = template.get("topic"), template.get("intent")
        if topic:
            once = length(self.policy["topics"].get(topic, {"once_per": "7d"})["once_per"])
            if any(templates[s.template].get("topic") == topic and s.t > t - once for s in seen):
                return "topic", None, False
        for conflict in self.policy["conflicts"]:
            for mine, other in (conflict["between"], conflict["between"][::-1]):
                within = length(conflict["within"])
                if intent == mine and any(
                    templates[s.template].get("intent") == other and s.t > t - within for s in seen
                ):
                    return "conflict", None, False
        counted = [s for s in seen if not templates[s.template].get("transactional")]
        gap = length(self.policy["minimum_gap"])
        if counted and counted[-1].t > t - gap:
            return "gap", (counted[-1].t + gap, counted[-1].t + gap), False
        full: list[tuple[str, int]] = []
        for cap in self.policy["caps"].values():
            if cap.get("channel", channel) != channel:
                continue
            mine_of = [s for s in counted if cap.get("channel") in (None, self._channel(s.template))]
            limit = cap["limit"]
            for segment, other_limit in cap.get("limits", {}).items():
                if segment == "reader" and any(t - 2 * DAY < o <= t for o in person.opens):
                    limit = other_limit
                    break
            if "calendar" in cap:
                start, end = self._day(t)
                inside = [s.t for s in mine_of if s.t >= start]
                free_at = end
            else:
                inside = [s.t for s in mine_of if s.t > t - length(cap["per"])]
                free_at = inside[len(inside) - limit] + length(cap["per"]) if len(inside) >= limit > 0 else 0
            if len(inside) >= limit:
                full.append((cap.get("over", "drop"), free_at))
        if any(over == "drop" for over, _ in full):
            return "capped", None, False
        if any(over == "next" for over, _ in full):
            return "capped", None, True
        if full:
            latest = max(free_at for _, free_at in full)
            return "capped", (latest, latest), False
        return None

    def _quiet(self, person: Person, t: int) -> tuple[str, tuple[int, int] | None, bool] | None:
        """Quiet from 23:00 to 07:00. It always is so somewhere: for an unknown zone the workspace's
        decides.
        """
        zone = ZoneInfo(person.zone[1] or self.workspace["timezone"])
        here = datetime.fromtimestamp(t / 1000, UTC).astimezone(zone)
        if 7 <= here.hour < 23:
            return None
        morning = here.replace(hour=7, minute=0, second=0, microsecond=0) + timedelta(days=here.hour == 23)
        at = round(morning.timestamp() * 1000)
        return "quiet", (at, at + length(self.policy["quiet_hours"][0]["jitter"]) - 1), False

    def _day(self, t: int) -> tuple[int, int]:
        zone = ZoneInfo(self.workspace["timezone"])
        midnight = datetime.fromtimestamp(t / 1000, UTC).astimezone(zone)
        midnight = midnight.replace(hour=0, minute=0, second=0, microsecond=0)
        after = midnight + timedelta(days=1)
        return round(midnight.timestamp() * 1000), round(after.timestamp() * 1000)

    def _channel(self, template: str) -> str:
        return str(self.workspace["templates"][template]["channel"])

    def _rate(self, person: Person, channel: str) -> int:
        got, responded = person.delivered.get(channel, (0, 0))
        return -((responded + 1) * 1_000_000 // (got + 2)) if responded else 0
