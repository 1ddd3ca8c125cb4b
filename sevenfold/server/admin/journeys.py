"""Journeys: state and counts, versions, what publishing would do, and people inside."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from litestar import delete, get, post, put
from litestar.params import JSONBody, Parameter
from msgspec import UNSET, Meta, Struct, UnsetType

from ...engine.controls import ControlError
from ...journeys.plan import Journey
from ...journeys.versions import changes
from ...limits import PREVIEW_S_MAX
from ...workspace.checking import check_journey
from ...workspace.models import Workspace
from ...workspace.problems import WorkspaceError
from ..errors import ConflictError, InvalidError
from ..history import Page, Run
from ..live import UnavailableError
from ..questions import QuestionError
from .base import PAGE, After, Asked, Done, Items, Limit, Newer, Older, Person, done
from .drafts import Draft, Drafts
from .publications import Published, plan_of, published
from .segments import Name

_LOOKS_PER_S = 20
Choice = Literal["finish", "migrate", "migrate_keep", "exit"]
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


class Plan(Struct, kw_only=True, forbid_unknown_fields=True):
    """A plan as the workspace's YAML has it."""

    plan: dict[str, Any]


class DraftWritten(Struct, kw_only=True, forbid_unknown_fields=True):
    """A plan in the making; `revision` is that of the draft its author saw (null: there was none)."""

    plan: dict[str, Any]
    revision: int | None = None


class DraftKept(Struct, kw_only=True):
    """The draft, and everything that is wrong with it so far."""

    draft: Draft
    problems: list[dict[str, Any]]


class Standing(Struct, kw_only=True):
    """How many runs of a version stand at each step."""

    version: int
    steps: dict[str, int]


class Trial(Struct, kw_only=True):
    """What publishing does, tried out on a copy: who would enter now, and what they would get within
    `days`.
    """

    journey: str
    matching: int
    refused: dict[str, int]
    ghosts: int
    messages: dict[str, dict[str, int]]
    tasks: dict[str, int]
    days: int


class Prospect(Struct, kw_only=True):
    """What publishing a plan would do. `changes` in words; `choices` are the steps that ask for one, with
    how many runs stand there; `trial` is null where there are too many people to try it out; `problems`
    keep it from being published when their severity is `error`.
    """

    new: bool
    changes: list[dict[str, Any]]
    choices: dict[str, int]
    standing: list[Standing]
    problems: list[dict[str, Any]]
    trial: Trial | None = None


class Publish(Struct, kw_only=True, forbid_unknown_fields=True):
    """Publishing: `plan`, or else the draft. `choices` say for steps what becomes of people who stand
    there (`finish`: on the old version; `migrate`: to the step as if now; `migrate_keep`: keeping their
    time; `exit`; `{"to": step}`), `unchanged` for all the other steps; `enter`: whom it takes in.
    `expected` is the version its author saw in force: another one is refused.
    """

    plan: dict[str, Any] | UnsetType = UNSET
    choices: dict[str, Choice | dict[str, str]] = {}
    unchanged: Literal["finish", "migrate", "migrate_keep"] = "migrate_keep"
    enter: Literal["future", "now", "both"] = "future"
    expected: int | UnsetType = UNSET


class Rollback(Struct, kw_only=True, forbid_unknown_fields=True):
    """Going back to an older version is publishing it again, as a new one."""

    version: Annotated[int, Meta(ge=1)]
    choices: dict[str, Choice | dict[str, str]] = {}
    unchanged: Literal["finish", "migrate", "migrate_keep"] = "migrate_keep"
    enter: Literal["future", "now", "both"] = "future"


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
    return msgspec.convert(await _of_version(caller, name, version), JourneyFull)


async def _of_version(caller: Asked, name: str, version: int | None) -> dict[str, Any]:
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
    old = await _of_version(caller, name, before)
    new = await _of_version(caller, name, after)
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


# ---------------------------------------------------------------------------------------- drafts and checking


def _model(plan: dict[str, Any]) -> Journey:
    try:
        return msgspec.convert(plan, Journey)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        inside = place.rstrip("`").lstrip(".")
        raise InvalidError(text, where=f"plan.{inside}" if inside else "plan") from error


def _problems(workspace: Workspace, name: str, plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that is wrong with a plan, its shape first."""
    try:
        model = _model(plan)
    except InvalidError as error:
        shape = {"code": "wrong_shape", "severity": "error", "message": error.message, "field": error.where}
        return [shape]
    whole = msgspec.structs.replace(workspace, journeys={**workspace.journeys, name: model})
    return [dict(problem.to_json()) for problem in check_journey(whole, name)]


async def _checked(caller: Asked, name: str, plan: dict[str, Any]) -> list[dict[str, Any]]:
    """`_problems` in a thread: ingest is served by the same loop."""
    return await asyncio.to_thread(_problems, caller.live.workspace, name, plan)


async def _trial(caller: Asked, name: str, plan: dict[str, Any], days: int) -> dict[str, Any] | None:
    """What a copy of the fold says that a publish would do; it says so in a file when it is done."""
    with tempfile.TemporaryDirectory(prefix="sevenfold-") as folder:
        path = Path(folder) / "preview.json"
        begun = await caller.live.ask("preview", name=name, plan=plan, days=days, path=str(path))
        if not begun:
            return None
        for _ in range(PREVIEW_S_MAX * _LOOKS_PER_S):
            if path.exists():
                told: dict[str, Any] = msgspec.json.decode(path.read_bytes())
                if "error" in told:
                    raise ControlError(told["error"]["message"], fix=told["error"].get("fix", ""))
                return told
            await asyncio.sleep(1 / _LOOKS_PER_S)
    raise UnavailableError("trying it out takes too long", fix="ask for fewer days")


def _drafts(caller: Asked) -> Drafts:
    return Drafts(caller.services.keys.store, caller.services.clock)


def _draft(caller: Asked, name: str) -> Draft:
    found = _drafts(caller).get(name)
    if found is None:
        raise QuestionError(f"journey `{name}` has no draft", where="name", fix="write one first")
    return found


@get("/drafts", scope="read", tags=["journeys"], operation_id="list_drafts")
async def list_drafts(caller: Asked) -> list[Draft]:
    """Every draft."""
    return _drafts(caller).list()


@get("/drafts/{name:str}", scope="read", tags=["journeys"], operation_id="get_draft")
async def get_draft(caller: Asked, name: Name) -> DraftKept:
    """A draft with what is wrong with it under the workspace in force."""
    draft = _draft(caller, name)
    return DraftKept(draft=draft, problems=await _checked(caller, name, draft.plan))


@put("/drafts/{name:str}", scope="write", tags=["journeys"], operation_id="put_draft")
async def put_draft(caller: Asked, name: Name, data: JSONBody[DraftWritten]) -> DraftKept:
    """Writes a draft; what is wrong with it keeps nobody from writing it."""
    base = None
    if name in caller.live.workspace.journeys:
        base = (await caller.ask("journey", name=name))["version"]
    draft, _ = _drafts(caller).put(name, data.plan, base, caller.key.id, data.revision)
    caller.note("journey.draft", name, revision=draft.revision)
    return DraftKept(draft=draft, problems=await _checked(caller, name, data.plan))


@delete("/drafts/{name:str}", scope="write", status_code=204, tags=["journeys"], operation_id="delete_draft")
async def delete_draft(caller: Asked, name: Name) -> None:
    """Forgets a draft."""
    _draft(caller, name)
    _drafts(caller).remove(name)
    caller.note("journey.draft.delete", name)


@post(
    "/journeys/{name:str}/check",
    scope="read",
    status_code=200,
    tags=["journeys"],
    operation_id="check_journey",
)
async def check_plan(caller: Asked, name: Name, data: JSONBody[Plan]) -> list[dict[str, Any]]:
    """Everything that is wrong with a plan under the workspace in force. Changes nothing."""
    return await _checked(caller, name, data.plan)


@post(
    "/journeys/{name:str}/preview",
    scope="read",
    status_code=200,
    tags=["journeys"],
    operation_id="preview_journey",
)
async def preview_journey(
    caller: Asked,
    name: Name,
    data: JSONBody[Plan],
    days: Annotated[int, Parameter(ge=1, le=90, description="How far time is run forward.")] = 30,
) -> Prospect:
    """What publishing a plan would do: what is different, who stands where, who would enter, what they
    would get. Changes nothing.
    """
    problems = await _checked(caller, name, data.plan)
    _model(data.plan)
    compared = await caller.ask("comparison", name=name, plan=data.plan)
    wrong = any(problem["severity"] == "error" for problem in problems)
    trial = None if wrong else await _trial(caller, name, data.plan, days)
    return msgspec.convert({**compared, "problems": problems, "trial": trial}, Prospect)


# --------------------------------------------------------------------------------------------------- changing


@post(
    "/journeys/{name:str}/publish",
    scope="write",
    once=True,
    status_code=200,
    tags=["journeys"],
    operation_id="publish_journey",
)
async def publish_journey(caller: Asked, name: Name, data: JSONBody[Publish]) -> Done:
    """The next version of a journey, from a plan or its draft (which is then forgotten)."""
    plan = _draft(caller, name).plan if data.plan is UNSET else data.plan
    return await _publish(caller, "journey.publish", name, plan, data, data.expected)


@post(
    "/journeys/{name:str}/rollback",
    scope="write",
    once=True,
    status_code=200,
    tags=["journeys"],
    operation_id="roll_back_journey",
)
async def roll_back_journey(caller: Asked, name: Name, data: JSONBody[Rollback]) -> Done:
    """Publishes an older version again."""
    held = await _of_version(caller, name, data.version)
    return await _publish(caller, "journey.rollback", name, held["plan"], data, UNSET, version=data.version)


async def _publish(
    caller: Asked,
    action: str,
    name: str,
    plan: dict[str, Any],
    data: Publish | Rollback,
    expected: int | UnsetType,
    **detail: Any,
) -> Done:
    workspace = caller.live.workspace
    model = _model(plan)
    whole = msgspec.structs.replace(workspace, journeys={**workspace.journeys, name: model})
    found = await asyncio.to_thread(check_journey, whole, name)
    errors = [one for one in found if one.severity == "error"]
    if errors:
        caller.note(action, name, result=WorkspaceError.code)
        raise WorkspaceError(errors, where=name)
    if expected is not UNSET:
        known = name in workspace.journeys
        version = (await caller.ask("journey", name=name))["version"] if known else 0
        if version != expected:
            raise ConflictError(
                f"version {version} of `{name}` is in force, not {expected}",
                where="expected",
                fix="look at what changed, and publish again",
            )
    record = {
        "op": "publish",
        "journey": name,
        "plan": msgspec.to_builtins(model),
        "choices": data.choices,
        "unchanged": data.unchanged,
        "enter": data.enter,
    }
    told = await caller.tell(action, name, record, choices=data.choices, enter=data.enter, **detail)
    if isinstance(data, Publish) and data.plan is UNSET:
        _drafts(caller).remove(name)
    return done(told)


@post(
    "/journeys/{name:str}/pause",
    scope="write",
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
    list_journeys,
    get_journey,
    journey_versions,
    diff_journey,
    journey_runs,
    journey_history,
    get_run,
    list_drafts,
    get_draft,
    put_draft,
    delete_draft,
    check_plan,
    preview_journey,
    publish_journey,
    roll_back_journey,
    pause_journey,
    resume_journey,
    archive_journey,
    start_run,
]
