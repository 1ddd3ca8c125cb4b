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
@click.option("--size", default=DEMO_ACCOUNTS, show_default=True, help="Accounts of the company.")
@click.option("--days", default=DEMO_DAYS, show_default=True, help="How long the company lives.")
@json_option
def demo_command(out: Path | None, seed: int, size: int, days: int, as_json: bool) -> None:
    """Simulate a company and replay it, from nothing to a report.

    A SaaS company is made up, its events run through the seven-stage pack, and the summary and the path of
    the report are shown.

    \b
    Example:
      sevenfold demo --out out/demo
    """
    folder = out or Path(tempfile.mkdtemp(prefix="sevenfold-demo-"))
    with progress(as_json) as shown:
        _simulate("saas", seed, size, days, folder / "world", shown)
        events = folder / "world" / "events.ndjson"
        bar = Bar(shown, events.stat().st_size)
        outcome = replay(load(DEMO_PACK), [events], folder / "replay", progress=bar)
    finish(outcome, as_json)
    if not as_json:
        somebody = next(
            (row["user_id"] for row in outcome.table("people").to_pylist() if row["user_id"]), None
        )
        if somebody is not None:
            line = f"sevenfold explain {DEMO_PACK} {folder / 'replay'} --profile {somebody}"
            console().print(f"One person's story: {line}", soft_wrap=True)
