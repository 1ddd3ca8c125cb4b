"""Publishing journeys: drafts, what is wrong with a plan, what a publish would do, the publish itself,
and back.
"""

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
from ...limits import PREVIEW_S_MAX
from ...workspace.checking import check_journey
from ...workspace.models import Workspace
from ...workspace.problems import WorkspaceError
from ..errors import ConflictError, InvalidError
from ..live import UnavailableError
from ..questions import QuestionError
from .approvals import approvals_of, approved
from .base import Asked, Done, done
from .drafts import Draft, Drafts
from .journeys import of_version
from .segments import Name

_LOOKS_PER_S = 20
Choice = Literal["finish", "migrate", "migrate_keep", "exit"]


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


# ---------------------------------------------------------------------------------------- drafts and checking


def model_of(plan: dict[str, Any]) -> Journey:
    """A plan as the journey that it is. Raises InvalidError."""
    try:
        return msgspec.convert(plan, Journey)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        inside = place.rstrip("`").lstrip(".")
        raise InvalidError(text, where=f"plan.{inside}" if inside else "plan") from error


def _problems(workspace: Workspace, name: str, plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that is wrong with a plan, its shape first."""
    try:
        model = model_of(plan)
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


def plan_or_draft(caller: Asked, name: str, plan: dict[str, Any] | None) -> dict[str, Any]:
    """A plan, or else that of the draft. Raises QuestionError."""
    return _draft(caller, name).plan if plan is None else plan


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
    model_of(data.plan)
    compared = await caller.ask("comparison", name=name, plan=data.plan)
    wrong = any(problem["severity"] == "error" for problem in problems)
    trial = None if wrong else await _trial(caller, name, data.plan, days)
    return msgspec.convert({**compared, "problems": problems, "trial": trial}, Prospect)


# --------------------------------------------------------------------------------------------------- changing


@post(
    "/journeys/{name:str}/publish",
    scope="write",
    role="publisher",
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
    role="publisher",
    once=True,
    status_code=200,
    tags=["journeys"],
    operation_id="roll_back_journey",
)
async def roll_back_journey(caller: Asked, name: Name, data: JSONBody[Rollback]) -> Done:
    """Publishes an older version again."""
    held = await of_version(caller, name, data.version)
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
    model = model_of(plan)
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
    approval = approved(caller, "journey", name, model)
    record = {
        "op": "publish",
        "journey": name,
        "plan": msgspec.to_builtins(model),
        "choices": data.choices,
        "unchanged": data.unchanged,
        "enter": data.enter,
    }
    if approval is not None:
        detail["approval"] = approval.id
    told = await caller.tell(action, name, record, choices=data.choices, enter=data.enter, **detail)
    if approval is not None:
        approvals_of(caller).published(approval.id)
    if isinstance(data, Publish) and data.plan is UNSET:
        _drafts(caller).remove(name)
    return done(told)


HANDLERS = [
    list_drafts,
    get_draft,
    put_draft,
    delete_draft,
    check_plan,
    preview_journey,
    publish_journey,
    roll_back_journey,
]
