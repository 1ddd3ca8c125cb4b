"""What an `expect` asks, a small function each: it gives what was expected and what is so instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from msgspec import Struct

from sevenfold.effects import ENTERED, STAGE, Effect
from sevenfold.profiles.wheel import NEVER
from sevenfold.scenarios.contents import last_of, words_of
from sevenfold.scenarios.timeline import Step, moment, shown
from sevenfold.scenarios.world import World
from sevenfold.workspace.models import PERSON

Wrong = tuple[str, str, str]
"""What was asked, what was expected, what is so."""


class Asked(Struct):
    """One subject at the time of an expectation."""

    world: World
    of: str
    row: int
    subject: str
    now: dict[str, Any]

    @property
    def history(self) -> list[Effect]:
        """Everything decided about it so far."""
        return [effect for _, effect in self.world.about(self.of, self.subject)]

    def own(self, kind: str) -> list[Effect]:
        """What happened to it itself, not to somebody who turned out to be the same."""
        return [one for one in self.world.effects if one.kind == kind and one.subject == self.subject]


def wrong(world: World, step: Step) -> list[Wrong]:
    """Everything that is not as expected. Raises UnknownSubjectError."""
    expected = step.expected or {}
    of = str(expected.get("of", PERSON))
    row = world.row(of, step.subject)
    subject, now = world.subject(of, step.subject)
    asked = Asked(world, of, row, subject, now)
    found: list[Wrong] = []
    for question, value in expected.items():
        if question != "of":
            found += _QUESTIONS[question](asked, question, value)
    return found


# --------------------------------------------------------------------------------------------------- state


def _values(asked: Asked, question: str, expected: dict[str, Any]) -> Iterable[Wrong]:
    held = asked.now[_SECTIONS[question]]
    for name, value in expected.items():
        found = held.get(name)
        if found != value:
            yield f"{question} {name}", _said(value), _said(found)


_SECTIONS: Final = {"stage": "stages", "band": "bands", "signals": "signals", "traits": "traits"}


def _score(asked: Asked, question: str, expected: dict[str, Any]) -> Iterable[Wrong]:
    for name, bounds in expected.items():
        low, high = (float(part) for part in str(bounds).split(".."))
        found = asked.now["scores"].get(name, {}).get("value")
        if found is None or not low <= found <= high:
            yield f"score {name}", str(bounds), _said(found)


def _prediction(asked: Asked, question: str, expected: dict[str, Any]) -> Iterable[Wrong]:
    """`{churn_risk: 0.8}`: a value in natural units, a moment for a date, null for what is unknown."""
    for name, wanted in expected.items():
        found = asked.now["predictions"].get(name, {}).get("value")
        dated = isinstance(wanted, str)
        if found != (moment(wanted, asked.world.scenario.start_ms) if dated else wanted):
            shown_ = shown(found, asked.world.scenario.start_ms) if dated and found is not None else found
            yield f"prediction {name}", _said(wanted), _said(shown_)


def _inside(asked: Asked, question: str, names: list[str]) -> Iterable[Wrong]:
    held = asked.now["segments"]
    for name in names:
        if name not in held:
            yield "in", name, f"in {', '.join(sorted(held)) or 'no segment'}"


def _outside(asked: Asked, question: str, names: list[str]) -> Iterable[Wrong]:
    for name in names:
        if name in asked.now["segments"]:
            yield "not in", name, f"in {name}"


def _identifiers(asked: Asked, question: str, expected: list[Any]) -> Iterable[Wrong]:
    held = asked.now["identifiers"].values()
    flat = {str(one) for each in held for one in (each if isinstance(each, list | tuple | set) else [each])}
    for missing in sorted({str(one) for one in expected} - flat):
        yield "identifiers", missing, ", ".join(sorted(flat))


# ------------------------------------------------------------------------------------------------- history


def _path(asked: Asked, question: str, expected: dict[str, list[str]]) -> Iterable[Wrong]:
    for lifecycle, stages in expected.items():
        found = [effect.data["to"] for effect in asked.own(STAGE) if effect.name == lifecycle]
        if found != stages:
            yield f"path {lifecycle}", " > ".join(stages), " > ".join(map(str, found))


def _ever(asked: Asked, question: str, names: list[str]) -> Iterable[Wrong]:
    entered = {effect.name for effect in asked.own(ENTERED)}
    for name in names:
        if (name in entered) is not (question == "ever_in"):
            yield question.replace("_", " "), name, f"was {'never ' if name not in entered else ''}in {name}"


# ------------------------------------------------------------------------------------------------ journeys


def _said_to(asked: Asked, question: str, expected: list[Any]) -> Iterable[Wrong]:
    """Exactly these, in order, since the question was asked last; each a template, perhaps with more."""
    kind = _KINDS[question]
    new = asked.world.since_asked(question, asked.of, asked.subject)
    found = [(place, effect) for place, effect in new if effect.kind in kind]
    asked.world.told.update(place for place, _ in found)
    start = asked.world.scenario.start_ms
    happened = [effect for _, effect in found]
    same = len(expected) == len(happened) and all(
        _is(one, effect, question, start) for one, effect in zip(expected, happened, strict=True)
    )
    if not same:
        yield (
            question,
            _list(map(_said, expected)),
            _list(_told(effect, question, start) for effect in happened),
        )


_KINDS: Final = {
    "sent": ("message", "webhook"), "held": ("held",), "deferred": ("deferred",),
    "would_send": ("would_send", "would_call"), "tasks": ("task",),
}  # fmt: skip


def _is(expected: Any, effect: Effect, question: str, start: int) -> bool:
    """`welcome`, `{welcome: day 3 09:00}` for what was sent, `{welcome: capped}` for what was held."""
    if not isinstance(expected, dict):
        return bool(_what(effect) == expected)
    (name, more), *_ = expected.items()
    if _what(effect) != name:
        return False
    if question in ("held", "deferred"):
        return bool(effect.data.get("reason") == more)
    return effect.time == moment(more, start)


def _what(effect: Effect) -> Any:
    if effect.kind == "task":
        return effect.name
    return effect.data.get("template") or effect.data.get("channel")


def _told(effect: Effect, question: str, start: int) -> str:
    if question in ("held", "deferred"):
        return f"{_what(effect)}: {effect.data.get('reason')}, {shown(effect.time, start)}"
    return f"{_what(effect)}: {shown(effect.time, start)}"


def _waits(asked: Asked, question: str, expected: dict[str, Any]) -> Iterable[Wrong]:
    """`{onboarding: wait_step}` or `{onboarding: {step: wait_step, until: day 3 09:00}}`."""
    start = asked.world.scenario.start_ms
    runs = asked.world.runs(asked.of, asked.row)
    for journey, more in expected.items():
        step = more.get("step") if isinstance(more, dict) else more
        until = more.get("until") if isinstance(more, dict) else None
        here = [run for run in runs if run["journey"] == journey]
        fits = [
            run for run in here
            if step in (None, run["step"]) and (until is None or run["due"] == moment(until, start))
        ]  # fmt: skip
        if not fits:
            told = [f"{one['step']}, {_until(one['due'], start)}" for one in here]
            yield f"waits in {journey}", _said(more), _list(told) if told else "is not in it"


def _until(due: int, start: int) -> str:
    return "until something happens" if due >= NEVER else f"until {shown(due, start)}"


def _running(asked: Asked, question: str, names: list[str]) -> Iterable[Wrong]:
    held = {run["journey"] for run in asked.world.runs(asked.of, asked.row)}
    for name in names:
        if (name in held) is not (question == "inside"):
            yield question, name, f"in {', '.join(sorted(held)) or 'no journey'}"


def _entered(asked: Asked, question: str, expected: dict[str, int]) -> Iterable[Wrong]:
    for journey, times in expected.items():
        found = sum(effect.kind == "run" and effect.name == journey for effect in asked.history)
        if found != times:
            yield f"entered {journey}", f"{times} times", f"{found} times"


def _listed(asked: Asked, question: str, expected: dict[str, Any]) -> Iterable[Wrong]:
    """Reasons of refusals and exits, goals, and steps left, of all runs of a journey so far, in order."""
    kind, field = _LISTS[question]
    for journey, wanted in expected.items():
        found = [
            str(effect.data.get(field))
            for effect in asked.history
            if effect.kind == kind and effect.name == journey
        ]
        wanted = [str(one) for one in wanted] if isinstance(wanted, list) else [str(wanted)]
        if found != wanted:
            yield f"{question} {journey}", _list(wanted), _list(found)


_LISTS: Final = {
    "refused": ("refused", "reason"), "exits": ("ended", "reason"), "goals": ("goal", "goal"),
    "steps": ("step", "step"),
}  # fmt: skip


# ------------------------------------------------------------------------------------------------ contents


def _says(asked: Asked, question: str, expected: dict[str, Any]) -> Iterable[Wrong]:
    """`{valued_email: [boards, search]}`: texts that the last message or task of that name has in it."""
    for name, texts in expected.items():
        last = last_of(asked.history, name)
        found = words_of(asked.world.fold.workspace, last) if last is not None else "nothing of that name"
        for text in texts if isinstance(texts, list) else [texts]:
            if last is None or str(text) not in found:
                yield f"says {name}", str(text), found


def _evidence(asked: Asked, question: str, expected: dict[str, dict[str, Any]]) -> Iterable[Wrong]:
    for name, values in expected.items():
        last = last_of(asked.history, name)
        held = last.data.get("evidence", {}) if last is not None else {}
        for key, value in values.items():
            if held.get(key) != value:
                yield f"evidence of {name}, {key}", _said(value), _said(held.get(key))


def _owners(asked: Asked, question: str, expected: dict[str, str]) -> Iterable[Wrong]:
    for name, owner in expected.items():
        last = last_of(asked.history, name)
        found = last.data.get("owner") if last is not None else None
        if found != owner:
            yield f"owner of {name}", owner, _said(found)


def _saves(asked: Asked, question: str, expected: dict[str, Any]) -> Iterable[Wrong]:
    """`{back_on_track: [at_risk, saved]}`: what became of the save's episodes so far, in order."""
    for name, wanted in expected.items():
        found = [effect.kind for effect in asked.history if effect.kind in _EPISODES and effect.name == name]
        wanted = wanted if isinstance(wanted, list) else [wanted]
        if found != wanted:
            yield f"saves {name}", _list(wanted), _list(found)


_EPISODES: Final = frozenset({"at_risk", "saved", "save_lost", "recovered_untouched"})

_QUESTIONS: Final[dict[str, Callable[[Asked, str, Any], Iterable[Wrong]]]] = {
    "stage": _values, "band": _values, "signals": _values, "traits": _values, "score": _score, "in": _inside,
    "prediction": _prediction,
    "not_in": _outside, "identifiers": _identifiers, "path": _path, "ever_in": _ever, "never_in": _ever,
    "sent": _said_to, "held": _said_to, "deferred": _said_to, "would_send": _said_to, "tasks": _said_to,
    "waits": _waits, "inside": _running, "outside": _running, "entered": _entered, "refused": _listed,
    "exits": _listed, "goals": _listed, "steps": _listed, "says": _says, "evidence": _evidence,
    "owners": _owners, "saves": _saves,
}  # fmt: skip


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts) or "nothing"


def _said(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_said(each)}" for key, each in value.items())
    if isinstance(value, list):
        return _list(map(_said, value))
    return str(value)


__all__ = ["Wrong", "wrong"]
