"""A real `sevenfold serve` on loopback, for tests: started in a folder, stopped or killed by them."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

START_S = 120
"""Long, for a machine on which much else runs; nothing waits longer than it has to."""


class Served:
    """A running service: where it listens, its keys, and its process."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, started: dict[str, str]) -> None:
        self.process, self.folder = process, folder
        self.url: str = started["url"]
        self.write_key: str = started.get("write_key", "")
        self.api_key: str = started.get("api_key", "")
        self.setup_token: str = started.get("setup_token", "")
        self.http = httpx.Client(base_url=self.url, timeout=10, trust_env=False)

    def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        """Events, with the write key."""
        return self.http.post(path, json=body, auth=(self.write_key, ""), **more)

    def api(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The admin API, with the API key."""
        return self.http.request(method, path, headers={"Authorization": f"Bearer {self.api_key}"}, **more)

    def until_ready(self, seconds: float = START_S) -> None:
        """Waits until everything at hand is folded."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.http.get("/ready").status_code == 200:
                return
            time.sleep(0.05)
        raise AssertionError("the service does not become ready")

    def children(self) -> dict[str, psutil.Process]:
        """Its other processes: `fold` and `delivery`."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            line = " ".join(child.cmdline())
            for name in ("fold", "delivery"):
                if f"sevenfold.server.{name}_process" in line:
                    found[name] = child
        return found

    def kill(self) -> None:
        """As a power cut would, for this process; the others notice."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.close()

    def stop(self, seconds: float = 30) -> int:
        """In order; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(seconds)
        self.close()
        return status

    def close(self) -> None:
        """Lets go of what this process holds of it."""
        self.http.close()
        if self.process.stdout is not None:
            self.process.stdout.close()


def start(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> Served:
    """Starts a service with its data in `folder`, on any free port."""
    command = [sys.executable, "-m", "sevenfold.cli", "serve", *arguments]
    command += ["--data", str(folder), "--port", "0", "--json"]
    errors = (folder.parent / f"{folder.name}.stderr").open("a")
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **(environment or {})}
    )
    errors.close()
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline() if ready else ""
    if not line.startswith("{"):
        process.kill()
        process.wait()
        process.stdout.close()
        raise AssertionError(
            f"the service did not start: {(folder.parent / f'{folder.name}.stderr').read_text()}"
        )
    return Served(process, folder, json.loads(line))


@contextmanager
def served(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> Iterator[Served]:
    """`start`, and whatever happens the end of it."""
    found = start(folder, *arguments, environment=environment)
    try:
        yield found
    finally:
        if found.process.poll() is None:
            found.process.terminate()
            try:
                found.process.wait(20)
            except subprocess.TimeoutExpired:
                found.process.kill()
                found.process.wait()
        found.close()
