"""From the POST of an event to the message it causes in a channel's hands, under sustained load, on the real
service of three processes; cold start and memory beside it.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil

from sevenfold import snapshots
from sevenfold.carry import switch
from sevenfold.clock import SystemClock
from sevenfold.engine.definition import record_of
from sevenfold.log.base import NewControl
from sevenfold.log.sqlite import SqliteLog
from sevenfold.server.keys import Keys
from sevenfold.server.serve import LOG_FOLDER, SNAPSHOTS_FOLDER
from sevenfold.workspace import models as m
from sevenfold.workspace.loading import load

from .figures import Figure, Report, at_most, plain
from .latency_load import MARK
from .measuring import ROOT, pack
from .population import DAY, Population, Template

BATCH = 100
PROBES = 10
"""Every so many batches one holds an event that causes a message at once."""
BOUND_P50_MS, BOUND_P99_MS = 20, 100
_TIMESTAMP = re.compile(rb'"timestamp":"[^"]*",?')
_NETWORKS = "SEVENFOLD_OUTGOING_NETWORKS"


def measure(quick: bool) -> Report:
    people, seconds, rates = (20_000, 8, (5_000, 10_000)) if quick else (200_000, 60, (10_000,))
    ladder = () if quick else (4_000, 7_000, 12_000, 15_000, 20_000)
    folder = Path(tempfile.mkdtemp(prefix="sevenfold-bench-"))
    figures: list[Figure] = []
    notes: list[str] = []
    try:
        port = _free_port()
        key, batches = _prepare(folder / "data", people, port, int(max((*rates, *ladder)) / BATCH * seconds))
        bodies = folder / "bodies"
        began = time.monotonic()
        with _served(folder / "data") as (process, url):
            figures.append(plain("cold_start_s", _ready(url, began), "s"))
            at = 0
            for rate in (*rates, *ladder):
                lasting = seconds if rate in rates else 15
                count = rate * lasting // BATCH
                bodies.write_bytes(b"\n".join(_with_probes(batches[at % len(batches) :][:count], at)))
                at += count
                before = _cpu(process)
                found = _drive(url, key, bodies, port, rate / BATCH, lasting)
                used = {name: after - before.get(name, 0) for name, after in _cpu(process).items()}
                figures += _figures(rate, found, rate == 10_000)
                notes.append(_note(rate, found, used))
                _caught_up(url)
            resident = {name: one.memory_info().rss for name, one in _processes(process).items()}
        figures += [plain(f"resident_{name}_mb", rss / 1e6, "MB") for name, rss in resident.items()]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    holding = [
        rate
        for rate in (*rates, *ladder)
        if all(f.holds is not False for f in figures if f.name.endswith(f"at_{rate}"))
        and any(f.name == f"p99_ms_at_{rate}" and f.value <= BOUND_P99_MS for f in figures)
        and any(f.name == f"p50_ms_at_{rate}" and f.value <= BOUND_P50_MS for f in figures)
    ]
    figures.append(plain("highest_rate_within_bounds", max(holding, default=0), "events/s"))
    notes.insert(
        0, f"{people:,} people of `seven-stage` with its journeys; batches of {BATCH}; receiver on loopback"
    )
    if quick:
        notes.append(
            "quick: 20,000 people, 8 s at each of two rates instead of 200,000, 60 s and a ladder of rates"
        )
    return Report("latency", figures, notes)


def _prepare(data: Path, people: int, sink: int, batches: int) -> tuple[str, list[bytes]]:
    """A data folder with so many people in steady state as of now; a write key, and batches to send."""
    now = SystemClock().now()
    silent, full = pack("seven-stage"), _with_probe(load(ROOT / "packs" / "seven-stage"), sink)
    template = Template(silent, 200 if people < 50_000 else 300, start_ms=now // DAY * DAY - 120 * DAY)
    population = Population(template, people)
    fold = population.fold
    switch(fold, full)
    fold.advance(now)
    fold._taken()
    # Nobody has seen an effect: the history begins here.
    fold.emitted = 0
    log = SqliteLog(data / LOG_FOLDER, SystemClock())
    log.append([NewControl(record_of(full))])
    log.close()
    (data / SNAPSHOTS_FOLDER).mkdir()
    snapshots.write(fold, snapshots.path_of(data / SNAPSHOTS_FOLDER, 1)).wait()
    keys = Keys(data, SystemClock())
    key = keys.make_write_key("bench").secret
    keys.close()
    events = [_TIMESTAMP.sub(b"", raw) for _, raw in population.take(batches * BATCH)]
    return key, [b",".join(events[at : at + BATCH]) for at in range(0, len(events), BATCH)]


def _with_probes(batches: list[bytes], first: int) -> list[bytes]:
    """Bodies; every PROBES-th holds an event whose message is waited for."""
    made = []
    for number, batch in enumerate(batches):
        if number % PROBES == PROBES - 1:
            probe = {
                "type": "track", "event": "Probe", "userId": f"probe-{number % 500}",
                "messageId": f"p{first + number}", "properties": {"mark": MARK.decode()},
            }  # fmt: skip
            batch += b"," + msgspec.json.encode(probe)
        made.append(b'{"batch":[' + batch + b"]}")
    return made


def _with_probe(workspace: m.Workspace, sink: int) -> m.Workspace:
    """The pack with a webhook that is called at once for each probe; the others stay on the product."""
    channels = {name: msgspec.to_builtins(one) for name, one in workspace.channels.items()}
    channels = {name: {"type": "in_app"} if one["type"] != "popup" else one for name, one in channels.items()}
    url = f"http://127.0.0.1:{sink}/"
    channels["sink"] = {"type": "webhook", "provider": "webhook", "settings": {"url": url}}
    templates = {name: msgspec.to_builtins(one) for name, one in workspace.templates.items()}
    journey = {
        "triggers": [{"kind": "event", "event": "Probe"}],
        "re_entry": {"unlimited": 1_000},
        # Each probe is waited for: nobody is held out of this one.
        "holdout": 0,
        "steps": {"call": {"kind": "webhook", "channel": "sink", "template": "probe"}},
    }
    templates["probe"] = {
        "channel": "sink",
        "payload": '{"mark": {{ event.mark | json }}}',
        "transactional": True,
    }
    return msgspec.structs.replace(
        workspace,
        channels=msgspec.convert(channels, dict[str, m.DeliveryChannel]),
        templates=msgspec.convert(templates, dict[str, m.Template]),
        journeys={**workspace.journeys, "probe": msgspec.convert(journey, m.Journey)},
    )


@contextmanager
def _served(data: Path) -> Iterator[tuple[psutil.Process, str]]:
    command = [sys.executable, "-m", "sevenfold.cli", "serve", "--data", str(data), "--port", "0", "--json"]
    environment = {**psutil.Process().environ(), _NETWORKS: "127.0.0.0/8", "SEVENFOLD_METRICS_OPEN": "yes"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            yield psutil.Process(process.pid), json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            process.wait(120)


def _ready(url: str, began: float) -> float:
    while True:
        if httpx.get(f"{url}/ready", trust_env=False).status_code == 200:
            return time.monotonic() - began
        time.sleep(0.05)


def _caught_up(url: str) -> None:
    time.sleep(1)
    _ready(url, 0)


def _drive(url: str, key: str, bodies: Path, sink: int, rate: float, seconds: float) -> dict[str, Any]:
    port = f"{url.rsplit(':', 1)[1]}:{sink}"
    command = [sys.executable, "-m", "bench.latency_load", port, key, str(bodies), str(rate), str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        process.stdin.write("\n")
        process.stdin.flush()
        found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def _figures(rate: int, found: dict[str, Any], bound: bool) -> list[Figure]:
    missing = found["probes"] - len(found["latencies_ms"])
    latencies = [*found["latencies_ms"], *[float("inf")] * missing] or [float("inf")]

    def at(share: float) -> float:
        return min(float(latencies[min(len(latencies) - 1, int(share * len(latencies)))]), 1e9)

    p50, p99 = at(0.5), at(0.99)
    figures = [
        at_most("p50_ms", p50, "ms", BOUND_P50_MS) if bound else plain(f"p50_ms_at_{rate}", p50, "ms"),
        at_most("p99_ms", p99, "ms", BOUND_P99_MS) if bound else plain(f"p99_ms_at_{rate}", p99, "ms"),
        plain("p999_ms" if bound else f"p999_ms_at_{rate}", at(0.999), "ms"),
    ]
    if bound:
        figures += [plain(f"p50_ms_at_{rate}", p50, "ms"), plain(f"p99_ms_at_{rate}", p99, "ms")]
    return figures


def _note(rate: int, found: dict[str, Any], used: dict[str, float]) -> str:
    shares = ", ".join(f"{name} {100 * cpu / found['wall_s']:.0f} %" for name, cpu in used.items())
    return (
        f"{rate:,} events/s asked, {found['batches'] * BATCH / found['wall_s']:,.0f} acknowledged, "
        f"{found['refused']} refused, {len(found['latencies_ms'])} of {found['probes']} messages came; "
        f"of one core: {shares}, generator and receiver {100 * found['cpu_s'] / found['wall_s']:.0f} %"
    )


def _processes(process: psutil.Process) -> dict[str, psutil.Process]:
    found = {"hub": process}
    for child in process.children():
        line = " ".join(child.cmdline())
        found |= {name: child for name in ("fold", "delivery") if f"{name}_process" in line}
    return found


def _cpu(process: psutil.Process) -> dict[str, float]:
    return {name: sum(one.cpu_times()[:2]) for name, one in _processes(process).items()}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
