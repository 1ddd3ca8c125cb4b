"""People and accounts: found, shown, explained, and everything that happened to them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from msgspec import Struct

from ...report.decisions import line
from ...workspace.base import ACCOUNT, PERSON
from ..errors import InvalidError
from ..history import Message, Numbered, Page, RawEvent, Run, Task
from .base import PAGE, After, Asked, Id, Items, Limit, Newer, Older

_DECIDED = ("run", "refused", "message", "held", "deferred", "would_send", "step", "wait", "goal", "ended")
"""What journeys decide about somebody."""


class Subject(Struct, kw_only=True):
    """Somebody in a list; `name` by the usual traits (`name`, `first_name`, `company` ...)."""

    id: str
    of: str
    identifiers: dict[str, list[str]]
    stages: dict[str, str | None]
    bands: dict[str, str | None]
    name: str | None = None


class Joined(Struct, kw_only=True):
    """An account that somebody belongs to."""

    id: str
    key: str
    role: str | None


class Profile(Struct, kw_only=True, omit_defaults=True):
    """Somebody as they stand at `time` (ms UTC): everything that is known. `pending` names signals whose
    past is still being worked out; they are unknown until then. Durations are ms.
    """

    id: str
    of: str
    time: int
    identifiers: dict[str, list[str]]
    traits: dict[str, Any]
    signals: dict[str, Any]
    segments: list[str]
    stages: dict[str, str | None]
    scores: dict[str, Any]
    bands: dict[str, str | None]
    predictions: dict[str, Any]
    """By name: `value` (a probability, an amount, or a date in ms UTC), `as_of` ms, `version` of the model;
    all null where it is unknown.
    """
    pending: list[str]
    accounts: list[Joined] | None = None
    """Of people."""
    members: int | None = None
    """Of accounts: how many people."""


class AccountMember(Subject, kw_only=True):
    """A person of an account."""

    role: str | None


class Found(Struct):
    """The id behind an identifier."""

    id: str


class Moment(Struct, kw_only=True):
    """Something that happened, with a sentence where there is one."""

    number: int
    time: int
    kind: str
    of: str
    subject: str
    name: str
    data: dict[str, Any]
    text: str | None = None
    why: str | None = None


class Why(Struct, kw_only=True, omit_defaults=True):
    """Why somebody stands where they stand: `now` is each condition with the value it sees at this
    moment, `last` the latest changes with what was seen then.
    """

    now: dict[str, Any]
    last: list[Moment]


def moments(page: Page[Numbered]) -> Page[Moment]:
    """Effects with words."""
    return Page([moment(one) for one in page.items], page.next)


def moment(one: Numbered) -> Moment:
    """An effect with words."""
    found = line(one.kind, one.name, one.data)
    text, why = (found[0].plain, found[1]) if found is not None else (None, None)
    return Moment(**msgspec.structs.asdict(one), text=text, why=why or None)


def routes(of: str, plural: str) -> list[HTTPRouteHandler]:
    """The routes of one kind of subject."""
    base = f"/{plural}"
    tags = [plural]

    @get(base, scope="read", tags=tags, operation_id=f"list_{plural}", summary=f"List {plural}")
    async def list_subjects(
        caller: Asked,
        prefix: Annotated[
            str | None, Parameter(min_length=1, max_length=200, description="Identifiers that begin so.")
        ] = None,
        segment: Annotated[str | None, Parameter(description="Members of this segment.")] = None,
        lifecycle: Annotated[str | None, Parameter(description="In this lifecycle, at `stage`.")] = None,
        stage: Annotated[str | None, Parameter(description="A stage of `lifecycle`.")] = None,
        score: Annotated[str | None, Parameter(description="In the `band` of this score.")] = None,
        band: Annotated[str | None, Parameter(description="A band of `score`.")] = None,
        owner: Annotated[
            str | None, Parameter(max_length=200, description="Looked after by (trait `owner` or `csm`).")
        ] = None,
        limit: Limit = PAGE,
        after: After = 0,
    ) -> Items[Subject]:
        """In the order in which they came to be; those that fit all that is given. `prefix` stands alone."""
        narrowed = {"segment": segment, "lifecycle": lifecycle, "stage": stage, "score": score, "band": band}
        narrowed["owner"] = owner
        given = {name: value for name, value in narrowed.items() if value is not None}
        if prefix is not None:
            if given:
                raise InvalidError(
                    "`prefix` stands alone", where="prefix", fix=f"leave out {next(iter(given))}"
                )
            found = await caller.pages("search", of=of, prefix=prefix, limit=limit, after=after)
        else:
            if (stage is not None and lifecycle is None) or ((score is None) != (band is None)):
                raise InvalidError("a stage goes with its lifecycle, a band with its score", where="stage")
            found = await caller.pages("listing", of=of, limit=limit, after=after, **given)
        return msgspec.convert(found, Items[Subject])

    @get(
        f"{base}/lookup",
        scope="read",
        tags=tags,
        operation_id=f"look_up_{of}",
        summary=f"Find the {of} of an identifier",
    )
    async def look_up(
        caller: Asked,
        value: Annotated[str, Parameter(min_length=1, max_length=512, description="The identifier.")],
        kind: Annotated[
            str | None, Parameter(description="Its kind, such as `email`; any when not given.")
        ] = None,
    ) -> Found:
        """The id of whoever has an identifier now."""
        return msgspec.convert(await caller.ask("lookup", of=of, value=value, kind=kind), Found)

    @get(
        f"{base}/{{id:str}}",
        scope="read",
        tags=tags,
        operation_id=f"get_{of}",
        summary=f"Show one of the {plural}",
    )
    async def show(caller: Asked, id: Id) -> Profile:  # noqa: A002 - as in the path
        """Identifiers, traits, signals, segments, stages, scores and predictions, now."""
        return msgspec.convert(await caller.ask("profile", of=of, id=id), Profile)

    @get(
        f"{base}/{{id:str}}/timeline",
        scope="read",
        tags=tags,
        operation_id=f"get_{of}_timeline",
        summary="What was decided about them",
    )
    async def timeline(
        caller: Asked,
        id: Id,  # noqa: A002
        kind: Annotated[list[str] | None, Parameter(description="Kinds of effects, such as `stage`.")] = None,
        before: Older = None,
        after: Newer = None,
        limit: Limit = PAGE,
    ) -> Page[Moment]:
        """Effects about them and whoever became them, from the history; newest first unless `after` is
        given.
        """
        await caller.ask("profile", of=of, id=id)
        found = caller.history.effects(subject=id, kind=kind, before=before, after=after, limit=limit)
        return moments(found)

    @get(
        f"{base}/{{id:str}}/why",
        scope="read",
        tags=tags,
        operation_id=f"why_{of}",
        summary="Why they stand where they stand",
    )
    async def why(
        caller: Asked,
        id: Id,  # noqa: A002
        segment: Annotated[str | None, Parameter(description="A segment: in or out?")] = None,
        lifecycle: Annotated[str | None, Parameter(description="A lifecycle: which stage?")] = None,
        score: Annotated[str | None, Parameter(description="A score: what it is made of.")] = None,
        journey: Annotated[str | None, Parameter(description="A journey: what it decided.")] = None,
        prediction: Annotated[
            str | None,
            Parameter(description="A prediction: its value, by which model, and who is asked about."),
        ] = None,
    ) -> Why:
        """Exactly one of segment, lifecycle, score, journey and prediction says what is asked about."""
        asked = {"segment": segment, "lifecycle": lifecycle, "score": score, "journey": journey}
        asked["prediction"] = prediction
        given = [name for name, value in asked.items() if value is not None]
        if len(given) != 1:
            raise InvalidError(
                "ask about one thing",
                where="segment",
                fix="one of segment, lifecycle, score, journey, prediction",
            )
        name = str(asked[given[0]])
        kinds = {
            "segment": ("entered", "left"),
            "lifecycle": ("stage",),
            "score": ("band", "jump", "velocity"),
            "journey": _DECIDED,
            "prediction": ("model",),
        }[given[0]]
        if journey is not None:
            found = await caller.ask("runs", of=of, id=id, journey=journey, limit=20)
            now: dict[str, Any] = {"journey": journey, "runs": found["items"]}
        else:
            of_it = {given[0]: name}
            now = await caller.ask("why", of=of, id=id, **of_it)
        page = caller.history.effects(subject=id, kind=kinds, limit=200)
        last = [moment(one) for one in page.items if one.name == name][:10]
        return Why(now=now, last=last)

    @get(
        f"{base}/{{id:str}}/messages",
        scope="read",
        tags=tags,
        operation_id=f"list_{of}_messages",
        summary="Messages decided for them",
    )
    async def messages(
        caller: Asked,
        id: Id,  # noqa: A002
        before: Older = None,
        after: Newer = None,
        limit: Limit = PAGE,
    ) -> Page[Message]:
        """Sent, held and deferred ones, newest first unless `after` is given."""
        await caller.ask("profile", of=of, id=id)
        found: Page[Message] = caller.history.messages(person=id, before=before, after=after, limit=limit)
        return found

    @get(
        f"{base}/{{id:str}}/runs",
        scope="read",
        tags=tags,
        operation_id=f"list_{of}_runs",
        summary="Their journeys",
    )
    async def runs(
        caller: Asked,
        id: Id,  # noqa: A002
        active: Annotated[bool | None, Parameter(description="Only active, or only ended ones.")] = None,
        before: Older = None,
        after: Newer = None,
        limit: Limit = PAGE,
    ) -> Page[Run]:
        """Every run, newest first unless `after` is given."""
        await caller.ask("profile", of=of, id=id)
        found: Page[Run] = caller.history.runs(
            subject=id, active=active, before=before, after=after, limit=limit
        )
        return found

    @get(
        f"{base}/{{id:str}}/tasks",
        scope="read",
        tags=tags,
        operation_id=f"list_{of}_tasks",
        summary="Tasks about them",
    )
    async def tasks(
        caller: Asked,
        id: Id,  # noqa: A002
        before: Older = None,
        after: Newer = None,
        limit: Limit = PAGE,
    ) -> Page[Task]:
        """Open and closed ones, newest first unless `after` is given."""
        await caller.ask("profile", of=of, id=id)
        found: Page[Task] = caller.history.tasks(subject=id, before=before, after=after, limit=limit)
        return found

    handlers: list[HTTPRouteHandler] = [list_subjects, look_up, show, timeline, why, runs, tasks]
    if of == PERSON:
        handlers += [messages]
    return handlers


@get("/people/{id:str}/events", scope="read", tags=["people"], operation_id="list_person_events")
async def person_events(
    caller: Asked,
    id: Id,  # noqa: A002
    before: Older = None,
    limit: Limit = PAGE,
) -> Page[RawEvent]:
    """The events of a person as they came in, newest first: those that carry one of their identifiers."""
    held = await caller.ask("profile", of=PERSON, id=id)
    found: Page[RawEvent] = caller.history.events_of(held["identifiers"], before=before, limit=limit)
    return found


@get("/accounts/{id:str}/members", scope="read", tags=["accounts"], operation_id="list_account_members")
async def account_members(
    caller: Asked,
    id: Id,  # noqa: A002
    limit: Limit = PAGE,
    after: After = 0,
) -> Items[AccountMember]:
    """The people of an account with their roles."""
    return msgspec.convert(await caller.ask("members", id=id, limit=limit, after=after), Items[AccountMember])


@get("/accounts/{id:str}/below", scope="read", tags=["accounts"], operation_id="list_accounts_below")
async def accounts_below(
    caller: Asked,
    id: Id,  # noqa: A002
    limit: Limit = PAGE,
    after: After = 0,
) -> Items[Subject]:
    """The accounts directly below one."""
    return msgspec.convert(await caller.ask("below", id=id, limit=limit, after=after), Items[Subject])


HANDLERS = [
    *routes(PERSON, "people"),
    person_events,
    *routes(ACCOUNT, "accounts"),
    account_members,
    accounts_below,
]
