"""Looks whether signals wait for their past, has it worked out beside the service, and appends it."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from ...errors import SevenfoldError
from ...limits import RESTATEMENT_LINE_BYTES_MAX
from ..hub import Hub

log = logging.getLogger("sevenfold.past")
_PROCESS: Final = "sevenfold.server.past.process"
_LOOK_S: Final = 2.0
_AGAIN_S: Final = 60.0


class StoppedError(Exception):
    """The work cannot go on: its process ended, or another definition is in force."""


class Bringing:
    """Brings every new signal its past, one definition after the other. Nothing waits for it but the signals,
    which are unknown until then.
    """

    def __init__(self, hub: Hub, log_folder: Path) -> None:
        self._hub, self._log_folder = hub, log_folder
        self.brought = 0
        """How often a past was brought to its end."""

    async def run(self) -> None:
        """Looks at each new definition, until cancelled."""
        await self._hub.ready.wait()
        seen: object = None
        while True:
            if self._hub.workspace is not seen:
                looked_at = self._hub.workspace
                try:
                    await self._look()
                    seen = looked_at
                except (SevenfoldError, StoppedError, OSError, ValueError) as error:
                    log.warning("the past of new signals could not be brought: %s", error)
                    if self._hub.workspace is looked_at:
                        await asyncio.sleep(_AGAIN_S)
            await asyncio.sleep(_LOOK_S)

    async def _look(self) -> None:
        signals: dict[str, list[str]] = await self._hub.ask("waiting_for_past")
        if not signals:
            return
        names = ", ".join(label for labels in signals.values() for label in labels)
        log.info("the past of new signals is worked out: %s", names)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _PROCESS,
            str(self._log_folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=RESTATEMENT_LINE_BYTES_MAX,
            start_new_session=True,
        )
        try:
            records = await self._bring(process, signals)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self.brought += 1
        log.info("new signals have their past (%d records): %s", records, names)

    async def _bring(self, process: asyncio.subprocess.Process, signals: dict[str, list[str]]) -> int:
        """Talks with the process and appends what it says; how many records that were."""
        workspace = self._hub.workspace
        self._say(process, {"workspace": workspace, "signals": signals})
        await self._heard(process)
        self._still(workspace)
        told = await self._hub.control({"op": "gather", "signals": signals})
        self._say(process, {"until": told.position})
        records = 0
        while "done" not in (record := await self._heard(process)):
            self._still(workspace)
            await self._hub.control(record)
            records += 1
        self._still(workspace)
        await self._hub.control({"op": "restated", "signals": signals})
        return records

    def _still(self, workspace: object) -> None:
        if self._hub.workspace is not workspace:
            raise StoppedError("another definition came into force meanwhile")

    def _say(self, process: asyncio.subprocess.Process, message: dict[str, Any]) -> None:
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(message) + b"\n")

    async def _heard(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise StoppedError("the process that works it out has ended")
        heard: dict[str, Any] = msgspec.json.decode(line)
        return heard
