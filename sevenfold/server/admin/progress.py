"""How far the set-up is, as a plan with what is still missing; and what came of it after 30 or 60 days."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import get
from litestar.params import Parameter
from msgspec import Struct

from ...errors import SevenfoldError
from ...events.model import event_decoder
from ...limits import HOME_KEPT_MS, HOME_LIFT_KEPT_MS, SETUP_LOG_RECORDS_MAX
from ...log.base import Log
from ...setup.proposal import Proposal, propose
from ...setup.sample import Sample, Seen, sample_of
from ...workspace.models import Workspace
from ...workspace.phases import standings
from ..console.kept import kept_of
from ..history import Moves
from ..measures.line import asked
from .base import Asked, Caller
from .home import JourneyLift, lift_of

DAY_MS: Final = 86_400_000
_NAMES: Final = 500
_LIVE_STAGES: Final = 2


class FirstEvent(Struct, kw_only=True):
    """The first event that was taken: when (ms UTC), its name and the source it came from."""

    time: int
    name: str
    source: str


class EventName(Struct, kw_only=True):
    """An event that arrives: how often, whether the workspace listens to it, and what it could stand for."""

    name: str
    count: int
    used: bool
    could_be: str | None = None
    confidence: float | None = None
    why: str | None = None


class Missing(Struct, kw_only=True):
    """An event that the workspace listens to and that does not arrive, with what needs it."""

    name: str
    used_by: list[str]


class StageShown(Struct, kw_only=True):
    """Whether a stage can be reached on what arrives (covered, partly or missing), and how many are there."""

    lifecycle: str
    stage: str
    state: str
    missing: list[str]
    count: int


class PhaseShown(Struct, kw_only=True):
    """A phase of the plan: what is live of it, what waits, which events it lacks, which of its journeys
    nothing could start yet.
    """

    name: str
    title: str
    when: str
    goal: str
    is_live: bool
    live: list[str]
    waiting: list[str]
    missing: list[str]
    cannot_start: list[str]


class Todo(Struct, kw_only=True):
    """A step of the first run, and whether it is done."""

    step: Literal["write_key", "first_event", "pack", "mapping", "channel", "stages", "journey", "members"]
    done: bool


class SetupProgress(Struct, kw_only=True):
    """How far the set-up is, as of `as_of` (ms UTC). Names of events are those of the latest records, and of
    the whole warehouse where it is there (`whole`).
    """

    as_of: int
    pack: str
    title: str
    first_event: FirstEvent | None
    last_event: int | None
    events: int
    whole: bool
    names: list[EventName]
    missing: list[Missing]
    stages: list[StageShown]
    phases: list[PhaseShown]
    todo: list[Todo]


class WentLive(Struct, kw_only=True):
    """A version of a journey that was put in force."""

    journey: str
    title: str
    version: int
    time: int


class Results(Struct, kw_only=True):
    """What came of the last `days`: what went live, what changed against ghosts (`changed`: higher or lower
    for sure), what is not decided yet; changes of stage, messages, tasks by outcome. `pending`: lift is being
    worked out, ask again; `missing` says why it cannot be.
    """

    as_of: int
    days: int
    since: int
    went_live: list[WentLive]
    changed: list[JourneyLift]
    undecided: list[JourneyLift]
    pending: bool
    missing: str | None
    moves: list[Moves]
    messages: dict[str, int]
    tasks: dict[str, int]
    phases: list[PhaseShown]


# ------------------------------------------------------------------------------------------------ the set-up


@get("/setup/progress", scope="read", tags=["console"], operation_id="get_setup_progress")
async def get_setup_progress(caller: Asked) -> SetupProgress:
    """From the first event to two stages live: what is done, what arrives, what is still missing. At most a
    minute old.
    """
    now = caller.services.clock.now()

    async def make() -> SetupProgress:
        return await _progress(caller, now)

    _, found = await kept_of(caller.live).value("setup", now, HOME_KEPT_MS, make)
    shown: SetupProgress = found
    return shown


async def _progress(caller: Caller, now: int) -> SetupProgress:
    workspace, log = caller.live.workspace, caller.services.log
    first, last, sample = await asyncio.to_thread(_looked, log)
    whole = await _whole(caller, sample)
    proposal = await asyncio.to_thread(propose, workspace.name, workspace, sample)
    lifecycles = {one["name"]: one for one in await caller.ask("lifecycles")}
    counts = {
        (name, stage["name"]): stage["count"] for name, one in lifecycles.items() for stage in one["stages"]
    }
    stages = [
        StageShown(
            lifecycle=one.lifecycle,
            stage=one.stage,
            state=one.state,
            missing=list(one.missing),
            count=counts.get((one.lifecycle, one.stage), 0),
        )
        for one in proposal.stages
    ]
    return SetupProgress(
        as_of=now,
        pack=workspace.name,
        title=workspace.title or workspace.name,
        first_event=first,
        last_event=last,
        events=sum(one.count for one in sample.events.values()),
        whole=whole,
        names=_names(proposal, sample),
        missing=[Missing(name=one.name, used_by=one.users) for one in proposal.missing],
        stages=stages,
        phases=_phases(workspace, proposal),
        todo=_todo(caller, workspace, first, proposal, stages),
    )


def _looked(log: Log) -> tuple[FirstEvent | None, int | None, Sample]:
    """The first event of the log, when the last came, and the latest ones as a sample."""
    first: FirstEvent | None = None
    for record in log.read(0, SETUP_LOG_RECORDS_MAX):
        if record.kind == "events" and record.entries:
            entry = record.entries[0]
            first = FirstEvent(time=record.time, name=_name(entry.raw), source=entry.source)
            break
    last: int | None = None
    raws: list[bytes] = []
    start = max(0, log.next_position - SETUP_LOG_RECORDS_MAX)
    for record in log.read(start, SETUP_LOG_RECORDS_MAX):
        if record.kind == "events":
            last = record.time
            raws += [one.raw for one in record.entries]
    return first, last, sample_of(raws)


def _name(raw: bytes) -> str:
    try:
        event: Any = event_decoder(None).decode(raw)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return ""
    return str(getattr(event, "event", "") or getattr(event, "type", "") or "")


async def _whole(caller: Caller, sample: Sample) -> bool:
    """Adds what the warehouse knows of names; False where it is not there."""
    sql = "SELECT name, COUNT(*) AS events FROM events GROUP BY name ORDER BY events DESC LIMIT 500"
    try:
        answer = await asked(caller.services.warehouse, {"sql": sql, "rows": _NAMES})
    except SevenfoldError:
        return False
    for row in answer.get("rows", []):
        if row["name"]:
            seen = sample.events.setdefault(str(row["name"]), Seen())
            seen.count = max(seen.count, int(row["events"]))
    return True


def _names(proposal: Proposal, sample: Sample) -> list[EventName]:
    unused = set(proposal.unused)
    could = {one.given: one for one in (*proposal.matches, *proposal.uncertain)}
    found = []
    for name, seen in sorted(sample.events.items(), key=lambda item: -item[1].count)[:_NAMES]:
        match = could.get(name)
        found.append(
            EventName(
                name=name,
                count=seen.count,
                used=name not in unused and match is None,
                could_be=None if match is None else match.wanted,
                confidence=None if match is None else match.confidence,
                why=None if match is None else match.why,
            )
        )
    return found


def _phases(workspace: Workspace, proposal: Proposal) -> list[PhaseShown]:
    states = {one.name: one for one in proposal.phases}
    return [
        PhaseShown(
            name=one.name,
            title=one.phase.title,
            when=one.when,
            goal=one.phase.goal,
            is_live=one.is_live,
            live=list(one.live),
            waiting=list(one.waiting),
            missing=list(states[one.name].missing),
            cannot_start=list(states[one.name].cannot_start),
        )
        for one in standings(workspace)
    ]


def _todo(
    caller: Caller,
    workspace: Workspace,
    first: FirstEvent | None,
    proposal: Proposal,
    stages: list[StageShown],
) -> list[Todo]:
    reached = sum(1 for one in stages if one.state != "missing" and one.count)
    published = any(one.state == "published" for one in workspace.journeys.values())
    channels = any(one.provider is not None for one in workspace.channels.values())
    return [
        Todo(step="write_key", done=bool(caller.services.keys.list("write"))),
        Todo(step="first_event", done=first is not None),
        Todo(step="pack", done=bool(workspace.lifecycles)),
        Todo(step="mapping", done=first is not None and not proposal.matches and not proposal.uncertain),
        Todo(step="channel", done=channels),
        Todo(step="stages", done=reached >= _LIVE_STAGES),
        Todo(step="journey", done=published and first is not None),
        Todo(step="members", done=len(caller.members.list()) > 1),
    ]


# ---------------------------------------------------------------------------------------------------- results


@get("/results", scope="read", tags=["console"], operation_id="get_results")
async def get_results(
    caller: Asked,
    days: Annotated[int, Parameter(ge=1, le=365, required=False, description="Usually 30 or 60.")] = 30,
) -> Results:
    """What went live, what changed against ghosts, and what is undecided."""
    now = caller.services.clock.now()

    async def make() -> Results:
        return await _results(caller, now, days)

    kept = kept_of(caller.live)
    _, found = await kept.value(("results", days), now, HOME_KEPT_MS, make)
    since = found.since

    async def lifts() -> list[JourneyLift] | str:
        fields = {"every": "journey", "metrics": ["goal"], "since": _date(since)}
        try:
            answer = await asked(caller.services.warehouse, {"analysis": "lift", "fields": fields})
        except SevenfoldError as error:
            return error.message
        return [lift_of(row) for row in answer["tables"]["effects"]]

    held = kept.soon(("results lift", days), now, HOME_LIFT_KEPT_MS, lifts)
    told: Any = None if held is None else held[1]
    items = told if isinstance(told, list) else []
    sure = ("more", "less")
    shown: Results = msgspec.structs.replace(
        found,
        changed=[one for one in items if one.verdict in sure],
        undecided=[one for one in items if one.verdict not in sure],
        pending=held is None,
        missing=told if isinstance(told, str) else None,
    )
    return shown


async def _results(caller: Caller, now: int, days: int) -> Results:
    workspace, since = caller.live.workspace, now - days * DAY_MS
    history = caller.history
    went_live = []
    before: int | None = None
    while True:
        page = await asyncio.to_thread(history.effects, kind="published", before=before, limit=200)
        for one in page.items:
            model = workspace.journeys.get(one.name)
            if one.time >= since:
                title = model.title if model is not None and model.title else one.name
                version = int(one.data.get("version", 0))
                went_live.append(WentLive(journey=one.name, title=title, version=version, time=one.time))
        before = page.next
        if before is None or (page.items and page.items[-1].time < since):
            break
    counts = await asyncio.to_thread(
        history.counts, ["message", "outcome", "held", "task", "task_closed"], since
    )
    messages: dict[str, int] = {}
    tasks: dict[str, int] = {}
    for each in counts:
        if each.kind in ("message", "held"):
            messages[each.kind] = messages.get(each.kind, 0) + each.count
        elif each.kind == "outcome":
            messages[each.what] = messages.get(each.what, 0) + each.count
        else:
            name = "opened" if each.kind == "task" else each.what or "closed"
            tasks[name] = tasks.get(name, 0) + each.count
    proposal = await asyncio.to_thread(propose, workspace.name, workspace)
    return Results(
        as_of=now,
        days=days,
        since=since,
        went_live=went_live,
        changed=[],
        undecided=[],
        pending=True,
        missing=None,
        moves=await asyncio.to_thread(history.moves, since),
        messages=messages,
        tasks=tasks,
        phases=_phases(workspace, proposal),
    )


def _date(time: int) -> str:
    return datetime.fromtimestamp(time / 1_000, UTC).strftime("%Y-%m-%d")


HANDLERS = [get_setup_progress, get_results]
