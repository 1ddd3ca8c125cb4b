"""`python -m bench NAME [--quick] [--json]`, and `python -m bench all`.

Exits with 0 when everything ran, whether the targets hold or not (it is said), and otherwise not.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import traceback

import msgspec

from .figures import Report, as_json, machine, table

NAMES = {
    "fold": "a million profiles in steady state, JSON bytes to effects",
    "memory": "bytes a profile, as the target defines a profile",
    "replay": "two years sparse with events, and a real shop's order lines",
    "append": "durable appends to the log",
    "ingest": "events in over HTTP: durable, acknowledged, folded",
    "rescore": "a million profiles under other weights",
    "snapshot": "snapshots beside the running fold, and recovery",
    "history": "effects and events into the history, timelines out of it",
    "journeys": "a million people waiting in runs, twenty journeys, many timers at once",
    "latency": "from the POST of an event to its message in a channel's hands, under load; cold start",
    "delivery": "messages through SMTP, a webhook and a provider's API on loopback",
    "noticing": "a simulated company's hidden troubles, noticed by stages, calendar and threshold",
    "measures": "analyses of ten million events against hand-written SQL; the projection",
    "predictions": "a million profiles get values foretold, record by record",
    "learning": "a million profiles scored, two hundred thousand learned from; what few outcomes can say",
    "learning_loop": "the closed loop against calendar, rules and risk targeting in a simulated company",
    "console": "the console in a browser on 200,000 people: weight, interaction to paint, profile pages",
    "oracle": "the engine against the reference fold of the tests",
}
_REPORT = "report "


def main() -> int:
    parser = argparse.ArgumentParser("python -m bench", description="Measures what the project promises.")
    parser.add_argument(
        "name", choices=[*NAMES, "all"], help="; ".join(f"{k}: {v}" for k, v in NAMES.items())
    )
    parser.add_argument("--quick", action="store_true", help="smaller numbers, within 50 seconds each")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--sparse", action="store_true", help="of `replay` only the sparse part")
    parser.add_argument("--report", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.name == "all":
        return _all(asked.quick, asked.json)
    module = importlib.import_module(f"bench.{asked.name}")
    options = {"sparse": True} if asked.sparse and asked.name == "replay" else {}
    before = machine()
    report: Report = module.measure(quick=asked.quick, **options)
    report.notes.append(_on(before))
    print(table(report))
    if asked.report:
        print(_REPORT + msgspec.json.encode(report).decode())
    if asked.json:
        print(as_json(asked.name, [report]))
    return 0


def _on(before: dict[str, object]) -> str:
    now = machine()
    return (
        f"on {now['cpu']}, {now['cores']} cores, Python {now['python']}; "
        f"load average {before['load_1m']} before, {now['load_1m']} after"
    )


def _all(quick: bool, json: bool) -> int:
    """Each in a process of its own, so that none inherits another's memory."""
    reports, failed = [], []
    for name in NAMES:
        command = [sys.executable, "-m", "bench", name, "--report", *(["--quick"] if quick else [])]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 our own command
        lines = done.stdout.splitlines()
        print("\n".join(line for line in lines if not line.startswith(_REPORT)), flush=True)
        found = [line for line in lines if line.startswith(_REPORT)]
        if done.returncode or not found:
            failed.append(name)
            continue
        reports.append(msgspec.json.decode(found[-1].removeprefix(_REPORT), type=Report))
    targets = [(r.bench, f) for r in reports for f in r.figures if f.holds is not None]
    missed = [f"{bench}.{f.name}" for bench, f in targets if not f.holds]
    print(f"{len(targets) - len(missed)} of {len(targets)} targets hold; not: {', '.join(missed) or 'none'}")
    if failed:
        print(f"did not run to their end: {', '.join(failed)}")
    if json:
        print(as_json("all", reports))
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception:
        traceback.print_exc()
        sys.exit(1)
