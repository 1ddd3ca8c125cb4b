"""What journeys decided, in words: one line for each effect, and trees of them run by run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from rich.text import Text
from rich.tree import Tree

from sevenfold.effects import Effect
from sevenfold.playback.tables import iso
from sevenfold.report import words

DAY_MS: Final = 86_400_000
_GOOD, _BAD, _QUIET = "green", "red", "dim"
REASONS: Final = {
    "no_consent": "no consent", "suppressed": "the address is on the suppression list",
    "stage_suppressed": "the journey is suppressed for them now", "guarded": "a guard holds it",
    "held_out": "held out of this step", "unreachable": "no address to reach them",
    "undeliverable": "the channel is off, or lacks the template", "outranked": "another message came first",
    "topic": "the topic went out already", "conflict": "it would contradict an earlier message",
    "gap": "too soon after the message before", "capped": "the frequency cap is full",
    "quiet": "quiet hours", "expired": "its time to live is over", "late": "the event came too late",
    "exit_holds": "an exit condition holds", "no_key": "the event does not say what it is about",
    "limit_runs": "the journey is full", "limit_entries": "entered too often",
    "limit_concurrent": "in enough journeys already", "paused": "the journey is paused",
    "audience": "not in the audience", "again": "entered before",
    "not_eligible": "not for them", "person_limit": "they had it often enough", "limit": "taken often enough",
    "budget": "its budget is spent", "fatigue": "they were sent enough lately", "halted": "it was stopped",
}  # fmt: skip


def reason(name: str) -> str:
    """A reason in words."""
    return REASONS.get(name, words.label(name))


def moment(time: int) -> str:
    """`2024-03-01 09:00`; seconds where there are any."""
    text = iso(time)[:19].replace("T", " ")
    return text[:16] if text.endswith(":00") else text


def spoken(ms: int) -> str:
    """A duration: `3.2 days`, `5 h`, `7 min`, `12 s`."""
    return f"{ms / 1000:.0f} s" if ms < 60_000 else words.span(ms / DAY_MS)


Line = tuple[Text, str]
"""What happened, and why."""
When = Callable[[int], str]
"""How times are written."""


def line(kind: str, name: str, data: dict[str, Any], when: When = moment) -> Line | None:
    """An effect of a journey; None for any other."""
    found = _LINES.get(kind)
    if found is None:
        return None if not kind.startswith("task_") else _task(kind, name, data, when)
    return found(kind, name, data, when)


def _run(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    key = f" for {data['key']}" if data.get("key") else ""
    ghost = f"; walks as a ghost ({data['ghost']} holdout)" if data.get("ghost") else ""
    why = f"set off by {data.get('trigger')}, version {data.get('version')}{ghost}"
    return Text(f"enters {words.label(name)}{key}", style="bold cyan"), why


def _refused(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    late = f", by {spoken(data['late_by'])}" if data.get("late_by") else ""
    return Text(f"does not enter {words.label(name)}", style="yellow"), reason(str(data["reason"])) + late


def _ended(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    why = f"{words.label(str(data['reason']))} at {words.label(str(data.get('step', '')))}"
    return Text(f"leaves {words.label(name)}", style="bold cyan"), f"{why}, after {spoken(data['after'])}"


def _step(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    why = words.label(str(data.get("outcome", "")))
    if data.get("share") is not None:
        why += f", place {data['place']:,} of {data.get('places', 10_000):,} (share {data['share']:g} %)"
    if data.get("waited"):
        why += f" after {spoken(data['waited'])}"
    if data.get("traits"):
        why += ": " + _pairs(data["traits"])
    return Text(f"past {words.label(data['step'])}", style=_QUIET), why


def _choice(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    shares = data.get("propensities") or {}
    chosen = str(data.get("chosen", ""))
    why = f"with a probability of {shares.get(chosen, 0) / 10_000:g} %"
    others = [f"{one} {share / 10_000:g} %" for one, share in shares.items() if one != chosen]
    refused = [
        f"{one}: {reason(str(held))}"
        for one, held in (data.get("actions") or {}).items()
        if held != "allowed"
    ]
    why += f"; others {', '.join(others)}" if others else ""
    why += f"; not allowed {', '.join(refused)}" if refused else ""
    return Text(f"chooses {words.label(chosen)}", style="bold blue"), why


def _answered(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    why = f"{data.get('answer')} by {data.get('by') or 'somebody'}"
    return Text(f"next best action {words.label(name)}", style="bold magenta"), (
        f"{why}: {data['reason']}" if data.get("reason") else why
    )


def _wait(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    until = data.get("until")
    why = "until something happens" if until is None else f"until {when(until)} at the latest"
    if data.get("for"):
        why = f"for the {data['for']}, " + why
    elif until is not None:
        why = f"until {when(until)}" + (", when a window opens" if data.get("window") else "")
    if data.get("zone"):
        why += f" ({data['zone']}, from the {data.get('from')})"
    return Text(f"waits at {words.label(data['step'])}", style="blue"), why


def _message(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    what = f"{data.get('template') or 'a call'} by {data.get('channel') or 'webhook'}"
    tried = [f"{one['template']} not: {reason(one['reason'])}" for one in data.get("tried", [])]
    if kind in ("would_send", "would_call"):
        return Text(f"would be sent {what}", style=_QUIET), "a ghost gets nothing"
    said = [words.label(str(data[key])) for key in ("category", "topic", "intent") if data.get(key)]
    return Text(f"is sent {what}", style=f"bold {_GOOD}"), "; ".join([*said, *tried])


def _held(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    what = f"{data.get('template') or 'a call'} {'waits' if kind == 'deferred' else 'is held'}"
    why = reason(str(data["reason"]))
    if data.get("detail"):
        why += f" ({_pairs(data['detail'])})"
    if data.get("until"):
        why += f", until {when(data['until'])}"
    ghost = "; a ghost's" if data.get("ghost") else ""
    return Text(what, style="yellow" if kind == "deferred" else _BAD), why + ghost


def _outcome(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    said = data.get("outcome") if kind == "outcome" else kind
    style = _BAD if said in ("failed", "bounced", "expired", "complained", "render_error") else _QUIET
    return Text(f"{data.get('template') or 'a call'}: {words.label(str(said))}", style=style), str(
        data.get("reason") or ""
    )


def _released(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    what = f"{data.get('template') or 'a call'} counts in no cap any more"
    return Text(what, style=_QUIET), words.label(str(data.get("reason", "")))


def _goal(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    value = f", worth {data['value']:,g}" if data.get("value") is not None else ""
    what = f"reaches the goal {words.label(data['goal'])} of {words.label(name)}"
    return Text(what, style=f"bold {_GOOD}"), f"after {spoken(data['after'])}{value}"


def _task(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    what = _TASKS.get(kind) or words.label(kind.removeprefix("task_"))
    owner = f", owner {data['owner']}" if data.get("owner") else ""
    said = data.get("outcome") or data.get("reason") or ""
    due = f", due {when(data['due'])}" if data.get("due") and kind == "task" else ""
    label = name if kind != "would_task" else str(data.get("task", name))
    return Text(
        f"task {words.label(label)} {what}", style="bold magenta"
    ), f"{words.label(str(said))}{owner}{due}"


_TASKS: Final = {"task": "opened", "would_task": "would be opened"}


def _plain(kind: str, name: str, data: dict[str, Any], when: When) -> Line:
    held = {key: value for key, value in data.items() if key not in ("run", "visit", "effect", "id")}
    return Text(f"{words.label(kind)} {words.label(name)}", style=_QUIET), _pairs(held)


def _pairs(held: dict[str, Any]) -> str:
    return ", ".join(f"{words.label(str(key))} {value}" for key, value in list(held.items())[:5])


_LINES: Final[dict[str, Callable[[str, str, dict[str, Any], When], Line]]] = {
    "run": _run, "refused": _refused, "ended": _ended, "step": _step, "wait": _wait, "message": _message,
    "webhook": _message, "would_send": _message, "would_call": _message, "held": _held, "deferred": _held,
    "outcome": _outcome, "revoked": _outcome, "cancelled": _outcome, "goal": _goal, "task": _task,
    "would_task": _task, "reset": _plain, "released": _released, "consent": _plain, "suppressed": _plain,
    "migrated": _plain, "contaminated": _plain, "offer_given": _plain, "offer_empty": _plain, "saved": _plain,
    "lost": _plain, "playbook": _plain, "playbook_item": _plain,
    "choice": _choice, "rewarded": _plain, "action_answered": _answered,
}  # fmt: skip
KINDS: Final = frozenset(_LINES)
"""Kinds of effects that can be told here."""


def tree(title: str, effects: Iterable[Effect], when: When = moment) -> Tree:
    """Effects in order, those of a run under where it began; `when` writes times."""
    root = Tree(Text(title, style="bold"))
    branches: dict[str, Tree] = {}
    for effect in effects:
        told = line(effect.kind, effect.name, effect.data, when)
        if told is None:
            told = _other(effect)
        what, why = told
        label = Text(f"{when(effect.time)}  ", style=_QUIET).append_text(what)
        if why:
            label.append(f"  {why}", style="default")
        branch = branches.get(str(effect.data.get("run", "")), root)
        added = branch.add(label)
        if effect.kind == "run":
            branches[str(effect.data["run"])] = added
    return root


def _other(effect: Effect) -> Line:
    data = effect.data
    if effect.kind == "stage":
        return Text(f"{words.label(data['from'] or 'new')} → {words.label(data['to'] or 'none')}"), ""
    if effect.kind in ("entered", "left", "segment"):
        change = data.get("change", effect.kind)
        return Text(f"{change} {words.label(effect.name)}", style="blue"), ""
    shown = {key: value for key, value in data.items() if key in ("from", "to", "loser", "by")}
    return Text(f"{words.label(effect.kind)} {words.label(effect.name)}".strip(), style=_QUIET), _pairs(shown)


__all__ = ["KINDS", "REASONS", "line", "moment", "reason", "spoken", "tree"]
