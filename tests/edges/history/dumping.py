"""The whole content of a history, to compare two."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sevenfold.server.history.schema import FILE


def content(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in order."""
    with sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True) as connection:
        names = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
        ]
        found = {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}
    connection.close()
    return found
