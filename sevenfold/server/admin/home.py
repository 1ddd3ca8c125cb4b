"""The home page: what changed since yesterday, and why it matters; and the search over everything."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import get
from litestar.params import Parameter
from msgspec import Struct

from ...clock import stopwatch_ns
from ...errors import SevenfoldError
from ...limits import (
    HOME_KEPT_MS,
    HOME_LIFT_KEPT_MS,
    SEARCH_CHARS_MAX,
    SEARCH_ITEMS_MAX,
    SEARCH_S_MAX,
)
from ...workspace.base import ACCOUNT, PERSON
from ..console.kept import Kept, kept_of
from ..history import Moves, Trouble
from ..measures.line import asked
from .base import Asked, Caller
from .notes import notes_of
from .segments import ScoreCounts
from .subjects import Subject
from .tasks import OpenTask

DAY_MS: Final = 86_400_000
_MOVERS: Final = 8


class Points(Struct, kw_only=True):
    """A measure with its value (0 to 100) and the points of the score that it brings or costs."""

    measure: str
    value: float
    points: float


class Mover(Subject, kw_only=True):
    """Somebody whose score moved, with what costs it most points now (or brings most, for who rose);
    `worth` and `owner` of accounts, where traits say so.
    """

    value: float
    before: float
    change: float
    velocity: str | None
    worth: float | None
    owner: str | None
    because: list[Points]


class Movers(Struct, kw_only=True):
    """Whose score fell and rose most over a number of days; `known`: how many have both values."""

    score: str
    of: str
    days: int
    known: int
    down: list[Mover]
    up: list[Mover]


class Renewal(Subject, kw_only=True):
    """An account whose contract ends soon and is not sure to be renewed. `value` is its score, `change` over
    28 days, `forecast` what somebody put beside the computed `class`.
    """

    class_: Literal["likely_renew", "at_risk", "likely_churn", "unknown"] = msgspec.field(name="class")
    ends: int
    value: float | None
    change: float | None
    worth: float | None
    owner: str | None
    because: list[Points]
    forecast: str | None = None


class RenewalClass(Struct, kw_only=True):
    """How many accounts are in a class of the forecast, and what they pay."""

    accounts: int
    value: float


class Renewals(Struct, kw_only=True):
    """Contracts that end within 90 days; `known` is false where no trait says when they do."""

    known: bool
    classes: dict[str, RenewalClass]
    items: list[Renewal]
    score: str | None = None
    at_risk: int = 0


class TasksDue(Struct, kw_only=True):
    """Open tasks: how many, overdue, due within a day, of nobody; and those that are due first."""

    open: int
    overdue: int
    due: int
    unassigned: int
    items: list[OpenTask]


class JourneyLift(Struct, kw_only=True):
    """What a journey changed, by one metric, against its ghosts: `verdict` is more, less, same, unclear or
    too_few, `sentence` says it with figures.
    """

    journey: str
    metric: str
    verdict: str
    sentence: str
    n: int
    effect: float | None
    low: float | None
    high: float | None


class Lifts(Struct, kw_only=True):
    """The lift of every journey that has ghosts, as of `as_of` (ms UTC). `pending`: it is being worked out,
    ask again; `missing` says why it cannot be.
    """

    as_of: int | None
    pending: bool
    items: list[JourneyLift]
    missing: str | None = None


class Halted(Struct, kw_only=True):
    """A channel that stands still, or fails: `state` and the reason."""

    channel: str
    state: str
    reason: str


class Problems(Struct, kw_only=True):
    """What somebody should look at: messages that came to a bad end within a day, dropped events by reason,
    channels that stand still, journeys that wait, and messages of which nobody knows what became of them.
    """

    messages: list[Trouble]
    dead_letters: dict[str, int]
    channels: list[Halted]
    unresolved: int
    paused: list[str]
    service: list[str]


class Home(Struct, kw_only=True):
    """What changed, as of `as_of` (ms UTC): changes of stage over a day and over seven, how health is spread,
    whose moved most and why, what is to be done, which renewals are at risk, what journeys changed, and what
    is wrong.
    """

    as_of: int
    people: int
    accounts: int
    flow_day: list[Moves]
    flow_week: list[Moves]
    health: list[ScoreCounts]
    movers: list[Movers]
    tasks: TasksDue
    renewals: Renewals
    lift: Lifts
    problems: Problems


@get("/home", scope="read", tags=["console"], operation_id="get_home")
async def get_home(
    caller: Asked,
    owner: Annotated[
        str | None, Parameter(max_length=200, description="Tasks and renewals of this owner only.")
    ] = None,
) -> Home:
    """What changed since yesterday, and why it matters. Figures are at most a minute old."""
    kept, now = kept_of(caller.live), caller.services.clock.now()

    async def make() -> Home:
        return await _home(caller, now, owner)

    _, home = await kept.value(("home", owner), now, HOME_KEPT_MS, make)
    found: Home = msgspec.structs.replace(home, lift=_lifts(caller, kept, now))
    return found


async def _home(caller: Caller, now: int, owner: str | None) -> Home:
    history = caller.history
    day = await asyncio.to_thread(history.moves, now - DAY_MS)
    week = await asyncio.to_thread(history.moves, now - 7 * DAY_MS)
    subjects = await caller.ask("subjects")
    scores = {one["name"]: one for one in await caller.ask("scores")}
    main = await caller.ask("main_scores")
    movers = []
    for kind in (ACCOUNT, PERSON):
        for days in (1, 7):
            if kind in main:
                found = await caller.ask("movers", score=main[kind], days=days, limit=_MOVERS)
                movers.append(msgspec.convert({"score": main[kind], "days": days, **found}, Movers))
    renewals = await caller.ask("renewals", owner=owner)
    judged = notes_of(caller).standing([item["id"] for item in renewals["items"]], "forecast")
    for item in renewals["items"]:
        item["forecast"] = judged[item["id"]].value if item["id"] in judged else None
    return Home(
        as_of=now,
        people=subjects.get(PERSON, 0),
        accounts=subjects.get(ACCOUNT, 0),
        flow_day=day,
        flow_week=week,
        health=[msgspec.convert(scores[name], ScoreCounts) for name in main.values()],
        movers=movers,
        tasks=msgspec.convert(await caller.ask("tasks_due", owner=owner), TasksDue),
        renewals=msgspec.convert(renewals, Renewals),
        lift=Lifts(as_of=None, pending=True, items=[]),
        problems=await _problems(caller, now),
    )


async def _problems(caller: Caller, now: int) -> Problems:
    troubles = await asyncio.to_thread(caller.history.troubles, now - DAY_MS)
    status = await caller.live.status()
    unresolved = await asyncio.to_thread(lambda: caller.history.messages(status="unknown", limit=200).items)
    journeys = await caller.ask("journeys")
    channels = await caller.ask("channels")
    halted = [
        Halted(channel=one["name"], state="off", reason=str(one.get("reason") or ""))
        for one in channels
        if not one.get("on", True)
    ]
    delivery = status.get("delivery") or {}
    service = [text for text in (status.get("snapshot_error"), delivery.get("error")) if text]
    if int(status.get("fold_lag", 0)) > 100_000:
        service.append(f"the fold is {status['fold_lag']:,} records behind")
    return Problems(
        messages=troubles,
        dead_letters=dict(caller.services.log.dead_letter_counts()),
        channels=halted,
        unresolved=len(unresolved),
        paused=[one["name"] for one in journeys if one["state"] == "paused"],
        service=service,
    )


def _lifts(caller: Caller, kept: Kept, now: int) -> Lifts:
    """The lift as it was last worked out; it is worked out anew beside."""

    async def make() -> Lifts:
        try:
            fields = {"every": "journey", "metrics": ["goal"]}
            answer = await asked(caller.services.warehouse, {"analysis": "lift", "fields": fields})
        except SevenfoldError as error:
            return Lifts(as_of=now, pending=False, items=[], missing=error.message)
        return Lifts(as_of=now, pending=False, items=[lift_of(row) for row in answer["tables"]["effects"]])

    held = kept.soon("lift", now, HOME_LIFT_KEPT_MS, make)
    return Lifts(as_of=None, pending=True, items=[]) if held is None else held[1]


def lift_of(row: Mapping[str, Any]) -> JourneyLift:
    """A row of the table `effects` of the analysis `lift`."""
    return JourneyLift(
        journey=row["arm"],
        metric=row["metric"],
        verdict=row["verdict"],
        sentence=row["sentence"],
        n=int(row["n"]),
        effect=row["effect"],
        low=row["low"],
        high=row["high"],
    )


# ----------------------------------------------------------------------------------------------------
# searching

PAGES: Final = (
    ("Home", "/"),
    ("People", "/people"),
    ("Accounts", "/accounts"),
    ("Journeys", "/journeys"),
    ("Lifecycle and health", "/lifecycle"),
    ("Segments", "/segments"),
    ("Templates", "/templates"),
    ("Channels", "/channels"),
    ("Analyses", "/analyses"),
    ("Learning", "/learning"),
    ("Broadcasts", "/broadcasts"),
    ("Touchpoints", "/touchpoints"),
    ("Tasks", "/tasks"),
    ("Calendar", "/calendar"),
    ("Approvals", "/approvals"),
    ("Set-up", "/set-up"),
    ("Results", "/set-up/results"),
    ("Settings", "/settings"),
    ("Members", "/settings/members"),
    ("Audit log", "/settings/audit"),
)


class FoundSubject(Subject, kw_only=True):
    """A person or account that fits. `first`: an identifier or the name begins so, not a word in it."""

    first: bool


class FoundObject(Struct, kw_only=True):
    """An object of the workspace, or a page of the console, that fits."""

    kind: Literal["journey", "segment", "template", "score", "lifecycle", "broadcast", "page"]
    name: str
    title: str
    path: str


class SearchFound(Struct, kw_only=True):
    """What fits, the nearest first. `complete` is false when time ran out before everybody was looked at."""

    people: list[FoundSubject]
    accounts: list[FoundSubject]
    objects: list[FoundObject]
    complete: bool


@get("/search", scope="read", tags=["console"], operation_id="search_everything")
async def search_everything(
    caller: Asked,
    q: Annotated[
        str, Parameter(min_length=1, max_length=SEARCH_CHARS_MAX, description="The beginning of a word.")
    ],
    limit: Annotated[
        int, Parameter(ge=1, le=SEARCH_ITEMS_MAX, required=False, description="Items of each kind at most.")
    ] = 8,
) -> SearchFound:
    """People and accounts by identifier or name, objects of the workspace, pages: whatever has a word that
    begins so.
    """
    text, began = q.strip(), stopwatch_ns()
    found: dict[str, dict[str, Any]] = {PERSON: {}, ACCOUNT: {}}
    complete = True
    if len(text) >= 2:
        for kind in (PERSON, ACCOUNT):
            for question in ("find_identifiers", "find_names"):
                after: int | None = 0
                while after is not None and not _enough(found[kind], limit):
                    page = await caller.ask(question, of=kind, text=text, limit=limit, after=after)
                    for one in page["items"]:
                        held = found[kind].setdefault(one["id"], one)
                        held["first"] = held["first"] or one["first"]
                    after = page["next"]
                    if (stopwatch_ns() - began) / 1e9 > SEARCH_S_MAX:
                        complete = after is None and complete
                        break
    shown = {
        kind: sorted(held.values(), key=lambda one: not one["first"])[:limit] for kind, held in found.items()
    }
    return SearchFound(
        people=msgspec.convert(shown[PERSON], list[FoundSubject]),
        accounts=msgspec.convert(shown[ACCOUNT], list[FoundSubject]),
        objects=_objects(caller, text.lower())[: 4 * limit] if text else [],
        complete=complete,
    )


def _enough(found: dict[str, Any], limit: int) -> bool:
    """Whether looking on would hardly show anybody who is meant more."""
    return sum(one["first"] for one in found.values()) >= limit or len(found) >= 3 * limit


def _objects(caller: Caller, text: str) -> list[FoundObject]:
    workspace = caller.live.workspace
    kinds: list[tuple[Any, str, Mapping[str, Any]]] = [
        ("journey", "/journeys/", workspace.journeys),
        ("segment", "/segments/", workspace.segments),
        ("template", "/templates/", workspace.templates),
        ("score", "/lifecycle/scores/", workspace.scores),
        ("lifecycle", "/lifecycle/", workspace.lifecycles),
        ("broadcast", "/broadcasts/", workspace.broadcasts),
    ]
    found: list[tuple[int, FoundObject]] = []
    for title, path in PAGES:
        place = _place(text, title)
        if place is not None:
            found.append((place, FoundObject(kind="page", name=path, title=title, path=path)))
    for kind, base, objects in kinds:
        for name, model in objects.items():
            title = getattr(model, "title", "") or name
            places = [one for one in (_place(text, name), _place(text, title)) if one is not None]
            if places:
                found.append((min(places), FoundObject(kind=kind, name=name, title=title, path=base + name)))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def _place(text: str, inside: str) -> int | None:
    """0: it begins so, 1: a word in it does, None: neither."""
    words = inside.lower().replace("_", " ").replace("-", " ")
    if words.startswith(text) or inside.lower().startswith(text):
        return 0
    return 1 if f" {text}" in words else None


HANDLERS = [get_home, search_everything]
