"""The gates before a message, in the order of the law: the first that stops it is the reason.

Each gate is one function of a case; it answers nothing (the message passes) or a verdict.
docs/explain/journeys.md, section Messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ..journeys.times import NEVER, jitter
from .cases import Case, Verdict
from .consent import allowed
from .holdouts import held_out
from .ledger import Kind, latest

Gate = Callable[[Case], Verdict | None]


def consent(case: Case) -> Verdict | None:
    """1. What the person said for this purpose on this channel, else the category's default."""
    if allowed(case.status, case.message.purpose):
        return None
    return Verdict("no_consent", hands_over=True, detail={"category": case.message.kind.category})


def suppression(case: Case) -> Verdict | None:
    """2. The address bounced, complained, or was put on the list. All addresses there are must be on it."""
    if case.message.channel.address is None or not case.addresses:
        return None
    for address in case.addresses:
        if not case.suppressed(address):
            return None
    return Verdict("suppressed", hands_over=True)


def stages_and_guards(case: Case) -> Verdict | None:
    """3. The journey's `suppressed_by`, and guards that name the message."""
    if case.stage_suppressed:
        return Verdict("stage_suppressed")
    for guard in case.message.guards:
        if guard.holds(case.row):
            detail = {"guard": guard.name}
            return Verdict("guarded", detail={**detail, "why": guard.reason} if guard.reason else detail)
    return None


def holdout(case: Case) -> Verdict | None:
    """4. The step's own share. Ghosts go on to the end."""
    kind = case.message.kind
    if case.ghost or not case.message.holdout:
        return None
    if held_out(case.message.holdout, f"step {kind.journey}/{kind.step}", case.unit_id):
        return Verdict("held_out", detail={"share": case.message.holdout})
    return None


def reachability(case: Case) -> Verdict | None:
    """5. An address of the kind the channel needs, and its own condition."""
    channel = case.message.channel
    if channel.address is not None and not case.addresses:
        return Verdict("unreachable", hands_over=True, detail={"needs": channel.address})
    if channel.reachable is not None and not channel.reachable(case.row):
        return Verdict("unreachable", hands_over=True)
    return None


def delivery(case: Case) -> Verdict | None:
    """6. The channel is switched on, and the template exists for it."""
    if case.off or not case.message.deliverable:
        return Verdict("undeliverable", hands_over=True, detail={"off": True} if case.off else {})
    return None


def arbitration(case: Case) -> Verdict | None:
    """7. What was decided before in this decision, then what was sent before: topic, intents, least gap."""
    message = case.message
    for kind, ghost in case.decided:
        if ghost and not case.ghost:
            continue
        same = message.kind.topic is not None and kind.topic == message.kind.topic
        if same or kind.intent in message.conflicts or (message.gap and not kind.transactional):
            return Verdict("outranked", detail={"by": f"{kind.journey}/{kind.step}"})
    if not any(case.ledgers):
        return None
    kinds = case.kinds
    topic = message.kind.topic
    if message.once_per:
        last = latest(case.ledgers, case.t - message.once_per + 1, lambda code: kinds[code].topic == topic)
        if last is not None:
            return Verdict("topic", detail={"topic": topic, "last": last})
    for intent, within in message.conflicts.items():
        last = latest(case.ledgers, case.t - within + 1, _of_intent(kinds, intent))
        if last is not None:
            return Verdict("conflict", detail={"intent": intent, "last": last})
    if message.gap:
        last = latest(case.ledgers, case.t - message.gap + 1, lambda code: not kinds[code].transactional)
        if last is not None:
            return Verdict("gap", last + message.gap, detail={"last": last})
    return None


def _of_intent(kinds: Sequence[Kind], intent: str) -> Callable[[int], bool]:
    return lambda code: kinds[code].intent == intent


def frequency(case: Case) -> Verdict | None:
    """8. A place in every cap: the first written that drops decides, then those that hand over, then
    deferral.
    """
    if case.run_full:
        return Verdict("capped", detail={"cap": "limits.messages"})
    if sum(map(len, case.ledgers)) < case.message.least:
        return None
    later, waits_for = 0, ""
    hands_over: Verdict | None = None
    for cap in case.message.caps:
        if cap.in_stage is not None and not cap.in_stage(case.row):
            continue
        limit = cap.limit(case.row)
        until = cap.full_until(case.t, limit, case.ledgers, case.masks)
        if until is None:
            continue
        over = case.message.on_cap or cap.model.over
        detail = {"cap": cap.name, "limit": limit}
        if over == "drop" or (over == "defer" and until >= NEVER):
            return Verdict("capped", detail=detail)
        if over == "next":
            hands_over = hands_over or Verdict("capped", hands_over=True, detail=detail)
        elif until > later:
            later, waits_for = until, cap.name
    if hands_over is not None or not later:
        return hands_over
    return Verdict("capped", later, detail={"cap": waits_for})


def quiet_hours(case: Case) -> Verdict | None:
    """9. The person's local time: the first written entry in whose windows it is."""
    if case.message.on_quiet == "ignore" or not case.message.quiet:
        return None
    assert case.where is not None and case.workspace is not None
    place = case.where()
    for entry in case.message.quiet:
        found = entry.at(case.t, place, case.workspace.zone)
        if found is None:
            continue
        detail = {"zone": found.zone, "from": found.basis}
        otherwise = case.message.on_quiet or entry.model.otherwise
        if otherwise == "next":
            return Verdict("quiet", hands_over=True, detail=detail)
        if otherwise == "discard" or found.until >= NEVER:
            return Verdict("quiet", detail=detail)
        return Verdict("quiet", jitter(found.until, entry.jitter_ms, *case.jitter_key), detail=detail)
    return None


GATES: Final[tuple[Gate, ...]] = (
    consent,
    suppression,
    stages_and_guards,
    holdout,
    reachability,
    delivery,
    arbitration,
    frequency,
    quiet_hours,
)
"""Every gate of the fold, in the order of the law; rate limit and render are the sender's."""
TRANSACTIONAL_SKIPS: Final = (stages_and_guards, holdout, arbitration, frequency, quiet_hours)
TRANSACTIONAL_GATES: Final = tuple(gate for gate in GATES if gate not in TRANSACTIONAL_SKIPS)


def judge(case: Case) -> Verdict | None:
    """Asks the gates in order: nothing when the message passes. A wait beyond the time to live is
    `expired`.
    """
    if case.t >= case.deadline:
        return Verdict("expired")
    for gate in TRANSACTIONAL_GATES if case.message.transactional else GATES:
        found = gate(case)
        if found is not None:
            if found.until and found.until >= case.deadline:
                return Verdict("expired", detail={"waiting": found.reason, **found.detail})
            return found
    return None
