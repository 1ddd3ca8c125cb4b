"""Files of the workspace and their drafts: shown, written, checked as a whole, published together."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal

from litestar import delete, get, post, put
from litestar.params import JSONBody, Parameter
from msgspec import Struct

from ...engine.definition import record_of
from ...limits import API_BODY_LARGE_BYTES_MAX
from ...workspace.comparing import diff
from ...workspace.models import Workspace
from ...workspace.problems import WorkspaceError
from ..console.files import (
    FileDraft,
    FileDrafts,
    digest,
    files_of,
    merged,
    object_in,
    path_of,
    with_object,
)
from ..errors import ConflictError, InvalidError
from ..questions import QuestionError
from .approvals import approvals_of, approved
from .base import Asked, Caller, Done, done
from .publishing import Choice
from .segments import Name
from .workspaces import Compared, Files, compared, read, version_of

FilePath = Annotated[str, Parameter(min_length=1, max_length=300, description="The file, `segments.yaml`.")]
Section = Annotated[
    str, Parameter(min_length=1, max_length=50, description="Such as `segments` or `scores`.")
]
_shown: Final[dict[str, dict[str, str]]] = {}
"""The files of the definition in force, by its version; the latest only."""


class FileInfo(Struct, kw_only=True):
    """A file of the workspace. `draft`: somebody is writing it; `removed` by the draft, `added` by it."""

    path: str
    bytes: int
    draft: bool
    removed: bool = False
    added: bool = False


class FileShown(Struct, kw_only=True):
    """A file as it is in force (`text`, null: it is not) and its draft. `stale`: what is in force has changed
    since the draft was begun.
    """

    path: str
    text: str | None
    draft: FileDraft | None
    stale: bool


class FileWritten(Struct, kw_only=True, forbid_unknown_fields=True):
    """A file's text (null: it is to go); `revision` is that of the draft its author saw (null: none)."""

    text: str | None
    revision: int | None = None


class FileKept(Struct, kw_only=True):
    """The draft, and everything that is wrong with the workspace as it will be, with file, line and fix."""

    draft: FileDraft
    problems: list[dict[str, Any]]


class ObjectShown(Struct, kw_only=True):
    """An object of the workspace: as it is in force, as the draft of its file has it, and that draft's
    revision (null: there is none).
    """

    section: str
    name: str
    path: str
    current: Any
    drafted: Any
    revision: int | None


class ObjectWritten(Struct, kw_only=True, forbid_unknown_fields=True):
    """An object as its section's YAML has it (null: it is to go); `revision` of the draft its author saw."""

    object: dict[str, Any] | None
    revision: int | None = None


class PublishFiles(Struct, kw_only=True, forbid_unknown_fields=True):
    """Publishing all drafts. As in `POST /api/workspace/apply`; `expected` is the version its author saw."""

    choices: dict[str, dict[str, Choice | dict[str, str]]] = {}
    enter: dict[str, Literal["future", "now", "both"]] = {}
    expected: str | None = None


def drafts_of(caller: Caller) -> FileDrafts:
    """The drafts of the service."""
    return FileDrafts(caller.services.keys.store, caller.services.clock)


async def in_force(caller: Caller) -> dict[str, str]:
    """The files of the definition in force."""
    workspace = caller.live.workspace
    version = version_of(workspace)
    found = _shown.get(version)
    if found is None:
        found = await asyncio.to_thread(files_of, workspace)
        _shown.clear()
        _shown[version] = found
    return found


async def as_drafted(caller: Caller) -> tuple[Workspace, list[Any], list[FileDraft]]:
    """The workspace as it will be, everything that is wrong with it, and the drafts. Raises InvalidError."""
    drafts = drafts_of(caller).list()
    if not drafts:
        raise InvalidError("there are no drafts", fix="write one first")
    files = merged(await in_force(caller), drafts)
    model, problems = await asyncio.to_thread(read, Files(files=files))
    return model, problems, drafts


def _clean(path: str) -> str:
    return path.lstrip("/")


@get("/workspace/files", scope="read", tags=["workspace"], operation_id="list_workspace_files")
async def list_files(caller: Asked) -> list[FileInfo]:
    """The files of the definition in force, and those that drafts add."""
    files = await in_force(caller)
    drafts = {one.path: one for one in drafts_of(caller).list()}
    found = []
    for path in sorted({*files, *drafts}):
        draft = drafts.get(path)
        text = files.get(path, "") if draft is None or draft.text is None else draft.text
        found.append(
            FileInfo(
                path=path,
                bytes=len(text.encode()),
                draft=draft is not None,
                removed=draft is not None and draft.text is None,
                added=path not in files,
            )
        )
    return found


@get("/workspace/drafts", scope="read", tags=["workspace"], operation_id="list_file_drafts")
async def list_file_drafts(caller: Asked) -> list[FileDraft]:
    """Every draft of a file."""
    return drafts_of(caller).list()


@get("/workspace/files/{path:path}", scope="read", tags=["workspace"], operation_id="get_workspace_file")
async def get_file(caller: Asked, path: FilePath) -> FileShown:
    """A file as it is in force, and its draft."""
    name = _clean(path)
    text, draft = (await in_force(caller)).get(name), drafts_of(caller).get(name)
    if text is None and draft is None:
        raise QuestionError(f"there is no file `{name[:200]}`", where="path")
    return FileShown(
        path=name, text=text, draft=draft, stale=draft is not None and draft.base != digest(text)
    )


@put(
    "/workspace/files/{path:path}",
    scope="write",
    status_code=200,
    tags=["workspace"],
    operation_id="put_workspace_file",
    request_max_body_size=API_BODY_LARGE_BYTES_MAX,
)
async def put_file(caller: Asked, path: FilePath, data: JSONBody[FileWritten]) -> FileKept:
    """Writes the draft of a file; what is wrong with it keeps nobody from writing it."""
    name = _clean(path)
    # Refuses paths that lead outside.
    read_only = Files(files={name: ""})
    await asyncio.to_thread(read, read_only)
    return await _kept(caller, name, data.text, data.revision)


async def _kept(caller: Caller, name: str, text: str | None, revision: int | None) -> FileKept:
    base = digest((await in_force(caller)).get(name))
    draft = drafts_of(caller).put(name, text, base, caller.key.id, revision)
    caller.note("workspace.draft", name, revision=draft.revision)
    _, problems, _ = await as_drafted(caller)
    return FileKept(draft=draft, problems=[dict(one.to_json()) for one in problems])


@delete(
    "/workspace/files/{path:path}",
    scope="write",
    status_code=204,
    tags=["workspace"],
    operation_id="delete_file_draft",
)
async def delete_file_draft(caller: Asked, path: FilePath) -> None:
    """Forgets the draft of a file."""
    name = _clean(path)
    drafts_of(caller).remove(name)
    caller.note("workspace.draft.delete", name)


@get(
    "/workspace/objects/{section:str}/{name:str}",
    scope="read",
    tags=["workspace"],
    operation_id="get_workspace_object",
)
async def get_object(caller: Asked, section: Section, name: Name) -> ObjectShown:
    """An object of the workspace, in force and as it is drafted. Sections that are one object are their own
    name.
    """
    return await _object(caller, section, name)


async def _object(caller: Caller, section: str, name: str) -> ObjectShown:
    path = path_of(section)
    text, draft = (await in_force(caller)).get(path), drafts_of(caller).get(path)
    current = await asyncio.to_thread(object_in, text, section, name)
    drafted = current if draft is None else await asyncio.to_thread(object_in, draft.text, section, name)
    return ObjectShown(
        section=section,
        name=name,
        path=path,
        current=current,
        drafted=drafted,
        revision=None if draft is None else draft.revision,
    )


@put(
    "/workspace/objects/{section:str}/{name:str}",
    scope="write",
    status_code=200,
    tags=["workspace"],
    operation_id="put_workspace_object",
)
async def put_object(caller: Asked, section: Section, name: Name, data: JSONBody[ObjectWritten]) -> FileKept:
    """Writes one object into the draft of its file; all other objects stay as the draft has them."""
    path = path_of(section)
    held = drafts_of(caller).get(path)
    text = (await in_force(caller)).get(path) if held is None else held.text
    made = await asyncio.to_thread(with_object, text, section, name, data.object)
    return await _kept(caller, path, made, data.revision)


@get("/workspace/drafts/comparison", scope="read", tags=["workspace"], operation_id="compare_file_drafts")
async def compare_drafts(caller: Asked) -> Compared:
    """What publishing all drafts would change, whom, and everything that is wrong."""
    model, problems, _ = await as_drafted(caller)
    return await compared(caller, model, problems)


@post(
    "/workspace/drafts/publish",
    scope="admin",
    role="publisher",
    once=True,
    status_code=200,
    tags=["workspace"],
    operation_id="publish_file_drafts",
)
async def publish_drafts(caller: Asked, data: JSONBody[PublishFiles]) -> Done:
    """Puts all drafts in force together; they are then forgotten. Where approval is needed, somebody else has
    to have approved exactly this.
    """
    model, problems, drafts = await as_drafted(caller)
    errors = [one for one in problems if one.severity == "error"]
    if errors:
        raise WorkspaceError(errors)
    before = version_of(caller.live.workspace)
    if data.expected is not None and data.expected != before:
        raise ConflictError(
            "the workspace in force has changed meanwhile", where="expected", fix="compare again"
        )
    told = await put_in_force(caller, model, dict(data.choices), dict(data.enter))
    drafts_of(caller).clear(drafts)
    return told


async def put_in_force(caller: Caller, model: Workspace, choices: Any, enter: Any) -> Done:
    """Puts a workspace in force that somebody else approved, where that is needed."""
    version, before = version_of(model), version_of(caller.live.workspace)
    approval = approved(caller, "workspace", model.name, {"version": version})
    record = record_of(model, choices, enter)
    more = {} if approval is None else {"approval": approval.id}
    told = await caller.tell("workspace.apply", model.name, record, version=version, before=before, **more)
    if approval is not None:
        approvals_of(caller).published(approval.id)
    return done(told)


async def to_approve(caller: Caller) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the drafts come to: what is approved, and what its approver is shown."""
    model, problems, drafts = await as_drafted(caller)
    errors = [one for one in problems if one.severity == "error"]
    if errors:
        raise WorkspaceError(errors)
    version = version_of(model)
    changes = await asyncio.to_thread(diff, caller.live.workspace, model)
    shown = {
        "version": version,
        "files": {one.path: one.text for one in drafts},
        "changes": [
            {"action": one.action, "section": one.section, "name": one.name, "prose": one.prose}
            for one in changes
        ],
    }
    return {"version": version}, shown


HANDLERS = [
    list_files,
    list_file_drafts,
    get_file,
    put_file,
    delete_file_draft,
    get_object,
    put_object,
    compare_drafts,
    publish_drafts,
]
