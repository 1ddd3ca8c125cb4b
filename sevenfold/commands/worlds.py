"""Commands about simulated worlds: make one, and the demonstration that runs on it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from rich.progress import Progress

from sevenfold.commands.base import Bar, console, json_option, new_folder, print_json, progress
from sevenfold.commands.history import finish
from sevenfold.library import load
from sevenfold.playback import replay
from sevenfold.simulate import Summary, run

DEMO_SEED, DEMO_ACCOUNTS, DEMO_DAYS = 7, 120, 450
DEMO_PACK = "seven-stage"
LIVE_ACCOUNTS, LIVE_SECONDS = 60, 90.0


@click.command("simulate")
@click.argument("kind", type=click.Choice(["saas", "shop"]))
@click.option("--seed", default=7, show_default=True, help="The same seed makes the same world.")
@click.option(
    "--size", default=300, show_default=True, help="Accounts of the company, or customers of the shop."
)
@click.option("--days", default=365, show_default=True, help="How long the world lives.")
@click.option("--out", required=True, type=new_folder(), help="Folder for events, truth and catalogues.")
@json_option
def simulate_command(kind: str, seed: int, size: int, days: int, out: Path, as_json: bool) -> None:
    """Make a company or shop with known hidden truth.

    OUT receives events.ndjson (Segment events), truth_*.parquet (what really went on) and the catalogues as
    CSV.

    \b
    Example:
      sevenfold simulate saas --seed 7 --size 300 --days 365 --out out/world
    """
    with progress(as_json) as shown:
        summary = _simulate(kind, seed, size, days, out, shown)
    if as_json:
        print_json(summary)
        return
    click.echo(f"{summary.events:,} events ({summary.bytes / 1e6:,.1f} MB) are in {out / 'events.ndjson'}")
    rows = ", ".join(f"{count:,} {name}" for name, count in summary.truth_rows.items() if count)
    click.echo(f"The hidden truth beside them: {rows}")


def _simulate(kind: str, seed: int, size: int, days: int, out: Path, shown: Progress) -> Summary:
    task = shown.add_task("Simulating", total=days, note="")

    def on_day(day: int, of: int, events: int) -> None:
        shown.update(task, completed=day, note=f"{events:,} events")

    return run(kind, seed, size, days, out, on_day)


@click.command("demo")
@click.option("--out", type=new_folder(), help="Folder to write to; a new temporary one by default.")
@click.option("--seed", default=DEMO_SEED, show_default=True, help="The same seed makes the same company.")
@click.option(
    "--size", type=int, help=f"Accounts of the company ({LIVE_ACCOUNTS}; of a report {DEMO_ACCOUNTS})."
)
@click.option(
    "--seconds", type=click.FloatRange(0), help="How long; 0 until it is interrupted (90 by default)."
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Port of the service; any by default."
)
@click.option("--report", is_flag=True, help="Replay the company's past into a report instead.")
@click.option(
    "--days", default=DEMO_DAYS, show_default=True, help="Of the report: how long the company lives."
)
@json_option
def demo_command(
    out: Path | None, seed: int, size: int | None, seconds: float | None, port: int, report: bool, days: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Start the service on a simulated company, and watch.

    A SaaS company is made up and lives quickly, some six hours a second; its events go to a real service that
    runs the seven-stage pack, and mail goes to a mail catcher on this machine. People change stage, mail
    arrives, tasks are given out. With --report its past is replayed instead, from nothing to an HTML report.

    \b
    Examples:
      sevenfold demo
      sevenfold demo --seconds 0 --port 8700
      sevenfold demo --report --out out/demo
    """
    folder = out or Path(tempfile.mkdtemp(prefix="sevenfold-demo-"))
    if report:
        _report(folder, seed, size or DEMO_ACCOUNTS, days, as_json)
        return
    from sevenfold.commands.watching import show_demo

    seconds = LIVE_SECONDS if seconds is None else seconds
    show_demo(folder, load(DEMO_PACK), seed, size or LIVE_ACCOUNTS, seconds, port, as_json)


def _report(folder: Path, seed: int, size: int, days: int, as_json: bool) -> None:
    with progress(as_json) as shown:
        _simulate("saas", seed, size, days, folder / "world", shown)
        events = folder / "world" / "events.ndjson"
        bar = Bar(shown, events.stat().st_size)
        model = load(DEMO_PACK)
        outcome = replay(model, [events], folder / "replay", progress=bar)
    finish(outcome, as_json, model, [events])
    if not as_json:
        somebody = next(
            (row["user_id"] for row in outcome.table("people").to_pylist() if row["user_id"]), None
        )
        if somebody is not None:
            line = f"sevenfold explain {DEMO_PACK} {folder / 'replay'} --profile {somebody}"
            console().print(f"One person's story: {line}", soft_wrap=True)
