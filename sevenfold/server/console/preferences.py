"""What an admin chose for everybody in the console, by name."""

from __future__ import annotations

import sqlite3
from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")


class Preferences:
    """The choices in a store."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store

    def get(self, name: str, kind: type[Value], default: Value) -> Value:
        """What was chosen, else `default`."""
        row = self._store.execute("SELECT value FROM preferences WHERE name = ?", (name,)).fetchone()
        return default if row is None else msgspec.json.decode(row[0], type=kind)

    def put(self, name: str, value: Any) -> None:
        """Chooses something."""
        self._store.execute(
            "INSERT INTO preferences (name, value) VALUES (?, ?) ON CONFLICT (name)"
            " DO UPDATE SET value = excluded.value",
            (name, msgspec.json.encode(value)),
        )
