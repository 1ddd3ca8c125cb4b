"""Operation: health, readiness, metrics, status, dead letters."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, Parameter
from msgspec import Meta, Struct

from ...errors import SevenfoldError
from ...events.dedup import message_key
from ...events.model import event_decoder
from ...events.reasons import Note, Reason
from ...events.steps import Dropped, Intake
from ...limits import DEAD_LETTERS_REPLAYED_EVENTS_MAX
from ...log.base import DeadLetter, Entry, NewEvents
from ..errors import InvalidError
from ..metrics import CONTENT_TYPE, Metrics
from ..services import Services
from .base import PAGE, After, Asked, Limit


class Health(Struct):
    """The process answers."""

    status: str


class Ready(Struct, kw_only=True):
    """Whether events are taken and decided."""

    ready: bool


class Letter(Struct, kw_only=True):
    """An event that was dropped; `raw` as it came in."""

    id: int
    reason: str
    detail: str
    source: str
    received: int
    raw: str


class Letters(Struct, kw_only=True):
    """A page of dead letters, oldest first, and how many of each reason there are. `next` goes into
    `after`.
    """

    counts: dict[str, int]
    items: list[Letter]
    next: int | None = None


class Replay(Struct, kw_only=True, forbid_unknown_fields=True):
    """Dead letters to take again, by their ids."""

    ids: Annotated[list[int], Meta(min_length=1, max_length=DEAD_LETTERS_REPLAYED_EVENTS_MAX)]


class Replayed(Struct, kw_only=True):
    """What became of them: taken into the log, there already, or refused again (they stay), by reason."""

    taken: int
    duplicates: int
    refused: dict[str, int]
    missing: int


@get("/api/status", scope="read", tags=["operation"], operation_id="get_status")
async def get_status(caller: Asked) -> dict[str, Any]:
    """Positions, lags and sizes of the service."""
    return dict(await caller.live.status())


@get("/api/dead-letters", scope="admin", tags=["operation"], operation_id="list_dead_letters")
async def list_dead_letters(
    caller: Asked,
    reason: Annotated[str | None, Parameter(max_length=100, description="Dropped for this reason.")] = None,
    limit: Limit = PAGE,
    after: After = 0,
) -> Letters:
    """Events that were dropped, with the reason."""
    if reason is not None and reason not in {str(one) for one in Reason}:
        raise InvalidError(
            "there is no such reason", where="reason", fix=", ".join(str(one) for one in Reason)
        )
    log = caller.services.log
    found = log.dead_letters(after, limit + 1, reason)
    items = [_letter(one) for one in found[:limit]]
    following = items[-1].id if len(found) > limit else None
    return Letters(counts=log.dead_letter_counts(), items=items, next=following)


def _letter(one: DeadLetter) -> Letter:
    dropped = one.dropped
    return Letter(
        id=one.id,
        reason=str(dropped.reason),
        detail=dropped.detail,
        source=dropped.source,
        received=dropped.received,
        raw=dropped.raw.decode("utf-8", "replace"),
    )


@post(
    "/api/dead-letters/replay",
    scope="admin",
    once=True,
    status_code=200,
    tags=["operation"],
    operation_id="replay_dead_letters",
)
async def replay_dead_letters(caller: Asked, data: JSONBody[Replay]) -> Replayed:
    """Takes dropped events again, as they are: after a rule was changed they may be accepted now. What is
    taken leaves the list.
    """
    log, wanted = caller.services.log, sorted(set(data.ids))
    accept = Intake(event_decoder(None)).accept
    new, taken, refused = NewEvents([], []), [], dict[str, int]()
    for ident in wanted:
        for letter in log.dead_letters(ident - 1, 1):
            if letter.id != ident:
                continue
            dropped = letter.dropped
            event = accept(dropped.raw, dropped.received, dropped.source)
            if isinstance(event, Dropped):
                refused[str(event.reason)] = refused.get(str(event.reason), 0) + 1
                continue
            name: Any = event.message_id
            if event.notes & Note.MESSAGE_ID_MADE.value:
                name = f"{name}-dead-letter-{ident}"
            new.entries.append(Entry(dropped.source, dropped.received, dropped.raw))
            new.keys.append(message_key(dropped.source, name))
            taken.append(ident)
    duplicates = 0
    if taken:
        try:
            (receipt,) = await caller.live.append([new])
        except SevenfoldError as error:
            caller.note("dead_letters.replay", "dead letters", result=error.code, asked=len(wanted))
            raise
        duplicates = len(receipt.duplicates)
        log.remove_dead_letters(taken)
    caller.note("dead_letters.replay", "dead letters", asked=len(wanted), taken=len(taken))
    missing = len(wanted) - len(taken) - sum(refused.values())
    return Replayed(taken=len(taken) - duplicates, duplicates=duplicates, refused=refused, missing=missing)


@get("/health", scope="open", tags=["operation"], operation_id="get_health")
async def get_health() -> Health:
    """The process answers. It says nothing of the fold; see `/ready`."""
    return Health("ok")


def open_routes(services: Services, metrics: Metrics) -> list[Any]:
    """The routes that need no caller: readiness, and metrics as the settings say."""

    @get(
        "/ready",
        scope="open",
        tags=["operation"],
        operation_id="get_ready",
        responses={503: ResponseSpec(Ready, generate_examples=False, description="Not ready (yet).")},
    )
    async def get_ready() -> Response[Ready]:
        """Whether events are taken and decided; 503 while the service starts or a part of it is missing."""
        ready = bool((await services.live.status()).get("ready", True))
        return Response(Ready(ready=ready), status_code=200 if ready else 503)

    @get(
        "/metrics",
        scope="open" if services.settings.metrics_open else "read",
        tags=["operation"],
        operation_id="get_metrics",
        media_type=CONTENT_TYPE,
        responses={200: ResponseSpec(str, media_type="text/plain", generate_examples=False)},
    )
    async def get_metrics() -> Response[bytes]:
        """Figures for Prometheus. Needs a key unless the setting `metrics_open` says otherwise."""
        return Response(await metrics.text(), media_type=CONTENT_TYPE)

    return [get_ready, get_metrics]


HANDLERS = [get_status, list_dead_letters, replay_dead_letters]
