"""Events in over HTTP: durable and acknowledged, what each stage of it costs, and with the fold keeping up.

The generator is a process of its own on the same machine; its requests are made before the clock starts. The
log is durable (WAL, synchronous=FULL) in the temporary folder.
"""

from __future__ import annotations

import json
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

from sevenfold.clock import SystemClock
from sevenfold.events.dedup import message_key
from sevenfold.events.model import Event, event_decoder
from sevenfold.events.steps import Intake
from sevenfold.log.base import Entry, NewEvents
from sevenfold.log.sqlite import SqliteLog
from sevenfold.server.ingest.agents import Agents
from sevenfold.server.ingest.envelope import read_batch
from sevenfold.server.ingest.places import Places
from sevenfold.server.ingest.rewriting import SERVER, Rewriter
from sevenfold.server.ingest.taking import Request, Taking

from .figures import Report, at_least, plain
from .ingest_load import Found, requests
from .measuring import ROOT, Laps, quiet

BATCH = 100
_ARGUMENTS = {"cwd": ROOT, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
_START_S = 60
Process = subprocess.Popen[str]


class Cost(msgspec.Struct):
    """What the server says of itself."""

    cpu_seconds: float
    commits: int
    commit_seconds: float
    events: int


def measure(quick: bool) -> Report:
    seconds = 4.0 if quick else 10.0
    batches, batch_cost = _without_fold(seconds, BATCH, connections=16, count=int(seconds * 1_200))
    singles, single_cost = _without_fold(seconds, 1, connections=256, count=int(seconds * 8_000))
    folded = _with_fold(seconds, count=int(seconds * 400))
    figures = [
        at_least("events_per_s", batches.events / batches.seconds, "events/s", 40_000),
        at_least("single_per_s", singles.events / singles.seconds, "events/s", 3_000),
        at_least("with_fold_per_s", folded.pop("with_fold_per_s"), "events/s", 20_000),
        plain("with_fold_accepted_per_s", folded.pop("accepted_per_s"), "events/s"),
        *(plain(f"with_fold_{name}_us", us, "us/event") for name, us in folded.items()),
        plain("batch_p50_ms", batches.p50_ms, "ms"),
        plain("batch_p99_ms", batches.p99_ms, "ms"),
        plain("single_p50_ms", singles.p50_ms, "ms"),
        plain("single_p99_ms", singles.p99_ms, "ms"),
        plain("batch_server_us", batch_cost.cpu_seconds / batches.events * 1e6, "us/event"),
        plain("batch_generator_us", batches.cpu_seconds / batches.events * 1e6, "us/event"),
        plain("single_server_us", single_cost.cpu_seconds / singles.events * 1e6, "us/event"),
        plain("single_generator_us", singles.cpu_seconds / singles.events * 1e6, "us/event"),
        plain("events_per_commit", batch_cost.events / batch_cost.commits, "events"),
        plain("commit_ms", batch_cost.commit_seconds / batch_cost.commits * 1_000, "ms"),
        *_stages(50 if quick else 200),
    ]
    notes = [
        f"{seconds:g} s each, the generator on the same cores; batches of {BATCH} over 16 connections, "
        "single events over 256",
        "`_us` figures are processor time, and say what a core of one's own would do",
        "with the fold: `sevenfold serve seven-stage`, from the first request until everything is folded",
    ]
    return Report("ingest", figures, notes)


# --- over HTTP ----------------------------------------------------------------------------------------------


def _without_fold(seconds: float, batch: int, connections: int, count: int) -> tuple[Found, Cost]:
    with tempfile.TemporaryDirectory() as folder, _process("bench.ingest_server", folder) as server:
        started = json.loads(_line(server))
        path = "/v1/track" if batch == 1 else "/v1/batch"
        with _generator(
            started["port"], started["key"], seconds, batch, connections, count, path
        ) as generator:
            found = _driven(generator)
        _tell(server)
        cost = msgspec.json.decode(_line(server), type=Cost)
    assert found.refused == 0 and cost.events == found.events, (found, cost)
    return found, cost


def _with_fold(seconds: float, count: int) -> dict[str, float]:
    """Events a second that were accepted and folded, and that were accepted; processor us an event of each
    process.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = (
            "sevenfold.cli",
            "serve",
            "seven-stage",
            "--data",
            f"{folder}/data",
            "--port",
            "0",
            "--json",
        )
        with _process(*command, stderr=subprocess.DEVNULL) as server:
            started = json.loads(_line(server))
            port = int(started["url"].rsplit(":", 1)[1])
            headers = {"Authorization": f"Bearer {started['api_key']}"}
            with httpx.Client(base_url=started["url"], headers=headers, timeout=60) as client:
                _until(client, 0)
                arguments = (port, started["write_key"], seconds, BATCH, 16, count, "/v1/batch")
                with _generator(*arguments) as generator:
                    before = _processor(server.pid)
                    began = time.perf_counter()
                    found = _driven(generator)
                    _until(client, found.events)
                    whole = time.perf_counter() - began
                    after = _processor(server.pid)
            server.terminate()
            server.wait(60)
    assert found.refused == 0, found
    costs = {name: (after[name] - before[name]) / found.events * 1e6 for name in before}
    return {"with_fold_per_s": found.events / whole, "accepted_per_s": found.events / found.seconds, **costs}


def _processor(hub: int) -> dict[str, float]:
    """Seconds of the hub, the fold and the delivery."""
    found = {"hub": psutil.Process(hub)}
    for child in psutil.Process(hub).children():
        line = " ".join(child.cmdline())
        for name in ("fold", "delivery"):
            if f"sevenfold.server.{name}_process" in line:
                found[name] = child
    return {name: sum(process.cpu_times()[:2]) for name, process in found.items()}


def _until(client: httpx.Client, events: int) -> None:
    """Waits until so many events are folded."""
    end = time.monotonic() + 10 * _START_S
    while time.monotonic() < end:
        if client.get("/ready").status_code == 200:
            status = client.get("/api/status").json()
            if status["folded"] >= max(events, status["position"]):
                return
        time.sleep(0.02)
    raise AssertionError("the fold does not keep up")


@contextmanager
def _process(*arguments: str, **more: Any) -> Iterator[Process]:
    process: Process = subprocess.Popen([sys.executable, "-m", *arguments], **{**_ARGUMENTS, **more})  # noqa: S603
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _generator(
    port: int, key: str, seconds: float, batch: int, connections: int, count: int, path: str
) -> Any:
    arguments = (port, key, seconds, batch, connections, count, "load", path)
    return _process("bench.ingest_load", *map(str, arguments))


def _driven(generator: Process) -> Found:
    assert _line(generator) == "ready\n"
    _tell(generator)
    return msgspec.json.decode(_line(generator), type=Found)


def _line(process: Process) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the process has ended"
    return line


def _tell(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


# --- stage by stage -----------------------------------------------------------------------------------------


def _stages(turns: int) -> list[Any]:
    """What each stage costs an event of a batch, alone and in this process: processor time."""
    clock = SystemClock()
    bodies = [raw.partition(b"\r\n\r\n")[2] for raw in requests("key", BATCH, turns, "stages", "/v1/batch")]
    taking = Taking(Rewriter(Agents(clock), Places(None, clock), keep_ip=False))
    intake = Intake(event_decoder(None))
    parse, validate, key, whole, append = Laps(), Laps(), Laps(), Laps(), Laps()
    with tempfile.TemporaryDirectory() as folder, quiet():
        log = SqliteLog(Path(folder) / "log", clock)
        for body in bodies:
            now = clock.now()
            raws = parse.add(BATCH, lambda body=body: [bytes(raw) for raw in read_batch(body).events])
            found = validate.add(
                BATCH, lambda raws=raws, now=now: [intake.accept(raw, now, "b") for raw in raws]
            )
            ids = [str(event.message_id) for event in found if isinstance(event, Event)]
            keys = key.add(BATCH, lambda ids=ids: [message_key("b", one) for one in ids])
            request = Request("b", now, SERVER, body, "key")
            whole.add(BATCH, lambda body=body, request=request: taking.take(read_batch(body), request))
            new = NewEvents([Entry("b", now, raw) for raw in raws], keys)
            append.add(BATCH, lambda new=new: log.append([new]))
        log.close()
    named = {"parse": parse, "validate": validate, "key": key, "take": whole, "append": append}
    figures = [plain(f"{name}_us", laps.cpu_s / laps.units * 1e6, "us/event") for name, laps in named.items()]
    return [*figures, plain("append_wall_us", append.wall_s / append.units * 1e6, "us/event")]
