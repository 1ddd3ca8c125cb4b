"""What the console looks at besides: a message as it was sent, a score day by day, and the packs to start
from.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final
from weakref import WeakKeyDictionary

import yaml
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from msgspec import Struct

from ...effects import Effect
from ...limits import SCORE_DAYS_SHOWN_MAX
from ...messages.rendered import Rendered
from ...workspace.base import ACCOUNT, PERSON
from ...workspace.models import Workspace
from ...workspace.packs import pack_names, pack_path
from ..live import Live
from ..measures.line import asked
from ..questions import QuestionError
from ..returning import Returning
from ..sender.items import of_effect
from ..sender.rendering import Renderer, Unready
from ..tracking.viewing import VERSIONS_FOLDER, KeptVersions
from .base import Asked, Caller, Id

_PIXEL: Final = re.compile(r'<img src="[^"]*/o/[^"/]+\.gif"[^>]*>')
_TEXTS: Final = frozenset({".yaml", ".yml", ".csv", ".liquid", ".mjml", ".html", ".txt", ".json"})
_renderers: WeakKeyDictionary[Live, tuple[Renderer, Workspace]] = WeakKeyDictionary()


class MessageRendered(Struct, kw_only=True):
    """A message rendered once more from what was decided: what its channel has of it. Links that act for its
    recipient lead nowhere here. `missing` says why it cannot be shown.
    """

    channel: str | None
    subject: str | None = None
    title: str | None = None
    preheader: str | None = None
    body: str | None = None
    html: str | None = None
    text: str | None = None
    buttons: list[str] = []
    missing: str | None = None


class ScoreDay(Struct, kw_only=True):
    """A score at the end of a day (`time`, ms UTC)."""

    time: int
    value: float | None
    band: str | None


class ScoreDays(Struct, kw_only=True):
    """The days of a score, the oldest first."""

    score: str
    days: list[ScoreDay]


class PackShown(Struct, kw_only=True):
    """A pack that ships with the service."""

    name: str
    title: str
    description: str


class PackFiles(PackShown, kw_only=True):
    """A pack with its files, as `/api/workspace/diff` and `/apply` take them."""

    files: dict[str, str]


@get("/messages/{effect:str}/rendered", scope="read", tags=["messages"], operation_id="render_message_again")
async def rendered(
    request: Request[Any, Any, Any],
    caller: Asked,
    effect: Annotated[str, Parameter(min_length=1, max_length=64, description="The message's id.")],
) -> MessageRendered:
    """A message as it looked to who was sent it, from the template's version and the values of then."""
    found = caller.history.message(effect)
    if found is None:
        raise QuestionError("there is no message with this id", where="effect")
    shown = Effect(found.time, "message", found.of, found.subject, found.journey, dict(found.data))
    item = of_effect(shown) if found.decision == "message" else None
    if item is None or found.template is None:
        return MessageRendered(channel=found.channel, missing="nothing was to be sent")
    base = (caller.services.settings.public_url or str(request.base_url)).rstrip("/")
    model = caller.live.workspace.channels.get(found.channel or "")
    made = _renderer(caller, base).outgoing(item, model.type if model is not None else "email")
    if isinstance(made, Unready):
        return MessageRendered(channel=found.channel, missing=made.detail or made.reason)
    return _shown(made.content, base, found.channel)


def _renderer(caller: Caller, base: str) -> Renderer:
    live, workspace = caller.live, caller.live.workspace
    held = _renderers.get(live)
    if held is None or held[1] is not workspace:
        folder = caller.services.settings.data_folder / VERSIONS_FOLDER
        renderer = Renderer(Returning.of(caller.services).tokens, KeptVersions(folder), base)
        renderer.take_over(workspace)
        held = _renderers[live] = (renderer, workspace)
    return held[0]


def _shown(content: Rendered, base: str, channel: str | None) -> MessageRendered:
    html = content.html
    if html is not None:
        html = re.sub(rf'href="{re.escape(base)}/[^"]*"', 'href="#"', _PIXEL.sub("", html))
    return MessageRendered(
        channel=channel,
        subject=content.subject,
        title=content.title,
        preheader=content.preheader,
        body=content.body,
        html=html,
        text=content.text,
        buttons=[one.label for one in content.buttons],
    )


def _score_days(of: str, plural: str) -> HTTPRouteHandler:
    @get(
        f"/{plural}/{{id:str}}/scores/{{score:str}}",
        scope="read",
        tags=[plural],
        operation_id=f"list_{of}_score_days",
        summary="A score of theirs day by day",
    )
    async def days(
        caller: Asked,
        id: Id,  # noqa: A002 - as in the path
        score: Annotated[str, Parameter(min_length=1, max_length=200, description="The score.")],
    ) -> ScoreDays:
        """The score at the end of each day that is over, by the warehouse."""
        held = await caller.ask("profile", of=of, id=id)
        if score not in held["scores"]:
            raise QuestionError(f"there is no score `{score}`", where="score", fix=", ".join(held["scores"]))
        number = int.from_bytes(bytes.fromhex(held["id"]), signed=True)
        # Both are known to be what they say: a number, and the name of a score of the workspace.
        sql = (
            f"SELECT time, value, band FROM scores WHERE of = '{of}' AND subject = {number}"  # noqa: S608
            f" AND score = '{score}' ORDER BY time DESC"
        )
        found = await asked(caller.services.warehouse, {"sql": sql, "rows": SCORE_DAYS_SHOWN_MAX})
        rows = [
            ScoreDay(time=int(row["time"]), value=row["value"], band=row["band"]) for row in found["rows"]
        ]
        return ScoreDays(score=score, days=rows[::-1])

    return days


@get("/packs", scope="read", tags=["workspace"], operation_id="list_packs", sync_to_thread=True)
def list_packs(caller: Asked) -> list[PackShown]:
    """The packs that ship with the service."""
    return [_pack(pack_path(name)) for name in pack_names()]


def _pack(folder: Path) -> PackShown:
    held = yaml.safe_load((folder / "workspace.yaml").read_text()) or {}
    return PackShown(
        name=folder.name, title=held.get("title", folder.name), description=held.get("description", "")
    )


@get("/packs/{name:str}", scope="read", tags=["workspace"], operation_id="get_pack", sync_to_thread=True)
def get_pack(
    caller: Asked,
    name: Annotated[str, Parameter(min_length=1, max_length=200, description="The pack.")],
) -> PackFiles:
    """A pack with its files."""
    if name not in pack_names():
        raise QuestionError(f"there is no pack `{name}`", where="name", fix=", ".join(pack_names()))
    folder = pack_path(name)
    shown = _pack(folder)
    files = {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in _TEXTS
    }
    return PackFiles(name=shown.name, title=shown.title, description=shown.description, files=files)


HANDLERS = [rendered, _score_days(PERSON, "people"), _score_days(ACCOUNT, "accounts"), list_packs, get_pack]
