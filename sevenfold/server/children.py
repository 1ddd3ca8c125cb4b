"""Processes beside this one: started, and started again when they end."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

log = logging.getLogger("sevenfold.children")
_BACK_OFF_S = (0.0, 0.2, 1.0, 2.0, 5.0, 10.0)
"""Before each start in a row; a process that has lived for a while starts at once."""
_LIVED_S = 30.0


class Child:
    """A Python process `python -m module OPTIONS`. `options` is called for each start."""

    def __init__(self, name: str, module: str, options: Callable[[], str]) -> None:
        self.name, self._module, self._options = name, module, options
        self.starts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending = False

    @property
    def pid(self) -> int | None:
        """The living process's id."""
        return self._process.pid if self._process is not None else None

    @property
    def meant(self) -> bool:
        """Whether an end is meant."""
        return self._ending

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep(), name=self.name)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while not self._ending:
            await asyncio.sleep(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)])
            began = loop.time()
            self.starts += 1
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                self._options(),
                stdin=asyncio.subprocess.DEVNULL,
                # A terminal's interrupt is for the hub, which ends the others in order.
                start_new_session=True,
            )
            status = await self._process.wait()
            self._process = None
            if self.meant:
                return
            failures = 1 if loop.time() - began > _LIVED_S else failures + 1
            log.warning("the process %s ended with status %d and is started again", self.name, status)

    def again(self) -> None:
        """Ends the process; it is started again."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def ending(self) -> None:
        """From now on an end is meant."""
        self._ending = True

    async def end(self, seconds: float) -> None:
        """Waits for the end, and makes one after `seconds`."""
        self._ending = True
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=seconds)
        if not done and self._process is not None:
            log.warning("the process %s does not end and is killed", self.name)
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            await asyncio.wait({self._task}, timeout=seconds)
        self._task.cancel()
