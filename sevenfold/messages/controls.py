"""Control records about messages: outcomes, consent, addresses to leave alone, channels switched on and off.

A record that makes no sense raises ControlError. One about a channel, category or message that the workspace
does not have (any more) changes nothing: a log outlives the workspaces it is folded under. People whom it
names are created all the same, so that everybody has the same place under every workspace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.controls import ControlError, control, find, listed_person
from ..events.times import parse_ms
from ..limits import OPT_OUT_IMPORT_ROWS_MAX, OUTCOMES_TOLD_ITEMS_MAX
from .channels import Channel
from .consent import CODES as STATUSES
from .desk import Messages
from .outcomes import OUTCOMES
from .suppression import REASONS

if TYPE_CHECKING:
    from ..engine.fold import Fold


@control("outcome")
def _outcome(fold: Fold, record: dict[str, Any]) -> None:
    """`{effect, outcome, at?, reason?, permanent?, machine?, channel?, again?, back?}`: what became of a
    message or a call. A claim names the `channel` it goes by if that is another than the message's;
    `again` is a claim of what is unknown. With `back` who claimed it says that the provider has not taken
    it (`rate_limited`), so that it can be claimed anew.
    """
    _one_of(record, "outcome", OUTCOMES)
    _hear(fold, record)


@control("outcomes")
def _outcomes(fold: Fold, record: dict[str, Any]) -> None:
    """`{outcomes: [...]}`: each as a record `outcome` of its own would be, in order. None counts when one
    makes no sense.
    """
    listed = record.get("outcomes")
    if not isinstance(listed, list) or not 1 <= len(listed) <= OUTCOMES_TOLD_ITEMS_MAX:
        raise ControlError(
            f"`outcomes` is a list of 1 to {OUTCOMES_TOLD_ITEMS_MAX}", fix="split it into several records"
        )
    for one in listed:
        if not isinstance(one, dict):
            raise ControlError("an outcome is an object", fix="`{effect: ..., outcome: ...}`")
        _one_of(one, "outcome", OUTCOMES)
    for place, one in enumerate(listed):
        if place and fold.journeys is not None:
            # What the one before led to happens first, and each has a number of its own, for ids come from
            # numbers.
            fold.journeys.release()
            fold._drain(fold.t)
            fold.seq += 1
            fold.journeys.begin()
        fold._cause = ("control", "outcome", fold.seq)
        _hear(fold, one)


def _hear(fold: Fold, record: dict[str, Any]) -> None:
    desk = _desk(fold)
    if desk is None:
        return
    effect, outcome, reason = str(record.get("effect")), str(record["outcome"]), record.get("reason")
    owed = desk.book.get(effect)
    if owed is not None and outcome == "claimed":
        if record.get("again") is True:
            desk.book.reopen(owed)
        if not owed.settled and not owed.was("claimed") and not owed.was("unknown"):
            owed.via = str(record.get("channel") or "")
    if owed is not None and outcome == "rate_limited" and record.get("back") is True:
        desk.book.give_back(owed)
    desk.hearing.outcome(
        effect,
        outcome,
        _time(fold, record),
        reason=str(reason) if reason is not None else None,
        permanent=record.get("permanent") is True,
        machine=record.get("machine") is True,
        once_more=record.get("again") is True,
    )


@control("consent")
def _consent(fold: Fold, record: dict[str, Any]) -> None:
    """`{person: {user_id: ...}, channel?, category?, status, source?, at?}`: somebody said something. A
    person whom nobody has heard of is created.
    """
    status = _one_of(record, "status", STATUSES)
    row = listed_person(fold, record.get("person"))
    if not row:
        raise ControlError(
            "the record does not say who", fix="`person: {user_id: ...}` or another identifier"
        )
    desk = _desk(fold)
    if desk is not None and _has(desk, record):
        source = str(record.get("source") or "control")
        desk.hearing.say(
            row, status, _time(fold, record), record.get("channel"), record.get("category"), source
        )


@control("import_opt_outs")
def _import_opt_outs(fold: Fold, record: dict[str, Any]) -> None:
    """`{opt_outs: [{email: ...} or an address, ...], channel?, category?, source?, at?}`: a list of
    people who said no elsewhere. People whom nobody has heard of are created, so that the no stands when
    they come.
    """
    rows = record.get("opt_outs") or []
    if not isinstance(rows, list) or len(rows) > OPT_OUT_IMPORT_ROWS_MAX:
        raise ControlError(
            f"opt-outs are a list of at most {OPT_OUT_IMPORT_ROWS_MAX}", fix="split it into several records"
        )
    found, unusable = [], 0
    for one in rows:
        person = one.get("person", one) if isinstance(one, dict) else one
        if isinstance(person, str) and "@" in person:
            person = {"email": person}
        row = listed_person(fold, person)
        unusable += not row
        found += [row] if row else []
    desk = _desk(fold)
    if desk is None or not _has(desk, record):
        return
    channel, category = record.get("channel"), record.get("category")
    te, source = _time(fold, record), str(record.get("source") or "import")
    for row in found:
        desk.hearing.opt_out(row, channel, category, te, source)
    told = {"channel": channel, "category": category, "source": source, "rows": len(rows)}
    fold.emit_about("opt_outs", source, {**told, "unusable": unusable})


@control("suppress")
def _suppress(fold: Fold, record: dict[str, Any]) -> None:
    """`{channel?, address, reason?}`, or `addresses` for many: nothing is sent there on the channel (or kind;
    none given: all that have addresses).
    """
    reason = _one_of({"reason": "manual", **record}, "reason", REASONS)
    addresses = _addresses(record) if "addresses" in record else [_address(record)]
    for desk, channel in _addressed(fold, record):
        for address in addresses:
            desk.hearing.suppress(channel, address, reason, _holder(fold, channel, address))


@control("unsuppress")
def _unsuppress(fold: Fold, record: dict[str, Any]) -> None:
    """`{channel?, address}`: messages may go to this address again."""
    address = _address(record)
    for desk, channel in _addressed(fold, record):
        desk.hearing.unsuppress(channel, address)


@control("channel")
def _channel(fold: Fold, record: dict[str, Any]) -> None:
    """`{name, on: true or false, resume?}`: switches a channel. With `resume: true` one that is on, and
    that the sender has paused, is tried again. `{name, on: true, held: WHY, said?}` switches nothing: it
    says that the sender holds up what nobody asked for, until the channel is resumed.
    """
    desk, name = _desk(fold), record.get("name")
    if not isinstance(name, str) or not isinstance(record.get("on"), bool):
        raise ControlError("a channel is switched by its `name`, to `on: true` or `on: false`")
    if desk is not None and _has(desk, {**record, "channel": name}):
        if isinstance(held := record.get("held"), str):
            on, said = name not in desk.channels.off, str(record.get("said") or "")
            if name in desk.channels.named:
                fold.emit_about("channel", name, {"on": on, "held": held, "said": said})
            return
        again = record["on"] and record.get("resume") is True and name not in desk.channels.off
        desk.switch(name, record["on"])
        if again and name in desk.channels.named:
            fold.emit_about("channel", name, {"on": True, "resumed": True})


def _desk(fold: Fold) -> Messages | None:
    """The desk; None in a workspace that has nothing to do with messages."""
    found = fold.journeys.services.get("messages") if fold.journeys is not None else None
    return found if isinstance(found, Messages) else None


def _has(desk: Messages, record: dict[str, Any]) -> bool:
    """Whether the workspace has the channel and the category of a record; effect `ignored` says if not."""
    channel, category = record.get("channel"), record.get("category")
    if channel is not None and not desk.channels.meant(channel):
        desk.fold.emit_about("ignored", str(record["op"]), {"channel": channel, "reason": "unknown"})
        return False
    if category is not None and category not in desk.consents.categories:
        desk.fold.emit_about("ignored", str(record["op"]), {"category": category, "reason": "unknown"})
        return False
    return True


def _one_of(record: dict[str, Any], field: str, known: Any) -> str:
    value = record.get(field)
    if value not in known:
        raise ControlError(f"unknown {field} `{value}`", fix=f"one of {', '.join(known)}")
    return str(value)


def _time(fold: Fold, record: dict[str, Any]) -> int:
    """When it happened: `at` (ISO 8601 or ms), never later than now; now without it."""
    at = parse_ms(record.get("at")) if record.get("at") is not None else None
    return fold.t if at is None else min(at, fold.t)


def _addressed(fold: Fold, record: dict[str, Any]) -> list[tuple[Messages, Channel]]:
    """The channels that a record about an address means, each with the desk."""
    desk = _desk(fold)
    if desk is None or not _has(desk, record):
        return []
    meant = desk.channels.meant(record.get("channel"))
    return [(desk, channel) for channel in meant if channel.address is not None]


def _address(record: dict[str, Any]) -> str:
    address = record.get("address")
    if not isinstance(address, str) or not address.strip():
        raise ControlError("the record has no address")
    return address


def _addresses(record: dict[str, Any]) -> list[str]:
    listed = record["addresses"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= OPT_OUT_IMPORT_ROWS_MAX:
        fix = "split it into several records"
        raise ControlError(f"`addresses` are a list of 1 to {OPT_OUT_IMPORT_ROWS_MAX}", fix=fix)
    return [_address({"address": one}) for one in listed]


def _holder(fold: Fold, channel: Channel, address: str) -> int:
    """The person who has the address, 0 when nobody we know does."""
    kind = channel.address or ""
    return find(fold, {kind: address}) if kind in fold.identity.prefix else 0
