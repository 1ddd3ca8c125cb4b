"""The line between request handlers and the warehouse's process: one question a connection, JSON each way."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from ...errors import SevenfoldError
from ...limits import WAREHOUSE_ANSWER_BYTES_MAX, WAREHOUSE_QUERY_S_MAX, WAREHOUSE_QUESTION_BYTES_MAX
from ..live import UnavailableError

WAREHOUSE: Final = "sevenfold.server.measures.process"


class WarehouseOptions(Struct):
    """What the hub tells the warehouse's process when it starts it."""

    socket: str
    data_folder: str
    log_folder: str
    hub: int
    """The hub's process; without it this one has nothing to do."""


class AnswerError(SevenfoldError):
    """The warehouse refused; `code`, `message`, `where` and `fix` are its own."""

    code = "question_invalid"


class _Readable(Protocol):
    def readline(self, limit: int, /) -> bytes: ...


def read_line(file: _Readable) -> bytes | None:
    """A whole line; None when there is none, or it is too long."""
    line = file.readline(WAREHOUSE_QUESTION_BYTES_MAX)
    return line if line.endswith(b"\n") else None


async def asked(socket: str, question: dict[str, Any]) -> dict[str, Any]:
    """What the warehouse answers. Raises AnswerError with its own words, UnavailableError when it is not
    there.
    """
    later = UnavailableError("the warehouse is starting", fix="try again in a moment")
    if not socket:
        raise later
    try:
        reader, writer = await asyncio.open_unix_connection(socket, limit=WAREHOUSE_ANSWER_BYTES_MAX)
    except OSError as error:
        raise later from error
    try:
        writer.write(msgspec.json.encode(question) + b"\n")
        await writer.drain()
        line = await asyncio.wait_for(reader.readline(), 2 * WAREHOUSE_QUERY_S_MAX)
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
        raise UnavailableError("the warehouse did not answer", fix="ask for less") from error
    finally:
        writer.close()
    if not line.endswith(b"\n"):
        raise later
    held = msgspec.json.decode(line)
    if "error" in held:
        shape = held["error"]
        refused = AnswerError(shape["message"], where=shape.get("where", ""), fix=shape.get("fix", ""))
        refused.code = shape["code"]
        raise refused
    answer: dict[str, Any] = held["answer"]
    return answer
