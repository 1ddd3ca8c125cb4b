"""Long work: back-tests of journeys, how far they are, and their cancelling."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post
from litestar.params import JSONBody, Parameter
from msgspec import Meta, Struct

from ...workspace.checking import check_journey
from ...workspace.models import Workspace
from ...workspace.problems import WorkspaceError
from ..console.jobs import Job, Jobs, jobs_of
from ..errors import InvalidError
from .base import Asked, Caller
from .publishing import model_of
from .segments import Name

JobId = Annotated[str, Parameter(min_length=1, max_length=64, description="The job's id (`job_...`).")]


class BacktestAsked(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is back-tested: a `plan` (the draft's, say), compared with the version in force when `compare`;
    runs that begin before `since` (ms UTC) are left out. Without a plan the version in force alone.
    """

    plan: dict[str, Any] | None = None
    compare: bool = True
    since: Annotated[int, Meta(ge=0, le=2**53)] | None = None


def _jobs(caller: Caller) -> Jobs:
    return jobs_of(caller.live, caller.services.clock)


@get("/jobs", scope="read", tags=["jobs"], operation_id="list_jobs")
async def list_jobs(caller: Asked) -> list[Job]:
    """Long work that is under way or was done since the service started, the newest first; results are left
    out.
    """
    return [msgspec.structs.replace(one, result=None) for one in _jobs(caller).list()]


@get("/jobs/{id:str}", scope="read", tags=["jobs"], operation_id="get_job")
async def get_job(caller: Asked, id: JobId) -> Job:  # noqa: A002 - as in the path
    """How far a job is, and what came of it."""
    return _jobs(caller).get(id)


@delete("/jobs/{id:str}", scope="read", status_code=200, tags=["jobs"], operation_id="cancel_job")
async def cancel_job(caller: Asked, id: JobId) -> Job:  # noqa: A002
    """Cancels a job; one that is over stays as it is."""
    job = _jobs(caller).cancel(id)
    caller.note("job.cancel", id, kind=job.kind, name=job.name)
    return job


@post(
    "/journeys/{name:str}/backtest",
    scope="read",
    status_code=202,
    tags=["journeys"],
    operation_id="backtest_journey",
)
async def backtest_journey(caller: Asked, name: Name, data: JSONBody[BacktestAsked]) -> Job:
    """Runs a journey over everything that was recorded, in a process of its own: who would have entered, what
    they would have got, and what another version does differently to the same people. Nothing is sent. The
    job's result has `versions` (the one in force first), each with its `summary`, and `differences`.
    """
    workspace = caller.live.workspace
    versions: list[Workspace] = []
    if data.plan is None or (data.compare and name in workspace.journeys):
        if name not in workspace.journeys:
            raise InvalidError("no such journey is in force", where="plan", fix="give a plan")
        versions.append(_live(workspace, name, msgspec.to_builtins(workspace.journeys[name])))
    if data.plan is not None:
        versions.append(_live(workspace, name, data.plan))
        found = await asyncio.to_thread(check_journey, versions[-1], name)
        if errors := [one for one in found if one.severity == "error"]:
            raise WorkspaceError(errors, where=name)
    log = caller.services.log
    asked = {
        "kind": "backtest",
        "workspace": versions[0],
        "other": versions[1] if len(versions) > 1 else None,
        "journey": name,
        "log_folder": str(caller.services.settings.data_folder / "log"),
        "positions": log.next_position,
        "until": log.last_time,
        "since": data.since,
    }
    job = _jobs(caller).start("backtest", name, caller.key.id, asked)
    caller.note("journey.backtest", name, job=job.id)
    return job


def _live(workspace: Workspace, name: str, plan: dict[str, Any]) -> Workspace:
    """The workspace with a plan as if it were in force."""
    model = model_of({**plan, "state": "published"})
    return msgspec.structs.replace(workspace, journeys={**workspace.journeys, name: model})


HANDLERS = [list_jobs, get_job, cancel_job, backtest_journey]
