"""Journeys: state and counts, versions, what publishing would do, and people inside."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import JSONBody, Parameter
from msgspec import UNSET, Meta, Struct, UnsetType

from ...journeys.plan import Journey
from ...journeys.versions import changes
from ..history import Page, Run
from ..questions import QuestionError
from . import building
from .base import PAGE, After, Asked, Done, Items, Limit, Newer, Older, Person, done
from .publications import Published, plan_of, published
from .segments import Name

Duration = Annotated[str, Meta(min_length=2, max_length=20, pattern=r"^[0-9]+[a-z]+$", examples=["2h"])]


class Paused(Struct, kw_only=True):
    """A journey stands still since `since` (ms UTC); `waiting` entries are queued."""

    since: int
    clock: str
    entries: str
    finish: bool
    waiting: int


class JourneyShown(Struct, kw_only=True):
    """A journey: `state` is published, paused, shadow or archived; `version` takes new runs, `running`
    are inside.
    """

    name: str
    title: str
    description: str
    of: str
    state: str
    version: int
    running: int
    steps: int
    pause: Paused | None = None


class VersionShown(Struct, kw_only=True):
    """A version that is known, with how many runs stand at each step."""

    version: int
    runs: int
    standing: dict[str, int]


class JourneyFull(JourneyShown, kw_only=True):
    """A journey with the plan of one version, and why entries were refused, by reason."""

    plan: dict[str, Any]
    plan_version: int
    versions: list[VersionShown]
    refused: dict[str, int]


class RunNow(Struct, kw_only=True):
    """Somebody inside a journey: at which step since when, and when the step's time is over (`due`, null:
    it waits for something else). Times ms UTC.
    """

    id: str
    number: int
    journey: str
    version: int
    of: str
    subject: str
    key: str | None
    ghost: bool
    started: int
    step: str
    visit: int
    since: int
    due: int | None


class Pause(Struct, kw_only=True, forbid_unknown_fields=True):
    """`clock`: whether timers stand still (`freeze`) or run; `entries` are queued or dropped; `finish`:
    those inside go on.
    """

    clock: Literal["freeze", "run"] = "freeze"
    entries: Literal["queue", "drop"] = "queue"
    finish: bool = False


class Resume(Struct, kw_only=True, forbid_unknown_fields=True):
    """`spread`: over how long runs that are overdue are released."""

    spread: Duration | UnsetType = UNSET


class Start(Struct, kw_only=True, forbid_unknown_fields=True):
    """Puts somebody into a journey with the trigger `api`: a `person`, or by its key an `account` or
    `entity`.
    """

    person: Person | UnsetType = UNSET
    account: str | UnsetType = UNSET
    entity: str | UnsetType = UNSET
    key: str | UnsetType = UNSET
    properties: dict[str, Any] = {}


class Difference(Struct, kw_only=True):
    """What leads from one version to another."""

    before: int
    after: int
    changes: list[dict[str, Any]]


Version = Annotated[int, Parameter(ge=1, le=2**31, description="A version that is known.")]

# ---------------------------------------------------------------------------------------------------- reading


@get("/journeys", scope="read", tags=["journeys"], operation_id="list_journeys")
async def list_journeys(caller: Asked) -> list[JourneyShown]:
    """Every journey with its state and how many are inside, in written order."""
    return msgspec.convert(await caller.ask("journeys"), list[JourneyShown])


@get("/journeys/{name:str}", scope="read", tags=["journeys"], operation_id="get_journey")
async def get_journey(
    caller: Asked,
    name: Name,
    version: Annotated[
        int | None, Parameter(ge=1, le=2**31, description="Whose plan to show; the newest when not given.")
    ] = None,
) -> JourneyFull:
    """One journey with the plan of a version, and where people stand."""
    return msgspec.convert(await of_version(caller, name, version), JourneyFull)


async def of_version(caller: Asked, name: str, version: int | None) -> dict[str, Any]:
    """A journey with the plan of any version: of one that nobody is in any more from the history."""
    try:
        found: dict[str, Any] = await caller.ask("journey", name=name, version=version)
    except QuestionError as error:
        if error.where != "version" or version is None:
            raise
        plan = await asyncio.to_thread(plan_of, caller.history, name, version)
        if plan is None:
            raise
        found = {**await caller.ask("journey", name=name), "plan": plan, "plan_version": version}
    return found


@get("/journeys/{name:str}/versions", scope="read", tags=["journeys"], operation_id="list_journey_versions")
async def journey_versions(caller: Asked, name: Name) -> list[Published]:
    """Every version that was ever put in force, the newest first."""
    await caller.ask("journey", name=name)
    return await asyncio.to_thread(published, caller.history, name)


@get("/journeys/{name:str}/diff", scope="read", tags=["journeys"], operation_id="diff_journey")
async def diff_journey(caller: Asked, name: Name, before: Version, after: Version) -> Difference:
    """What is different between two versions, in words."""
    old = await of_version(caller, name, before)
    new = await of_version(caller, name, after)
    found = changes(msgspec.convert(old["plan"], Journey), msgspec.convert(new["plan"], Journey))
    return Difference(before=before, after=after, changes=[one.to_json() for one in found])


@get("/journeys/{name:str}/runs", scope="read", tags=["journeys"], operation_id="list_journey_runs")
async def journey_runs(
    caller: Asked,
    name: Name,
    step: Annotated[str | None, Parameter(description="Only those at this step.")] = None,
    limit: Limit = PAGE,
    after: After = 0,
) -> Items[RunNow]:
    """Who is inside now, in order of entering, with their step and when it is due."""
    found = await caller.ask("runs", journey=name, step=step, limit=limit, after=after)
    return msgspec.convert(found, Items[RunNow])


@get("/journeys/{name:str}/history", scope="read", tags=["journeys"], operation_id="list_journey_history")
async def journey_history(
    caller: Asked,
    name: Name,
    active: Annotated[bool | None, Parameter(description="Only active, or only ended runs.")] = None,
    before: Older = None,
    after: Newer = None,
    limit: Limit = PAGE,
) -> Page[Run]:
    """Every run there was, with how it ended; newest first unless `after` is given."""
    await caller.ask("journey", name=name)
    found: Page[Run] = caller.history.runs(
        journey=name, active=active, before=before, after=after, limit=limit
    )
    return found


@get("/runs/{id:str}", scope="read", tags=["journeys"], operation_id="get_run")
async def get_run(
    caller: Asked,
    id: Annotated[str, Parameter(min_length=1, max_length=64, description="The run's id.")],  # noqa: A002
) -> Run:
    """One run, as far as it has come."""
    found: Run | None = caller.history.run(id)
    if found is None:
        raise QuestionError("there is no run with this id", where="id")
    return found


# --------------------------------------------------------------------------------------------------- changing


@post(
    "/journeys/{name:str}/pause",
    scope="write",
    role="publisher",
    once=True,
    status_code=200,
    tags=["journeys"],
    operation_id="pause_journey",
)
async def pause_journey(caller: Asked, name: Name, data: JSONBody[Pause]) -> Done:
    """A journey stands still: nobody enters, and nobody inside moves (unless `finish`)."""
    record = {"op": "pause", "journey": name, **msgspec.to_builtins(data)}
    return done(await caller.tell("journey.pause", name, record))


@post(
    "/journeys/{name:str}/resume",
    scope="write",
    role="publisher",
    once=True,
    status_code=200,
    tags=["journeys"],
    operation_id="resume_journey",
)
async def resume_journey(caller: Asked, name: Name, data: JSONBody[Resume]) -> Done:
    """A paused journey goes on."""
    record = {"op": "resume", "journey": name, **msgspec.to_builtins(data)}
    return done(await caller.tell("journey.resume", name, record))


@post(
    "/journeys/{name:str}/archive",
    scope="write",
    role="publisher",
    once=True,
    status_code=200,
    tags=["journeys"],
    operation_id="archive_journey",
)
async def archive_journey(caller: Asked, name: Name) -> Done:
    """Nobody enters any more, and whoever is inside leaves."""
    return done(await caller.tell("journey.archive", name, {"op": "archive", "journey": name}))


@post(
    "/journeys/{name:str}/start",
    scope="write",
    once=True,
    status_code=200,
    tags=["journeys"],
    operation_id="start_run",
)
async def start_run(caller: Asked, name: Name, data: JSONBody[Start]) -> Done:
    """Puts somebody into a journey that has the trigger `api`, if its rules allow it; else the effect
    `refused` says why not.
    """
    record: dict[str, Any] = {"op": "start", "journey": name, "properties": data.properties}
    models = caller.live.workspace.journeys
    if data.person is not UNSET:
        record["person"] = data.person.named()
    if data.account is not UNSET:
        record["account"] = data.account
    if data.entity is not UNSET and name in models:
        record[models[name].of] = data.entity
    if data.key is not UNSET:
        record["key"] = data.key
    return done(await caller.tell("journey.start", name, record))


HANDLERS = [
    *building.HANDLERS,
    list_journeys,
    get_journey,
    journey_versions,
    diff_journey,
    journey_runs,
    journey_history,
    get_run,
    pause_journey,
    resume_journey,
    archive_journey,
    start_run,
]
