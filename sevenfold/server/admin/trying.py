"""Test mode: a journey tried on one person, with time run forward, every decision with its reason."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from litestar import post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from ...journeys.plan import Journey
from ...limits import IDENTIFIER_CHARS_MAX, TRIAL_S_MAX
from ...playback.trying import Given
from ...workspace.checking import check_journey
from ...workspace.problems import WorkspaceError
from ..errors import InvalidError
from ..live import UnavailableError, error_of
from .base import Asked
from .segments import Name

_PROCESS = "sevenfold.server.trying"
Identifier = Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_CHARS_MAX)]


class Tried(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is tried: a `plan`, or what is in force; on the `person` of this identifier as they stand now, or
    on somebody made up with `traits` who agreed to the `consents` (categories, or `all`). `event` with
    `properties` sets it off (default: the journey's own first event, else it is started by hand); messages
    of the templates in `failing` are taken to fail. `at`: when somebody made up comes (ms UTC).
    """

    plan: dict[str, Any] | None = None
    person: Identifier | None = None
    event: Identifier | None = None
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    consents: list[str] = []
    account: Identifier | None = None
    at: int | None = None
    failing: list[str] = []


class Decided(Struct, kw_only=True):
    """One decision, with why in its data. Time ms UTC, in the trial's own time."""

    time: int
    kind: str
    name: str
    data: dict[str, Any]


class TrialShown(Struct, kw_only=True):
    """What came of it: who it was, when it `began` and ended, what set it off (null: by hand), why nobody
    entered if so, and every decision (`left_out`: so many more).
    """

    who: str
    began: int
    ended: int
    event: dict[str, Any] | None
    refused: str | None
    effects: list[Decided]
    left_out: int


@post(
    "/journeys/{name:str}/try", scope="read", status_code=200, tags=["journeys"], operation_id="try_journey"
)
async def try_journey(caller: Asked, name: Name, data: JSONBody[Tried]) -> TrialShown:
    """Tries a journey on one person. Nothing is sent, and nothing changes."""
    workspace = caller.live.workspace
    if data.plan is not None:
        try:
            # A journey that is paused, a draft or a shadow is tried as if it were in force.
            model = msgspec.convert({**data.plan, "state": "published"}, Journey)
        except msgspec.ValidationError as error:
            raise InvalidError(str(error), where="plan") from error
        workspace = msgspec.structs.replace(workspace, journeys={**workspace.journeys, name: model})
        found = await asyncio.to_thread(check_journey, workspace, name)
        if errors := [one for one in found if one.severity == "error"]:
            raise WorkspaceError(errors, where=name)
    given = Given(
        event=data.event,
        properties=data.properties,
        traits=data.traits,
        consents=data.consents,
        account=data.account,
        at=data.at if data.person is None else None,
    )
    asked = {
        "workspace": workspace,
        "journey": name,
        "given": given,
        "person": data.person,
        "log_folder": str(caller.services.settings.data_folder / "log"),
        "failing": data.failing,
    }
    told = await _asked(await asyncio.to_thread(msgspec.json.encode, asked))
    if "error" in told:
        raise error_of(TrialRefusedError, told["error"])
    return msgspec.convert(told, TrialShown)


class TrialRefusedError(InvalidError):
    """It cannot be tried in this way."""


async def _asked(question: bytes) -> dict[str, Any]:
    """What the process that tries it out answers. Raises UnavailableError when it takes too long."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _PROCESS, stdin=pipe, stdout=pipe, start_new_session=True
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(question), TRIAL_S_MAX)
        answer: dict[str, Any] = msgspec.json.decode(said)
    except (TimeoutError, msgspec.DecodeError) as error:
        raise UnavailableError(
            "trying it out takes too long", fix="try somebody with less history"
        ) from error
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return answer


HANDLERS = [try_journey]
