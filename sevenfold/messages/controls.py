"""Control records about messages: outcomes, consent, addresses to leave alone, channels switched on and
off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.controls import ControlError, control, find, listed_person
from ..events.times import parse_ms
from ..journeys.telling import tell_all
from ..limits import OPT_OUT_IMPORT_ROWS_MAX
from .channels import Channel
from .consent import CODES as STATUSES
from .desk import Messages
from .outcomes import OUTCOMES
from .suppression import REASONS

if TYPE_CHECKING:
    from ..engine.fold import Fold


@control("outcome")
def _outcome(fold: Fold, record: dict[str, Any]) -> None:
    """`{effect, outcome, at?, reason?, permanent?, machine?}`: what became of a message or a call."""
    outcome = _one_of(record, "outcome", OUTCOMES)
    reason = record.get("reason")
    _desk(fold).hearing.outcome(
        str(record.get("effect")),
        outcome,
        _time(fold, record),
        reason=str(reason) if reason is not None else None,
        permanent=record.get("permanent") is True,
        machine=record.get("machine") is True,
    )


@control("consent")
def _consent(fold: Fold, record: dict[str, Any]) -> None:
    """`{person: {user_id: ...}, channel?, category?, status, source?, at?}`: somebody said something. A
    person whom nobody has heard of is created.
    """
    desk, status = _desk(fold), _one_of(record, "status", STATUSES)
    channel, category = _channel_name(desk, record), _category(desk, record)
    row = listed_person(fold, record.get("person"))
    if not row:
        raise ControlError(
            "the record does not say who", fix="`person: {user_id: ...}` or another identifier"
        )
    te = _time(fold, record)
    desk.hearing.say(row, status, te, channel, category, str(record.get("source") or "control"))


@control("import_opt_outs")
def _import_opt_outs(fold: Fold, record: dict[str, Any]) -> None:
    """`{opt_outs: [{email: ...} or an address, ...], channel?, category?, source?, at?}`: a list of
    people who said no elsewhere. People whom nobody has heard of are created, so that the no stands when
    they come.
    """
    desk = _desk(fold)
    rows = record.get("opt_outs") or []
    if not isinstance(rows, list) or len(rows) > OPT_OUT_IMPORT_ROWS_MAX:
        raise ControlError(
            f"opt-outs are a list of at most {OPT_OUT_IMPORT_ROWS_MAX}", fix="split it into several records"
        )
    channel, category, te = _channel_name(desk, record), _category(desk, record), _time(fold, record)
    source = str(record.get("source") or "import")
    unusable = 0
    for one in rows:
        person = one.get("person", one) if isinstance(one, dict) else one
        if isinstance(person, str) and "@" in person:
            person = {"email": person}
        row = listed_person(fold, person)
        if row:
            desk.hearing.opt_out(row, channel, category, te, source)
        else:
            unusable += 1
    data = {
        "channel": channel,
        "category": category,
        "source": source,
        "rows": len(rows),
        "unusable": unusable,
    }
    tell_all(fold, "opt_outs", source, data)


@control("suppress")
def _suppress(fold: Fold, record: dict[str, Any]) -> None:
    """`{channel?, address, reason?}`: nothing is sent to this address on the channel (or kind; none given:
    all that have addresses).
    """
    desk, reason = _desk(fold), _one_of({"reason": "manual", **record}, "reason", REASONS)
    for channel in _addressed(desk, record):
        desk.hearing.suppress(channel, _address(record), reason, _holder(fold, channel, _address(record)))


@control("unsuppress")
def _unsuppress(fold: Fold, record: dict[str, Any]) -> None:
    """`{channel?, address}`: messages may go to this address again."""
    desk = _desk(fold)
    for channel in _addressed(desk, record):
        desk.hearing.unsuppress(channel, _address(record))


@control("channel")
def _channel(fold: Fold, record: dict[str, Any]) -> None:
    """`{name, on: true or false}`: switches a channel."""
    desk, name = _desk(fold), str(record.get("name"))
    if name not in desk.channels.named:
        raise ControlError(f"unknown channel `{name}`", fix=f"one of {', '.join(desk.channels.named)}")
    desk.switch(name, record.get("on") is not False)


def _desk(fold: Fold) -> Messages:
    found = fold.journeys.services.get("messages") if fold.journeys is not None else None
    if not isinstance(found, Messages):
        raise ControlError("the workspace has no journeys, so nothing is known about messages")
    return found


def _one_of(record: dict[str, Any], field: str, known: Any) -> str:
    value = record.get(field)
    if value not in known:
        raise ControlError(f"unknown {field} `{value}`", fix=f"one of {', '.join(known)}")
    return str(value)


def _time(fold: Fold, record: dict[str, Any]) -> int:
    """When it happened: `at` (ISO 8601 or ms), never later than now; now without it."""
    at = parse_ms(record.get("at")) if record.get("at") is not None else None
    return fold.t if at is None else min(at, fold.t)


def _channel_name(desk: Messages, record: dict[str, Any]) -> str | None:
    name = record.get("channel")
    if name is not None and not desk.channels.meant(str(name)):
        raise ControlError(f"unknown channel `{name}`", fix=f"one of {', '.join(desk.channels.named)}")
    return None if name is None else str(name)


def _category(desk: Messages, record: dict[str, Any]) -> str | None:
    category = record.get("category")
    if category is not None and category not in desk.consents.categories:
        known = ", ".join(filter(None, desk.consents.categories))
        raise ControlError(f"unknown category `{category}`", fix=f"one of {known}")
    return category


def _addressed(desk: Messages, record: dict[str, Any]) -> list[Channel]:
    """The channels that a record about an address means."""
    name = _channel_name(desk, record)
    return [channel for channel in desk.channels.meant(name) if channel.address is not None]


def _address(record: dict[str, Any]) -> str:
    address = record.get("address")
    if not isinstance(address, str) or not address.strip():
        raise ControlError("the record has no address")
    return address


def _holder(fold: Fold, channel: Channel, address: str) -> int:
    """The person who has the address, 0 when nobody we know does."""
    kind = channel.address or ""
    return find(fold, {kind: address}) if kind in fold.identity.prefix else 0
