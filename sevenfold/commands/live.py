"""Commands about a running service: its status, what happens, one profile, its workspace."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

import click
import msgspec
from rich.table import Table
from rich.text import Text

from sevenfold.clock import sleep_s
from sevenfold.commands.api import Api, UnreachableError, connected, service_options
from sevenfold.commands.base import console, json_option, new_folder, print_json
from sevenfold.errors import InputError, SevenfoldError
from sevenfold.library import load
from sevenfold.playback.tables import iso
from sevenfold.report.decisions import line
from sevenfold.workspace.checking import check

_BAR_CHARS: Final = 30
_AGAIN_S: Final = 2.0
_SIGNALS_SHOWN: Final = 40
_BROADER: Final = ("entered", "left", "stage", "band")


@click.command("status")
@service_options
@json_option
def status_command(url: str | None, key: str | None, as_json: bool) -> None:
    """Show how a running service is: positions, lags, people in each stage.

    \b
    Example:
      sevenfold status --url http://127.0.0.1:8700 --key env:SEVENFOLD_KEY
    """
    with connected(url, key) as api:
        status, lifecycles = api.get("/api/status"), api.get("/api/lifecycles")
    if as_json:
        print_json({"status": status, "lifecycles": lifecycles})
        return
    out = console()
    ready = "[green]ready[/green]" if status.get("ready") else "[yellow]not ready[/yellow]"
    out.print(f"[bold]{api.url}[/bold] is {ready}")
    out.print(_figures(status))
    for one in lifecycles:
        out.print(f"\n[bold]{one['name']}[/bold] ({one['of']})")
        for row in bars([(stage["name"], stage["count"]) for stage in one["stages"]]):
            out.print(row)


def _figures(status: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in status.items():
        if isinstance(value, bool) or value in ("", None, {}):
            continue
        if name in ("time", "fold_time") and isinstance(value, int):
            value = iso(value) if 0 < value < 1 << 53 else "-"
        elif isinstance(value, int):
            value = f"{value:,}"
        elif isinstance(value, dict):
            value = ", ".join(f"{key} {held}" for key, held in value.items() if not isinstance(held, dict))
        table.add_row(name.replace("_", " "), str(value))
    return table


def bars(counts: list[tuple[str, int]]) -> list[str]:
    """A chart of counts in lines of text."""
    most = max((count for _, count in counts), default=0) or 1
    width = max((len(name) for name, _ in counts), default=0)
    found = []
    for name, count in counts:
        length = -(-count * _BAR_CHARS // most)
        found.append(f"  {name:<{width}}  {'█' * length:<{_BAR_CHARS}}  {count:>9,}")
    return found


@click.command("tail")
@click.option("--kind", multiple=True, help="Only effects of this kind, such as `stage`; may be repeated.")
@click.option("--subject", help="Only what is about this subject (id).")
@click.option("--after", type=click.IntRange(0), help="Begin after the effect with this number.")
@click.option("--count", type=click.IntRange(1), help="End after so many.")
@service_options
@json_option
def tail_command(
    kind: tuple[str, ...], subject: str | None, after: int | None, count: int | None,
    url: str | None, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Show what a running service decides, as it happens, until it is interrupted.

    \b
    Examples:
      sevenfold tail
      sevenfold tail --kind stage --kind message --json
    """
    out = console()
    with connected(url, key) as api:
        for shown, effect in enumerate(_followed(api, kind, subject, after), start=1):
            if as_json:
                click.echo(msgspec.json.encode(effect))
            else:
                out.print(told(effect), soft_wrap=True)
            if shown == count:
                return


def _followed(
    api: Api, kinds: tuple[str, ...], subject: str | None, after: int | None
) -> Iterator[dict[str, Any]]:
    """Effects, over as many connections as it takes; the first has to succeed."""
    parameters: dict[str, Any] = {"kind": list(kinds)} if kinds else {}
    parameters |= {"subject": subject} if subject is not None else {}
    begun = False
    while True:
        try:
            with api.stream("/api/stream", after, **parameters) as lines:
                begun = True
                for text in lines:
                    if text.startswith("data: "):
                        effect = msgspec.json.decode(text[len("data: ") :])
                        after = effect["number"]
                        yield effect
        except UnreachableError:
            if not begun:
                raise
        sleep_s(_AGAIN_S)


def told(effect: dict[str, Any]) -> Text:
    """An effect as a line for people."""
    kind, name, data = effect["kind"], effect["name"], effect["data"]
    found = line(kind, name, data)
    text = Text.assemble(
        (f"{iso(effect['time'])}  ", "dim"),
        (f"{effect['of']:<8}", "dim"),
        (f"{effect['subject'][:8]:<9}", "cyan"),
    )
    if found is not None:
        what, why = found
        return text + what + Text(f"  {why}" if why else "", style="dim")
    if kind == "stage":
        return text + Text(f"{name}: {data.get('from') or '-'} → {data.get('to') or '-'}", style="bold")
    if kind in _BROADER:
        more = f" {data['from']} → {data['to']}" if "to" in data else ""
        return text + Text(f"{kind} {name}{more}")
    return text + Text(" ".join(one for one in (kind, name) if one))


@click.command("profile")
@click.argument("identifier")
@click.option("--of", default="person", help="person, account or an entity.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=20, help="Moments of the timeline.")
@service_options
@json_option
def profile_command(
    identifier: str, of: str, limit: int, url: str | None, key: str | None, as_json: bool
) -> None:
    """Show one profile of a running service: who, stages with their reasons, what happened.

    IDENTIFIER is a user id, an e-mail address, an anonymous id; with --of account or an entity, its key.

    \b
    Example:
      sevenfold profile ada@example.com
    """
    kind = {"person": "people", "account": "accounts"}.get(of, of)
    with connected(url, key) as api:
        ident = api.get(f"/api/{kind}/lookup", value=identifier)["id"]
        profile = api.get(f"/api/{kind}/{ident}")
        moments = api.get(f"/api/{kind}/{ident}/timeline", limit=limit)["items"]
        reasons = {
            name: api.get(f"/api/{kind}/{ident}/why", lifecycle=name)
            for name, stage in profile["stages"].items() if stage is not None
        }  # fmt: skip
    if as_json:
        print_json({"profile": profile, "why": reasons, "timeline": moments})
        return
    out = console()
    out.print(f"[bold]{identifier}[/bold]  {of} {ident}")
    for name, values in profile["identifiers"].items():
        out.print(f"  {name}: {', '.join(values)}", soft_wrap=True)
    for name, stage in profile["stages"].items():
        last = next(iter(reasons.get(name, {}).get("last", [])), None)
        since = f" since {iso(last['time'])}" if last else ""
        out.print(f"\n[bold]{name}[/bold]: {stage or '-'}{since}")
        for why in _reasons(last):
            out.print(f"  because {why}", style="dim", soft_wrap=True)
    _print_pairs(out, "Traits", profile["traits"])
    _print_pairs(out, "Scores", {k: f"{v} ({profile['bands'].get(k)})" for k, v in profile["scores"].items()})
    _print_pairs(out, "Signals", dict(list(_known(profile["signals"]).items())[:_SIGNALS_SHOWN]))
    out.print(f"\nSegments: {', '.join(profile['segments']) or 'none'}", soft_wrap=True)
    out.print("\n[bold]Timeline[/bold], newest first")
    for one in moments:
        out.print(told(one), soft_wrap=True)


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, 0, 0.0, "", [], {})}


def _reasons(moment: dict[str, Any] | None) -> list[str]:
    """What a move between stages saw, condition by condition."""
    why = moment["data"].get("why") if moment is not None else None
    if not isinstance(why, dict):
        return []
    found = [f"rule {why.get('rule')}"] if why.get("rule") else []
    return found + [
        str(atom.get("text") or atom) if isinstance(atom, dict) else str(atom)
        for atom in why.get("atoms", [])
    ]


def _print_pairs(out: Any, title: str, values: dict[str, Any]) -> None:
    if values:
        out.print(f"\n[bold]{title}[/bold]")
        for name, value in values.items():
            out.print(f"  {name}: {value}", soft_wrap=True, markup=False)


@click.command("apply")
@click.argument("workspace")
@click.option(
    "--choice", "choices", multiple=True, metavar="JOURNEY.STEP=CHOICE",
    help="What becomes of people at a step that changed: finish, migrate, migrate_keep, exit.",
)  # fmt: skip
@click.option(
    "--enter", multiple=True, metavar="JOURNEY=WHOM", help="Whom a new version takes in: future, now, both."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@service_options
@json_option
def apply_command(
    workspace: str, choices: tuple[str, ...], enter: tuple[str, ...], yes: bool,
    url: str | None, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Put WORKSPACE (a folder or a pack) in force in a running service, after showing what changes and for
    how many.

    \b Examples: sevenfold apply my-workspace sevenfold apply my-workspace --choice onboarding.welcome=migrate
    --yes
    """
    model = load(workspace)
    problems = [one for one in check(model) if one.severity == "error"]
    if problems:
        raise InputError(
            f"the workspace has {len(problems)} errors",
            where=workspace,
            fix=f"see `sevenfold check {workspace}`",
        )
    definition = msgspec.json.decode(msgspec.json.encode(model))
    with connected(url, key) as api:
        before = api.get("/api/workspace")["version"]
        compared = api.post("/api/workspace/diff", {"workspace": definition})
        asked = {one["journey"]: one["choices"] for one in compared["journeys"]}
        decided = _decided(choices)
        missing = _missing(asked, decided)
        if not as_json:
            _show_difference(compared["changes"], asked)
        if not compared["changes"]:
            if as_json:
                print_json({"changed": False})
            return
        if missing:
            raise SevenfoldError(
                f"{len(missing)} steps with people need a choice",
                where=", ".join(missing),
                fix=f"say what becomes of them: --choice {missing[0]}=migrate",
            )
        if not yes and not as_json:
            click.confirm("Apply?", abort=True)
        body = {"workspace": definition, "choices": decided, "enter": _pairs(enter), "expected": before}
        done = api.post("/api/workspace/apply", body)
    if as_json:
        print_json({"changed": True, "position": done["position"], "changes": compared["changes"]})
    else:
        console().print(f"In force since log position {done['position']:,}.")


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for one in given:
        name, found_one, value = one.partition("=")
        if not (name and found_one and value):
            raise click.BadParameter(f"{one!r} is not NAME=VALUE")
        found[name] = value
    return found


def _decided(given: tuple[str, ...]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for place, choice in _pairs(given).items():
        journey, dot, step = place.partition(".")
        if not (journey and dot and step):
            raise click.BadParameter(f"{place!r} is not JOURNEY.STEP")
        found.setdefault(journey, {})[step] = choice
    return found


def _missing(asked: dict[str, dict[str, int]], decided: dict[str, dict[str, str]]) -> list[str]:
    return [
        f"{journey}.{step}"
        for journey, steps in asked.items()
        for step, people in steps.items()
        if people and step not in decided.get(journey, {})
    ]


def _show_difference(changes: list[dict[str, Any]], asked: dict[str, dict[str, int]]) -> None:
    out = console()
    if not changes:
        out.print("Nothing differs from what is in force.")
        return
    style = {"added": "green", "removed": "red"}
    for one in changes:
        words = " (words only)" if one["prose"] else ""
        out.print(
            f"{one['action']:<8} {one['section']} {one['name']}{words}", style=style.get(one["action"], "")
        )
        for field in one["fields"]:
            out.print(f"           {field['field']}: {field['before']} → {field['after']}", markup=False)
    for journey, steps in asked.items():
        for step, people in steps.items():
            out.print(f"{people:>8,} people stand at {journey}.{step}, which changes", style="yellow")


@click.command("export")
@click.argument("folder", type=new_folder())
@service_options
@json_option
def export_workspace_command(folder: Path, url: str | None, key: str | None, as_json: bool) -> None:
    """Write the workspace that is in force in a running service to FOLDER, as YAML files. FOLDER must be new
    or empty.

    \b Example: sevenfold export my-workspace
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError("the folder is not empty", where=str(folder), fix="name a new folder")
    with connected(url, key) as api:
        packed = api.download("/api/workspace/export")
    names = unpacked(packed, folder)
    if as_json:
        print_json({"folder": str(folder), "files": names})
    else:
        console().print(f"{len(names)} files in {folder}")


def unpacked(packed: bytes, folder: Path) -> list[str]:
    """Writes the files of a zip below a folder; none may lie outside it. Raises InputError."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = archive.namelist()
        for name in names:
            inside = PurePosixPath(name)
            if inside.is_absolute() or ".." in inside.parts or "\\" in name:
                raise InputError(
                    "the answer names a file outside the folder", where=name, fix="check the address"
                )
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))
    return names
