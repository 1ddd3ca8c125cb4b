"""Notes, calls, and judgements about people and accounts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, Parameter
from msgspec import UNSET, Meta, Struct, UnsetType

from ...limits import JUDGEMENT_CHARS_MAX, NOTE_CHARS_MAX
from ...workspace.base import ACCOUNT, PERSON
from ..console.notes import Judgement, NoteKept, Notes
from ..errors import ForbiddenError
from ..history import Page
from ..members import includes
from .base import PAGE, Asked, Caller, Id, Limit, Older

Text = Annotated[str, Meta(min_length=1, max_length=NOTE_CHARS_MAX)]
Reason = Annotated[str, Meta(max_length=JUDGEMENT_CHARS_MAX)]
Number = Annotated[int, Parameter(ge=1, le=2**53, description="The note's id.")]
Pulse = Literal["green", "yellow", "red"]
Forecast = Literal["likely_renew", "at_risk", "likely_churn"]


class Call(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is known of a call: when (ms UTC), how long, and how it ended."""

    at: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    minutes: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    outcome: Annotated[str, Meta(max_length=200)] | None = None


class NoteWritten(Struct, kw_only=True, forbid_unknown_fields=True):
    """A note, or with `call` a call."""

    text: Text
    call: Call | None = None


class NoteChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """Another text, and what else is known of a call."""

    text: Text
    call: Call | UnsetType = UNSET


class PulseSet(Struct, kw_only=True, forbid_unknown_fields=True):
    """How an account is doing, in the eyes of who looks after it; null takes it back."""

    value: Pulse | None
    reason: Reason = ""


class ForecastSet(Struct, kw_only=True, forbid_unknown_fields=True):
    """What an account will decide, in the eyes of who looks after it; null takes it back."""

    value: Forecast | None
    reason: Reason = ""


class Judgements(Struct, kw_only=True):
    """What stands beside the computed values of an account, and everything that was thought before, the
    latest first.
    """

    pulse: Judgement | None
    forecast: Judgement | None
    history: list[Judgement]


def notes_of(caller: Caller) -> Notes:
    """The notes of the service."""
    return Notes(caller.services.keys.store, caller.services.clock)


def _named(caller: Caller, found: Any) -> Any:
    """Notes or judgements with their authors' names."""
    names = caller.members.names() | {one.id: one.name for one in caller.services.keys.list("api")}
    for one in found:
        one.author = names.get(one.by)
    return found


async def _subject(caller: Caller, of: str, id: str) -> str:  # noqa: A002
    """The id of who they are now. Raises QuestionError."""
    found: str = (await caller.ask("profile", of=of, id=id))["id"]
    return found


def _routes(of: str, plural: str) -> list[HTTPRouteHandler]:
    base, tags = f"/{plural}/{{id:str}}/notes", [plural]

    @get(base, scope="read", tags=tags, operation_id=f"list_{of}_notes", summary="Notes and calls about them")
    async def list_notes(caller: Asked, id: Id, before: Older = None, limit: Limit = PAGE) -> Page[NoteKept]:  # noqa: A002
        """Notes and calls, newest first; also those about whoever became them."""
        subject = await _subject(caller, of, id)
        subjects = caller.history.subjects_of(subject)
        found = notes_of(caller).of(subjects, before=before, limit=limit + 1)
        more = len(found) > limit
        return Page(_named(caller, found[:limit]), found[limit - 1].id if more else None)

    @post(
        base,
        scope="write",
        once=True,
        status_code=201,
        tags=tags,
        operation_id=f"add_{of}_note",
        summary="Write a note about them",
    )
    async def add_note(caller: Asked, id: Id, data: JSONBody[NoteWritten]) -> NoteKept:  # noqa: A002
        """A note, or a call. It changes nothing of what is computed."""
        subject = await _subject(caller, of, id)
        kind = "note" if data.call is None else "call"
        detail = {} if data.call is None else msgspec.to_builtins(data.call)
        found = notes_of(caller).add(subject, kind, data.text, detail, caller.key.id)
        caller.note("note.add", subject, note=found.id, kind=kind)
        (shown,) = _named(caller, [found])
        return msgspec.convert(shown, NoteKept)

    return [list_notes, add_note]


def _own(caller: Caller, note: NoteKept) -> None:
    """Raises ForbiddenError for a note of somebody else, unless an admin asks."""
    admin = caller.key.scope == "admin" if caller.member is None else includes(caller.member.role, "admin")
    if note.by != caller.key.id and not admin:
        raise ForbiddenError("this note is somebody else's", fix="write one of your own")


@patch("/notes/{number:int}", scope="write", tags=["notes"], operation_id="change_note")
async def change_note(caller: Asked, number: Number, data: JSONBody[NoteChange]) -> NoteKept:
    """Another text of one's own note."""
    notes = notes_of(caller)
    _own(caller, notes.get(number))
    detail = None if isinstance(data.call, UnsetType) else msgspec.to_builtins(data.call)
    found = notes.change(number, data.text, detail)
    caller.note("note.change", found.subject, note=number)
    (shown,) = _named(caller, [found])
    return msgspec.convert(shown, NoteKept)


@delete("/notes/{number:int}", scope="write", status_code=200, tags=["notes"], operation_id="remove_note")
async def remove_note(caller: Asked, number: Number) -> NoteKept:
    """One's own note goes; gives it once more."""
    notes = notes_of(caller)
    _own(caller, notes.get(number))
    found = notes.remove(number)
    caller.note("note.remove", found.subject, note=number)
    return found


@get("/accounts/{id:str}/judgements", scope="read", tags=["accounts"], operation_id="get_judgements")
async def get_judgements(caller: Asked, id: Id) -> Judgements:  # noqa: A002
    """Pulse and forecast that somebody put beside the computed health and class, with their history."""
    return _judgements(caller, await _subject(caller, ACCOUNT, id))


def _judgements(caller: Caller, subject: str) -> Judgements:
    found: list[Judgement] = _named(caller, notes_of(caller).judgements(subject))
    latest: dict[str, Judgement] = {}
    for one in found:
        latest.setdefault(one.kind, one)
    standing = {kind: one for kind, one in latest.items() if one.value is not None}
    return Judgements(pulse=standing.get("pulse"), forecast=standing.get("forecast"), history=found)


@put("/accounts/{id:str}/pulse", scope="write", status_code=200, tags=["accounts"], operation_id="set_pulse")
async def set_pulse(caller: Asked, id: Id, data: JSONBody[PulseSet]) -> Judgements:  # noqa: A002
    """How an account is doing, in the eyes of who looks after it; the computed health stays as it is."""
    return await _judge(caller, id, "pulse", data.value, data.reason)


@put(
    "/accounts/{id:str}/forecast",
    scope="write",
    status_code=200,
    tags=["accounts"],
    operation_id="set_forecast",
)
async def set_forecast(caller: Asked, id: Id, data: JSONBody[ForecastSet]) -> Judgements:  # noqa: A002
    """What an account will decide, in the eyes of who looks after it; the computed class stays as it is."""
    return await _judge(caller, id, "forecast", data.value, data.reason)


async def _judge(caller: Caller, id: str, kind: str, value: str | None, reason: str) -> Judgements:  # noqa: A002
    subject = await _subject(caller, ACCOUNT, id)
    notes_of(caller).judge(subject, kind, value, reason, caller.key.id)
    caller.note(f"account.{kind}", subject, value=value)
    return _judgements(caller, subject)


HANDLERS = [
    *_routes(PERSON, "people"),
    *_routes(ACCOUNT, "accounts"),
    change_note,
    remove_note,
    get_judgements,
    set_pulse,
    set_forecast,
]
