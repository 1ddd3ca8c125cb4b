"""The definition in force: shown, exported, checked, compared, replaced.

What takes long is done in a thread: ingest is served by the same loop.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
import zipfile
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from ...limits import API_BODY_LARGE_BYTES_MAX, WORKSPACE_FILES_MAX
from ...workspace.checking import check
from ...workspace.comparing import diff
from ...workspace.exporting import export
from ...workspace.loading import examine
from ...workspace.models import Workspace
from ...workspace.problems import WorkspaceError
from ..errors import ConflictError, InvalidError
from .base import Asked, Caller, Done
from .publishing import Choice


class Definition(Struct, kw_only=True):
    """The definition in force. `version` is a digest of it: a change is refused when it is based on
    another.
    """

    name: str
    version: str
    workspace: dict[str, Any]


class Files(Struct, kw_only=True, forbid_unknown_fields=True):
    """A workspace as its files (`{"signals.yaml": "...", ...}`), or whole as JSON."""

    files: dict[str, str] | UnsetType = UNSET
    workspace: dict[str, Any] | UnsetType = UNSET


class Apply(Files, kw_only=True, forbid_unknown_fields=True):
    """A workspace to put in force. `choices`: journey -> step -> what becomes of people there; `enter`:
    journey -> whom its new version takes in; `expected`: the `version` that its author saw in force.
    """

    choices: dict[str, dict[str, Choice | dict[str, str]]] = {}
    enter: dict[str, Literal["future", "now", "both"]] = {}
    expected: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET


class Checked(Struct, kw_only=True):
    """Everything that is wrong or doubtful."""

    ok: bool
    problems: list[dict[str, Any]]


class FieldDiffers(Struct, kw_only=True):
    """One field, before and after."""

    field: str
    before: Any
    after: Any


class ObjectDiffers(Struct, kw_only=True):
    """One object of a workspace that differs; `prose`: in words only."""

    action: str
    section: str
    name: str
    prose: bool
    fields: list[FieldDiffers]


class JourneyDiffers(Struct, kw_only=True):
    """A journey whose people in flight need a choice: how many stand at each such step."""

    journey: str
    choices: dict[str, int]


class Compared(Struct, kw_only=True):
    """What putting a workspace in force would change, and which journeys ask for choices."""

    version: str
    changes: list[ObjectDiffers]
    journeys: list[JourneyDiffers]
    problems: list[dict[str, Any]]


def version_of(workspace: Workspace) -> str:
    """A digest of a definition."""
    return blake2b(msgspec.json.encode(workspace), digest_size=8).hexdigest()


def read(data: Files) -> tuple[Workspace, list[Any]]:
    """The workspace of a request with everything that is wrong with it. Raises InvalidError when it is
    none.
    """
    if isinstance(data.files, UnsetType) == isinstance(data.workspace, UnsetType):
        raise InvalidError("give either `files` or `workspace`", where="files")
    if not isinstance(data.workspace, UnsetType):
        try:
            model = msgspec.convert(data.workspace, Workspace, str_keys=True)
        except msgspec.ValidationError as error:
            text, _, place = str(error).partition(" - at `$")
            raise InvalidError(text, where="workspace" + place.rstrip("`")) from error
        return model, list(check(model))
    files = data.files
    assert not isinstance(files, UnsetType)
    if len(files) > WORKSPACE_FILES_MAX:
        raise InvalidError(f"a workspace has at most {WORKSPACE_FILES_MAX} files", where="files")
    with tempfile.TemporaryDirectory(prefix="sevenfold-") as scratch:
        folder = Path(scratch) / "workspace"
        folder.mkdir()
        for name, text in files.items():
            inside = PurePosixPath(name)
            if (
                inside.is_absolute()
                or ".." in inside.parts
                or "\\" in name
                or "\0" in name
                or not inside.parts
            ):
                raise InvalidError("a file lies inside the workspace's folder", where="files")
            path = folder / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        found = examine(folder)
        # Where it was looked at says nothing to whoever sent it.
        above = f"{folder.as_posix()}/"
        problems = [replace(one, file=one.file.removeprefix(above)) for one in found.problems]
    return found.workspace, problems


def _usable(data: Files) -> Workspace:
    model, problems = read(data)
    errors = [one for one in problems if one.severity == "error"]
    if errors:
        raise WorkspaceError(errors)
    return model


@get("/workspace", scope="read", tags=["workspace"], operation_id="get_workspace")
async def get_workspace(caller: Asked) -> Definition:
    """The definition in force. Secrets are references in it, as everywhere."""
    workspace = caller.live.workspace
    shown = msgspec.json.decode(msgspec.json.encode(workspace))
    return Definition(name=workspace.name, version=version_of(workspace), workspace=shown)


@get(
    "/workspace/export",
    scope="read",
    tags=["workspace"],
    operation_id="export_workspace",
    media_type="application/zip",
    responses={200: ResponseSpec(bytes, media_type="application/zip", generate_examples=False)},
)
async def export_workspace(caller: Asked) -> Response[bytes]:
    """The definition in force as a folder of YAML files, in a zip."""
    workspace = caller.live.workspace
    name = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "-" for one in workspace.name)
    headers = {"content-disposition": f'attachment; filename="{name}.zip"'}
    packed = await asyncio.to_thread(_packed, workspace)
    return Response(packed, media_type="application/zip", headers=headers)


def _packed(workspace: Workspace) -> bytes:
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="sevenfold-") as scratch:
        folder = Path(scratch) / "workspace"
        files = export(workspace, folder)
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files:
                # The time of a file is no part of it: equal definitions give equal bytes.
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


@post(
    "/workspace/check",
    scope="read",
    status_code=200,
    tags=["workspace"],
    operation_id="check_workspace",
    request_max_body_size=API_BODY_LARGE_BYTES_MAX,
)
async def check_workspace(data: JSONBody[Files]) -> Checked:
    """Everything that is wrong or doubtful in a workspace, with file and line. Changes nothing."""
    _, problems = await asyncio.to_thread(read, data)
    errors = any(one.severity == "error" for one in problems)
    return Checked(ok=not errors, problems=[dict(one.to_json()) for one in problems])


@post(
    "/workspace/diff",
    scope="read",
    status_code=200,
    tags=["workspace"],
    operation_id="diff_workspace",
    request_max_body_size=API_BODY_LARGE_BYTES_MAX,
)
async def diff_workspace(caller: Asked, data: JSONBody[Files]) -> Compared:
    """What putting a workspace in force would change, and whom. Changes nothing."""
    model, problems = await asyncio.to_thread(read, data)
    return await compared(caller, model, problems)


async def compared(caller: Caller, model: Workspace, problems: list[Any]) -> Compared:
    """What putting a workspace in force would change, and whom."""
    workspace = caller.live.workspace
    asking = []
    for name, journey in model.journeys.items():
        if name in workspace.journeys and journey != workspace.journeys[name]:
            plan = msgspec.to_builtins(journey)
            differs = await caller.ask("comparison", name=name, plan=plan)
            if differs["choices"]:
                asking.append(JourneyDiffers(journey=name, choices=differs["choices"]))
    return Compared(
        version=version_of(workspace),
        changes=[_differs(one) for one in await asyncio.to_thread(diff, workspace, model)],
        journeys=asking,
        problems=[dict(one.to_json()) for one in problems],
    )


def _differs(one: Any) -> ObjectDiffers:
    plain = msgspec.to_builtins
    fields = [
        FieldDiffers(field=each.field, before=plain(each.before), after=plain(each.after))
        for each in one.fields
    ]
    return ObjectDiffers(
        action=one.action, section=one.section, name=one.name, prose=one.prose, fields=fields
    )


@post(
    "/workspace/apply",
    scope="admin",
    role="publisher",
    once=True,
    status_code=200,
    tags=["workspace"],
    operation_id="apply_workspace",
    request_max_body_size=API_BODY_LARGE_BYTES_MAX,
)
async def apply_workspace(caller: Asked, data: JSONBody[Apply]) -> Done:
    """Puts a workspace in force, without anybody losing what they had: what keeps its name and meaning
    keeps its state, and changed journeys are published as their choices say.
    """
    model = await asyncio.to_thread(_usable, data)
    version = version_of(caller.live.workspace)
    if not isinstance(data.expected, UnsetType) and data.expected != version:
        raise ConflictError(
            "the workspace in force has changed meanwhile", where="expected", fix="compare again"
        )
    from .files import put_in_force

    return await put_in_force(caller, model, dict(data.choices), dict(data.enter))


HANDLERS = [get_workspace, export_workspace, check_workspace, diff_workspace, apply_workspace]
