"""What was noticed of a simulated company: for the report, where the hidden truth lies beside the events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow.parquet as pq
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from sevenfold.events.times import parse_ms
from sevenfold.playback import Outcome, open_log
from sevenfold.report import words
from sevenfold.simulate.against import KINDS, WAYS, Comparison, Hidden, alarms, compare, poor
from sevenfold.simulate.noticing import Noticed
from sevenfold.workspace.models import Workspace

TITLES: Final = {"stall": "stalls", "decline": "declines", "expansion_need": "needs of more"}
NAMES: Final = {"seven_stage": "seven stages", "calendar": "calendar", "threshold": "threshold on log-ins"}
FILE: Final = "noticed.json"
_TABLES: Final = ("accounts", "people", "episodes")
_RECORDS: Final = 256


class _Told(Struct):
    """As much of an event as a log-in is."""

    event: str | None = None
    userId: str | None = None  # noqa: N815 - the name in the event
    timestamp: str | None = None


def truth_beside(inputs: Sequence[Path]) -> Path | None:
    """The folder with a simulated company's truth, when the events lie in it."""
    for path in inputs:
        folder = path if path.is_dir() else path.parent
        if all((folder / f"truth_{name}.parquet").is_file() for name in _TABLES):
            return folder
    return None


def noticed_of(workspace: Workspace, outcome: Outcome, inputs: Sequence[Path]) -> Comparison | None:
    """What a replay raised against what the company hid; written to `noticed.json` beside the tables. None
    where there is no truth, or the workspace does not raise what is compared.
    """
    folder = truth_beside(inputs)
    wanted = {segment for _, names in KINDS.values() for segment in names}
    if folder is None or not wanted <= set(workspace.segments):
        return None
    truth = {name: pq.read_table(folder / f"truth_{name}.parquet") for name in _TABLES}
    if "is_owner" not in truth["people"].column_names or "signup_ms" not in truth["accounts"].column_names:
        return None
    hidden = Hidden(truth, _seen(outcome.log))
    tables = outcome.table("segments"), outcome.table("people"), outcome.table("accounts")
    found = compare(hidden, {kind: alarms(hidden, *where, *tables) for kind, where in KINDS.items()})
    rows = {"figures": figures(found), "before_churn": before(found), "poor": poor(found)}
    (outcome.folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(rows)))
    return found


def _seen(folder: Path) -> Iterator[tuple[int, str | None, str | None]]:
    """The events of a log: when, who, what."""
    decode = msgspec.json.Decoder(_Told).decode
    log = open_log(folder)
    try:
        at = 0
        while at < log.next_position:
            for record in log.read(at, _RECORDS):
                at = max(at + 1, record.end)
                for entry in record.entries if record.kind == "events" else ():
                    told = decode(entry.raw)
                    yield parse_ms(told.timestamp) or entry.time, told.userId, told.event
    finally:
        log.close()


def figures(found: Comparison) -> list[dict[str, Any]]:
    """A row for each kind and way: precision and recall with what they are of, and days until noticed."""
    return [
        {"kind": TITLES[kind], "hidden": one.episodes, "way": NAMES[way], **_row(one)}
        for kind in KINDS
        for way in WAYS
        for one in (found.found[way][kind],)
    ]


def _row(one: Noticed) -> dict[str, Any]:
    return {
        "alarms": one.alarms, "right": one.right, "noticed": one.noticed, "precision": one.precision,
        "recall": one.recall, "delay_days": one.delay_days, "lead_days": one.lead_days,
    }  # fmt: skip


def before(found: Comparison) -> list[dict[str, Any]]:
    """A row for each way: how many accounts that were to leave by a decline it noticed, and how many days
    before (median).
    """
    return [
        {"way": NAMES[way], "leaving": one.episodes, "noticed": one.noticed, "lead_days": one.lead_days}
        for way, one in found.before_churn.items()
    ]


def section(found: Comparison | None) -> dict[str, Any] | None:
    """What the report's template shows; None when there is nothing to compare."""
    if found is None:
        return None
    return {"figures": figures(found), "before": before(found), "poor": poor(found)}


def print_noticed(console: Console, found: Comparison) -> None:
    """The same for a terminal."""
    table = Table(title="What was noticed of what the company hid", title_justify="left")
    for column in ("hidden", "who", "precision", "recall", "days until noticed"):
        table.add_column(column, justify="left" if column in ("hidden", "who") else "right")
    for place, row in enumerate(figures(found)):
        hidden = f"{row['kind']} ({row['hidden']})" if place % len(WAYS) == 0 else ""
        right = f"{words.share(row['right'], row['alarms'])} of {row['alarms']}"
        days = "–" if row["delay_days"] is None else f"{row['delay_days']:.0f}"
        table.add_row(hidden, row["way"], right, words.share(row["noticed"], row["hidden"]), days)
    console.print(table)
    for said in poor(found):
        console.print(f"! {said}")


__all__ = ["FILE", "before", "figures", "noticed_of", "print_noticed", "section", "truth_beside"]
