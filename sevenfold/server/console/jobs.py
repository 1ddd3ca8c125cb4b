"""Long pieces of work, each in a process of its own: started, looked at, cancelled.

A process is asked by one JSON object on standard input and says how far it is in lines of JSON on standard
output: `{"done", "total", "message"}`, and at last `{"result"}` or `{"error"}`. Jobs are remembered while the
service runs; one that was running when it stopped is asked for again.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from contextlib import suppress
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

import msgspec
from msgspec import Struct

from ...clock import Clock
from ...limits import JOB_LINE_BYTES_MAX, JOB_S_MAX, JOBS_AT_ONCE_ITEMS_MAX, JOBS_KEPT_ITEMS_MAX
from ..errors import ConflictError
from ..live import Live
from ..questions import QuestionError

_PROCESS: Final = "sevenfold.server.console.working"
State = Literal["queued", "running", "done", "failed", "cancelled"]


class Job(Struct, kw_only=True):
    """A long piece of work. `done` of `total` (null: nobody knows) units; `message` says what it is at;
    `result` when it is done, `error` (`code`, `message`, `fix`) when it failed. Times ms UTC.
    """

    id: str
    kind: str
    name: str
    by: str
    state: State
    created: int
    ended: int | None = None
    done: int = 0
    total: int | None = None
    message: str | None = None
    result: Any = None
    error: dict[str, Any] | None = None


class Jobs:
    """The jobs of one service."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, kind: str, name: str, by: str, asked: dict[str, Any]) -> Job:
        """Begins a job, or queues it behind those that run. Raises ConflictError when too many wait."""
        waiting = [one for one in self._jobs.values() if one.ended is None]
        if len(waiting) >= JOBS_KEPT_ITEMS_MAX:
            raise ConflictError("so much is being worked on already", fix="wait, or cancel something")
        job = Job(
            id=f"job_{secrets.token_hex(8)}", kind=kind, name=name, by=by, state="queued",
            created=self._clock.now(),
        )  # fmt: skip
        self._jobs[job.id] = job
        for old in sorted((one for one in self._jobs.values() if one.ended), key=lambda one: one.ended or 0):
            if len(self._jobs) <= JOBS_KEPT_ITEMS_MAX:
                break
            del self._jobs[old.id]
        task = asyncio.create_task(self._run(job, asked), name=job.id)
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))
        return job

    def get(self, id: str) -> Job:  # noqa: A002 - its name everywhere
        """A job by id. Raises QuestionError."""
        found = self._jobs.get(id)
        if found is None:
            raise QuestionError(f"there is no job `{id[:64]}`", where="id", fix="ask for it again")
        return found

    def list(self) -> list[Job]:
        """Every job that is remembered, the newest first."""
        return sorted(self._jobs.values(), key=lambda one: -one.created)

    def cancel(self, id: str) -> Job:  # noqa: A002
        """Ends a job that is not over. Raises QuestionError."""
        job = self.get(id)
        task = self._tasks.get(id)
        if task is not None:
            task.cancel()
        if job.ended is None:
            job.state, job.ended = "cancelled", self._clock.now()
        return job

    async def stop(self) -> None:
        """Ends everything, when the service does."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, job: Job, asked: dict[str, Any]) -> None:
        while sum(one.state == "running" for one in self._jobs.values()) >= JOBS_AT_ONCE_ITEMS_MAX:
            await asyncio.sleep(0.05)
        if job.ended is not None:
            return
        job.state = "running"
        try:
            async with asyncio.timeout(JOB_S_MAX):
                await self._work(job, await asyncio.to_thread(msgspec.json.encode, asked))
        except TimeoutError:
            job.error = {"code": "unavailable", "message": "it takes too long", "fix": "ask for less"}
        if job.ended is None:
            job.state, job.ended = "done" if job.error is None else "failed", self._clock.now()

    async def _work(self, job: Job, question: bytes) -> None:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", _PROCESS, stdin=pipe, stdout=pipe, start_new_session=True,
            limit=JOB_LINE_BYTES_MAX,
        )  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        over = False
        try:
            process.stdin.write(question)
            with suppress(ConnectionError):
                await process.stdin.drain()
            process.stdin.close()
            while line := await process.stdout.readline():
                said = msgspec.json.decode(line)
                over = over or "result" in said or "error" in said
                for name, value in said.items():
                    setattr(job, name, value)
            await process.wait()
            if not over:
                job.error = {"code": "internal", "message": "the work ended without an answer"}
        except ValueError:
            job.error = {"code": "internal", "message": "the answer cannot be read"}
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


_all: Final[WeakKeyDictionary[Live, Jobs]] = WeakKeyDictionary()


def jobs_of(live: Live, clock: Clock) -> Jobs:
    """The jobs of a service."""
    found = _all.get(live)
    if found is None:
        found = _all[live] = Jobs(clock)
    return found
