"""Transactional messages: one message to one person because a program asks for it (a receipt, a password
reset).

Free of consent to marketing, guards, holdouts, arbitration, caps and quiet hours, in which it takes no
place either; not of suppression, for an address that bounced or complained is left alone whatever for. It
belongs to no journey: its effects bear the name `SEND`, which no journey can have, so that it is reported
apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..engine.controls import ControlError, control, listed_person
from ..journeys.serving import MessageNews, announce
from ..journeys.steps.message import DECIDED
from ..journeys.telling import stable_id
from ..limits import SEND_DATA_BYTES_MAX, TRANSACTIONAL_TTL_DEFAULT_MS, TRANSACTIONAL_TTL_MS_MAX
from ..profiles.expressions import ExpressionError, parse_duration
from ..workspace.problems import likely
from .cases import Candidate, Case, Verdict
from .desk import Messages
from .gates import delivery, reachability, suppression
from .ledger import Kind
from .outcomes import Owed

if TYPE_CHECKING:
    from ..engine.fold import Fold

SEND: Final = "$send"
"""The journey of messages that belong to none."""
STEP: Final = "send"
_GATES: Final = (suppression, reachability, delivery)
_PACK = msgspec.msgpack.Encoder().encode


def effect_of(key: str) -> str:
    """The id of the message that an idempotency key asks for: 16 hexadecimal digits."""
    return stable_id("send", key)


@control("send")
def _send(fold: Fold, record: dict[str, Any]) -> None:
    """`{key, template, person, data?, locale?, ttl?, known?}`: decides one message to a person, who is
    created when nobody has heard of them. `data` are the template's `event.` values. A `key` that was used
    for a message that is remembered (30 days after its outcome, of the latest 500,000), or that somebody with
    a longer memory says is `known`, changes nothing: effect `send_repeated`.
    """
    desk = _desk(fold)
    key, name = _text(record, "key"), _text(record, "template")
    template = fold.workspace.templates.get(name)
    if template is None:
        fix = likely(name, fold.workspace.templates) or "write it in the workspace first"
        raise ControlError(f"there is no template `{name}`", where="template", fix=fix)
    data, ttl_ms = _data(record), _ttl(record)
    effect = effect_of(key)
    if record.get("known") is True or desk.book.get(effect) is not None:
        fold.emit_about("send_repeated", SEND, {"effect": effect, "template": name})
        return
    row = listed_person(fold, record.get("person"))
    if not row:
        raise ControlError(
            "the record does not say who",
            where="person",
            fix="`person: {user_id: ...}` or another identifier",
        )
    case = _case(desk, name, row, fold.t + ttl_ms)
    verdict = next((found for gate in _GATES if (found := gate(case)) is not None), None)
    told: dict[str, Any] = {
        "effect": effect,
        "step": STEP,
        "recipient": fold.id_of(fold.person, row),
        "template": name,
        "channel": case.message.channel.name,
        "category": case.message.kind.category,
        "transactional": True,
    }
    if verdict is not None:
        _held(fold, row, told, verdict)
        return
    if data:
        told["event"] = data
    if isinstance(record.get("locale"), str):
        told["locale"] = record["locale"]
    _decide(fold, desk, case, told)


def _case(desk: Messages, name: str, row: int, deadline: int) -> Case:
    """What the gates look at: the person's addresses on the template's channel."""
    fold = desk.fold
    template = fold.workspace.templates[name]
    channel = desk.channels.of_template(template.channel)
    kind = Kind(SEND, STEP, name, channel.name, template.category, template.topic, template.intent, (), True)
    version = desk.pinned.version(name)
    message = Candidate(
        template=name,
        channel=channel,
        purpose=desk.consents.purpose(template.category, channel),
        kind=kind,
        version=version.digest if version is not None else "",
        transactional=True,
    )
    return Case(
        message=message,
        t=fold.t,
        deadline=deadline,
        row=row,
        addresses=desk.addresses(row, channel),
        suppressed=lambda address: desk.suppressions.holds(channel, address),
        off=channel.name in desk.channels.off,
    )


def _held(fold: Fold, row: int, told: dict[str, Any], verdict: Verdict) -> None:
    detail = {"detail": dict(verdict.detail)} if verdict.detail else {}
    fold.emit(fold.person, row, "held", SEND, {**told, "reason": verdict.reason, **detail})


def _decide(fold: Fold, desk: Messages, case: Case, told: dict[str, Any]) -> None:
    """The message is owed from now on."""
    row, message = case.row, case.message
    address = next((one for one in case.addresses if not case.suppressed(one)), None)
    told |= {"address": address, "version": message.version, "expires": case.deadline}
    if message.channel.leased:
        told["shown_until"] = case.deadline
    values = desk.pinned.values(message.template, row)
    if values:
        told["values"] = values
    if desk.overheard:
        about = (SEND, STEP, message.template, DECIDED, told["effect"])
        announce(desk.runtime, MessageNews(fold.person, row, *about, first=True))
    fold.emit(fold.person, row, "message", SEND, told)
    desk.book.add(
        Owed(
            effect=told["effect"],
            unit=0,
            row=row,
            # Nothing takes it back: it stands for a run of its own.
            run=told["effect"],
            slot=0,
            number=0,
            visit=1,
            code=desk.kinds.code(message.kind),
            t=fold.t,
            address=desk.suppressions.digest(address) if address is not None else 0,
            placed=False,
            leased=message.channel.leased,
            data=_PACK({"journey": SEND, "visit": 1, **told}),
        )
    )


def _desk(fold: Fold) -> Messages:
    found = fold.journeys.services.get("messages") if fold.journeys is not None else None
    if not isinstance(found, Messages):
        raise ControlError(
            "the workspace sends no messages", fix="write a template and a journey or broadcast that uses one"
        )
    return found


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str) or not value:
        raise ControlError(f"`{name}` is missing", where=name, fix=f"give `{name}` as a text")
    return value


def _data(record: dict[str, Any]) -> dict[str, Any]:
    data = record.get("data") or {}
    if not isinstance(data, dict) or len(_PACK(data)) > SEND_DATA_BYTES_MAX:
        raise ControlError(f"`data` is an object of at most {SEND_DATA_BYTES_MAX} bytes", where="data")
    return data


def _ttl(record: dict[str, Any]) -> int:
    if record.get("ttl") is None:
        return TRANSACTIONAL_TTL_DEFAULT_MS
    try:
        found = parse_duration(str(record["ttl"]))
    except ExpressionError as error:
        raise ControlError(
            f"`ttl` is no duration: {error.message}", where="ttl", fix="such as `2h`"
        ) from error
    if not 0 < found <= TRANSACTIONAL_TTL_MS_MAX:
        raise ControlError("`ttl` is too long", where="ttl", fix="at most `7d`")
    return found


__all__ = ["SEND", "effect_of"]
