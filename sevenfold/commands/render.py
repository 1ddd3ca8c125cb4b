"""The command that shows what a template would send: to somebody of a replay, or with sample data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from sevenfold.commands.base import existing, json_option, print_json
from sevenfold.errors import InputError, SevenfoldError
from sevenfold.library import workspace_folder
from sevenfold.messages.compiling import CompiledTemplate
from sevenfold.messages.context import context_of, rows_by_key
from sevenfold.messages.faults import RenderError
from sevenfold.messages.links import Tracking
from sevenfold.messages.render import render
from sevenfold.messages.rendered import Rendered
from sevenfold.messages.templates import version_of
from sevenfold.playback import Outcome, explain, open_log
from sevenfold.playback.explain import Explanation
from sevenfold.playback.feed import log_folder
from sevenfold.playback.tables import iso
from sevenfold.workspace.loading import Loaded, examine
from sevenfold.workspace.models import PERSON
from sevenfold.workspace.problems import WorkspaceError, likely
from sevenfold.workspace.template_checks import kind_of

_SAMPLE_LINKS = {
    "unsubscribe": "https://example.com/unsubscribe",
    "preferences": "https://example.com/preferences",
    "view": "https://example.com/view",
    "confirm": "https://example.com/confirm",
    "referral": "https://example.com/r/CODE",
}
_SAMPLE_NOW = "2026-01-05T09:00:00Z"


class RenderRefusedError(SevenfoldError):
    """A template cannot be rendered, or not for this person."""

    code = "render_error"


@click.command("render")
@click.argument("workspace")
@click.argument("template")
@click.option("--profile", "identifier", help="Render for this person: a user id, e-mail, subject id ...")
@click.option(
    "--replay", "history", type=existing(file_okay=False), help="The replay or log with the person."
)
@click.option("--event", help="The person's last event of this name started the journey.")
@click.option(
    "--data", type=existing(dir_okay=False), help="JSON file: the context, or what to change in it."
)
@click.option("--locale", help="Language and region such as de-AT, instead of the person's.")
@click.option("--tracking", help="Rewrite links as a server at this address would.")
@click.option(
    "--format", "shape", type=click.Choice(["summary", "html", "text", "json"]), default="summary",
    show_default=True, help="What to print or write.",
)  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file.")
@click.option("--open", "launch", is_flag=True, help="Show the file of --out in a browser.")
@json_option
def render_command(
    workspace: str, template: str, identifier: str | None, history: Path | None, event: str | None,
    data: Path | None, locale: str | None, tracking: str | None, shape: str, out: Path | None, launch: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Show what a TEMPLATE of a WORKSPACE would send.

    Values come from a person of a replay (--profile with --replay), from a JSON file of sample data (--data:
    `{"person": {"first_name": "Ada"}, "event": {...}}`), or from both. What is wrong is said with file and
    line.

    \b
    Examples:
      sevenfold render my-workspace welcome --data sample.json
      sevenfold render my-workspace welcome --profile ada@example.com --replay out --locale de
      sevenfold render my-workspace welcome --data sample.json --format html --out welcome.html --open
    """
    loaded = examine(workspace_folder(workspace))
    compiled = _compiled(loaded, template)
    context = _context(loaded, identifier, history, event, data)
    person = context.get("person")
    person = person if isinstance(person, dict) else {}
    found = render(
        compiled,
        context,
        locale=locale or _text(person.get("locale")) or _text(person.get("language")),
        zone=_text(person.get("timezone")),
        message_id=f"preview/{template}",
        tracking=Tracking(tracking) if tracking is not None else None,
    )
    if isinstance(found, RenderError):
        raise _refused(loaded, found)
    shown = _shown(found, "json" if as_json and out is None else shape)
    if out is not None:
        out.write_text(shown, encoding="utf-8")
        if as_json:
            print_json({"file": str(out), **found.to_json()})
        else:
            click.echo(f"{template} is in {out}")
        if launch:
            click.launch(str(out))
    else:
        click.echo(shown, nl=not shown.endswith("\n"))
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)


def _compiled(loaded: Loaded, name: str) -> CompiledTemplate:
    templates = loaded.workspace.templates
    if name not in templates:
        if any(problem.field.startswith(f"templates.{name}") for problem in loaded.errors):
            raise WorkspaceError(loaded.errors)
        fix = likely(name, templates) or (f"there are {', '.join(templates)}" if templates else "")
        raise InputError(f"There is no template `{name}`", where=loaded.workspace.name, fix=fix)
    kind = kind_of(loaded.workspace, templates[name])
    return CompiledTemplate(version_of(name, templates[name], loaded.workspace.partials, kind))


def _refused(loaded: Loaded, error: RenderError) -> RenderRefusedError:
    where = error.where
    if error.line:
        place = loaded.tree.text_place(error.path, error.line)
        where = f"{place.file}:{place.line}: {where}" if place.file else where
    return RenderRefusedError(error.message, where=where, fix=error.fix)


def _context(
    loaded: Loaded, identifier: str | None, history: Path | None, event: str | None, data: Path | None
) -> dict[str, Any]:
    if (identifier is None) != (history is None):
        raise InputError("A person needs both --profile and --replay", fix="or give --data alone")
    workspace = loaded.workspace
    told = _explained(loaded, identifier, history) if identifier is not None and history is not None else None
    context = context_of(
        workspace,
        told.profile if told is not None else {},
        person_id=told.subject if told is not None else "",
        now=iso(told.time) if told is not None else _SAMPLE_NOW,
        account=told.account if told is not None else None,
        event=_event(told, event),
        links=_SAMPLE_LINKS,
        catalogue=rows_by_key(workspace),
    )
    if data is not None:
        _overlay(context, _read(data))
    return context


def _explained(loaded: Loaded, identifier: str, history: Path) -> Explanation:
    if loaded.errors:
        raise WorkspaceError(loaded.errors)
    until = Outcome(history).summary.until if (history / "replay.json").exists() else None
    log = open_log(Outcome(history).log if until is not None else log_folder(history))
    try:
        return explain(loaded.workspace, log, identifier, of=PERSON, until=until)
    finally:
        log.close()


def _event(told: Explanation | None, name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    entries = told.timeline if told is not None else []
    for entry in reversed(entries):
        if entry.kind == "event" and entry.name == name:
            return dict(entry.data.get("properties") or {})
    known = {entry.name for entry in entries if entry.kind == "event"}
    fix = likely(name, known) or (
        f"there are {', '.join(sorted(known)[:10])}" if known else "name a --profile"
    )
    raise InputError(f"The person has no event `{name}`", where="--event", fix=fix)


def _read(file: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(file.read_bytes())
    except msgspec.DecodeError as error:
        raise InputError(f"This is not JSON: {error}", where=str(file)) from error
    if not isinstance(found, dict):
        fix = 'write {"person": {...}, "event": {...}}'
        raise InputError("Sample data is a JSON object", where=str(file), fix=fix)
    return found


def _overlay(context: dict[str, Any], given: dict[str, Any]) -> None:
    for name, value in given.items():
        known = context.get(name)
        context[name] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _shown(found: Rendered, shape: str) -> str:
    if shape == "json":
        return msgspec.json.format(msgspec.json.encode(found.to_json()), indent=2).decode() + "\n"
    if shape == "html":
        if found.html is None:
            raise InputError(f"`{found.template}` has no HTML", where="--format", fix="ask for text or json")
        return found.html
    text = found.text if found.text is not None else found.body
    if shape == "text":
        return text or ""
    lines = [f"{found.template}: {found.channel}, {found.locale}, version {found.digest}"]
    for field in ("from_", "reply_to", "subject", "preheader", "title", "image", "link"):
        if value := getattr(found, field):
            lines.append(f"{field.rstrip('_').replace('_', '-').capitalize()}: {value}")
    lines.extend(f"{name}: {value}" for name, value in found.headers.items())
    lines.extend(f"Button {one.name}: {one.label} -> {one.link}" for one in found.buttons)
    if text:
        lines.extend(("", text.rstrip()))
    if found.payload is not None:
        lines.extend(("", msgspec.json.format(msgspec.json.encode(found.payload), indent=2).decode()))
    if found.links:
        lines.append("")
        lines.extend(f"Link {link.index + 1} {link.id}: {link.url}" for link in found.links)
    return "\n".join(lines) + "\n"
