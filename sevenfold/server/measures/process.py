"""The warehouse's process: follows the log, and answers questions over a socket. It ends when the service
does.

DuckDB lets one process write a file, so this one also answers what is asked of it. It gives way to the fold:
it is the last to get a processor, and its queries use one thread.
"""

from __future__ import annotations

import logging
import os
import socketserver
import sys
import threading
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

from ...clock import sleep_s
from ...errors import SevenfoldError
from ...limits import WAREHOUSE_SQL_ROWS_MAX
from ...log.reader import LogReader
from ...measures import ask, question_from
from ...measures.answer import plain
from ...warehouse import FILE
from ...warehouse.base import Warehouse, WarehouseError
from ...warehouse.duck import DuckWarehouse
from ..logs import to_stderr
from .follow import Follower
from .line import WarehouseOptions, read_line

log = logging.getLogger("sevenfold.warehouse")
_IDLE_S: Final = 0.25
_NICE: Final = 10
_AT_ONCE: Final = 2
"""Questions answered at the same time; further ones wait."""


class Answers(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers one question a connection: a line of JSON each way."""

    daemon_threads = True

    def __init__(self, socket: str, warehouse: Warehouse) -> None:
        super().__init__(socket, _One)
        self.warehouse = warehouse
        self.room = threading.Semaphore(_AT_ONCE)

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer to one question. Raises SevenfoldError."""
        if "sql" in asked:
            rows = min(int(asked.get("rows", WAREHOUSE_SQL_ROWS_MAX)), WAREHOUSE_SQL_ROWS_MAX)
            return {"rows": _rows(self.warehouse.select(str(asked["sql"]), rows=rows))}
        if "analysis" in asked:
            question = question_from(str(asked["analysis"]), dict(asked["fields"]))
            warehouse = self.warehouse if asked.get("as_of") is None else self.warehouse.as_of(asked["as_of"])
            return ask(warehouse, question).to_json()
        through = self.warehouse.through()
        return {"position": through.position, "number": through.number, "time": through.time}


class _One(socketserver.StreamRequestHandler):
    server: Answers

    def handle(self) -> None:
        line = read_line(self.rfile)
        if line is None:
            return
        try:
            with self.server.room:
                answer = {"answer": self.server.answer(msgspec.json.decode(line))}
        except SevenfoldError as error:
            answer = {"error": error.to_json()}
        except Exception as error:
            # What went wrong may quote what was asked; only its kind is told.
            log.error("a question failed: %s", type(error).__name__, exc_info=True)
            answer = {
                "error": {"code": "internal", "message": f"the question failed ({type(error).__name__})"}
            }
        self.wfile.write(msgspec.json.encode(answer) + b"\n")


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    return [{key: plain(value) for key, value in row.items()} for row in table.to_pylist()]


def serve(options: WarehouseOptions) -> None:
    """Follows and answers until the service is gone."""
    if os.getppid() != options.hub:
        # It was gone before this process had begun.
        return
    folder = Path(options.data_folder)
    warehouse = _opened(folder)
    reader = LogReader(Path(options.log_folder))
    answers = Answers(options.socket, warehouse)
    threading.Thread(target=answers.serve_forever, name="answers", daemon=True).start()
    follower = Follower(warehouse, folder, reader)
    failed = ""
    while os.getppid() == options.hub:
        try:
            if not follower.catch_up():
                sleep_s(_IDLE_S)
            failed = ""
        except WarehouseError as error:
            # A full disk: what was not stored is taken again.
            if error.message != failed:
                log.error("the warehouse cannot be written: %s", error.message)
            failed = error.message
            follower.close()
            sleep_s(1.0)
            follower = Follower(warehouse, folder, reader)


def _opened(folder: Path) -> DuckWarehouse:
    """The warehouse of a data folder; one that cannot be read is made again."""
    try:
        return DuckWarehouse(folder / FILE, threads=1)
    except WarehouseError as error:
        log.warning("the warehouse is made again from the log: %s", error.message)
        for name in (FILE, f"{FILE}.wal"):
            (folder / name).unlink(missing_ok=True)
        return DuckWarehouse(folder / FILE, threads=1)


def main() -> None:
    """`python -m sevenfold.server.measures.process OPTIONS` (JSON); started by the hub."""
    to_stderr()
    os.nice(_NICE)
    serve(msgspec.json.decode(sys.argv[1], type=WarehouseOptions))


if __name__ == "__main__":
    main()
