"""Commands about choices that are learned: training a policy, how far choices may move, what is suggested,
and what would be done for somebody now.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec

from sevenfold.commands.api import Api, connected, service_options
from sevenfold.commands.base import SevenfoldGroup, console, json_option, print_json


@click.command("train-choices")
@click.argument("source")
@click.argument("choice")
@click.option("--feature", "features", multiple=True, help="A value of the context; all when not given.")
@click.option(
    "--temperature", default=0.0, help="Rewards by which an action must be better to be e times as likely."
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write the policy to.")
@click.option("--send", is_flag=True, help="Hand the policy to the running service.")
@service_options
@json_option
def train_choices_command(
    source: str, choice: str, features: tuple[str, ...], temperature: float, out: Path | None, send: bool,
    url: str | None, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Train a policy for a next best action from its logged choices, and say what it would have brought.

    SOURCE is the folder of a service or a replay, or a warehouse; CHOICE is JOURNEY/STEP. What is handed in
    with --send decides only as far as the journey's autonomy allows.

    \b
    Example:
      sevenfold train-choices data nurture/next --out policy.json --send
    """
    from sevenfold.commands.ask import opened
    from sevenfold.learning.logged_choices import logged_choices
    from sevenfold.learning.next_best_action import train

    with opened(source) as warehouse:
        end = warehouse.through().time
        logged = logged_choices(warehouse, choice)
    found = train(logged, features=list(features) or None, temperature=temperature, trained_at=end, as_of=end)
    record = found.record(choice)
    if out is not None:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    if send:
        with connected(url, key) as api:
            api.post("/api/policies", {"policy": choice, "model": _model_in(record)})
    if as_json:
        print_json(record)
        return
    console().print(f"Policy {found.model.version}, {found.model.quality['because']}.")
    word = "better than" if found.better else "not distinguishably better than"
    console().print(
        f"It is {word} what was done: {found.gain:+.2%} ({found.gain_low:+.2%} to {found.gain_high:+.2%})."
    )
    for name, share in found.shares.items():
        console().print(f"  {name}: {share:.0%} of choices")


def _model_in(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("op", "policy")}


@click.group("autonomy", cls=SevenfoldGroup)
def autonomy_group() -> None:
    """How far learned choices may move by themselves, what they suggest, and what was moved why."""


@autonomy_group.command("show")
@click.argument("journey", required=False)
@service_options
@json_option
def show_command(journey: str | None, url: str | None, key: str | None, as_json: bool) -> None:
    """Every learned choice, or those of one journey: its ways, their outcomes, and what is suggested.

    \b
    Example:
      sevenfold autonomy show lead_nurture --json
    """
    with connected(url, key) as api:
        found = [api.get(_path(journey))] if journey is not None else api.get("/api/autonomy")
    if as_json:
        print_json(found)
        return
    for one in found:
        console().print(
            f"[bold]{one['journey']}[/bold]: {one['level']}, at most {one['moved_per_day']:g}% a day"
        )
        for choice in one["choices"]:
            _print_choice(choice)


def _print_choice(choice: dict[str, Any]) -> None:
    held = choice["held_out"]
    console().print(
        f"  {choice['step']} ({choice['kind']}), held out: {held['rewarded']} of {held['tried']} rewarded"
    )
    for option in choice["options"]:
        share = "" if option["share"] is None else f", share {option['share']:.1%}"
        stopped = ", stopped" if option["halted"] is not None else ""
        console().print(f"    {option['name']}: {option['rewarded']} of {option['tried']}{share}{stopped}")
    waiting = choice["suggestion"]
    if waiting is not None:
        console().print(f"    suggestion {waiting['id']}: {waiting['because']}")


@autonomy_group.command("set")
@click.argument("journey")
@click.argument("level", type=click.Choice(["off", "suggest", "act", "written"]))
@click.option(
    "--moved-per-day", type=click.FloatRange(0, 100), help="Per cent of shares that may move in a day."
)
@service_options
@json_option
def set_command(
    journey: str,
    level: str,
    moved_per_day: float | None,
    url: str | None,
    key: str | None,
    as_json: bool,
) -> None:
    """Say how far a journey's choices may move: off, suggest, act, or as written in its plan.

    \b
    Example:
      sevenfold autonomy set lead_nurture suggest
    """
    body: dict[str, Any] = {"level": None if level == "written" else level}
    if moved_per_day is not None:
        body["moved_per_day"] = moved_per_day
    with connected(url, key) as api:
        found = api.post(_path(journey), body, once=False)
    if as_json:
        print_json(found)
    else:
        console().print(f"{journey}: {level}")


@autonomy_group.command("changes")
@service_options
@json_option
def changes_command(url: str | None, key: str | None, as_json: bool) -> None:
    """The change log: what moved, was suggested, accepted, refused or stopped, each with its reason.

    \b
    Example:
      sevenfold autonomy changes --json
    """
    with connected(url, key) as api:
        found = api.get("/api/autonomy/changes")
    if as_json:
        print_json(found)
        return
    for one in found["items"]:
        console().print(f"{one['time']} {one['name']}: {one['kind']} {one['data'].get('because', '')}")


@autonomy_group.command("accept")
@click.argument("suggestion")
@service_options
@json_option
def accept_command(suggestion: str, url: str | None, key: str | None, as_json: bool) -> None:
    """Accept a suggestion: it holds at once.

    \b
    Example:
      sevenfold autonomy accept 5f2c9a1b7d3e4f60
    """
    _answer(suggestion, "accept", url, key, as_json)


@autonomy_group.command("refuse")
@click.argument("suggestion")
@service_options
@json_option
def refuse_command(suggestion: str, url: str | None, key: str | None, as_json: bool) -> None:
    """Refuse a suggestion: it is not made again until much has changed.

    \b
    Example:
      sevenfold autonomy refuse 5f2c9a1b7d3e4f60
    """
    _answer(suggestion, "refuse", url, key, as_json)


def _answer(suggestion: str, answer: str, url: str | None, key: str | None, as_json: bool) -> None:
    with connected(url, key) as api:
        found = api.post(f"/api/autonomy/suggestions/{quote(suggestion, safe='')}", {"answer": answer})
    if as_json:
        print_json(found)
    else:
        console().print(f"{suggestion}: {answer}")


@click.command("next-best-action")
@click.argument("person")
@click.option("--answer", type=click.Choice(["accept", "refuse", "change"]), help="What to say to it.")
@click.option("--action", default="", help="With `--answer change`: the action to take instead.")
@click.option("--reason", default="", help="Why.")
@service_options
@json_option
def next_best_action_command(
    person: str, answer: str | None, action: str, reason: str, url: str | None, key: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """What would be done for a person (an id or an identifier) now, why, and how sure that is.

    \b
    Example:
      sevenfold next-best-action ada@example.com --json
    """
    with connected(url, key) as api:
        ident = _ident(api, person)
        if answer is not None:
            body = {"answer": answer, "reason": reason} | ({"action": action} if action else {})
            api.post(f"/api/people/{ident}/next-best-action", body, once=False)
        found = api.get(f"/api/people/{ident}/next-best-action")
    if as_json:
        print_json(found)
        return
    console().print(f"[bold]{found['action']}[/bold] ({found['confidence']} confidence): {found['reason']}")
    for one in found["actions"]:
        state = one["reason"] or (f"promises {one['score'] / 10_000:.2f}%" if one["known"] else "allowed")
        console().print(f"  {one['action']}: {state}")


def _ident(api: Api, person: str) -> str:
    if len(person) == 16 and not set(person) - set("0123456789abcdef"):
        return person
    return str(api.get("/api/people/lookup", value=person)["id"])


def _path(journey: str) -> str:
    return f"/api/autonomy/{quote(journey, safe='')}"
