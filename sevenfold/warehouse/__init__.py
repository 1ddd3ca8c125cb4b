"""The warehouse: everything that happened and was decided, in tables that analyses ask; a projection of the
log.
"""

from __future__ import annotations

from typing import Final

FILE: Final = "warehouse.duckdb"
"""The embedded warehouse, in a data folder or where a replay went."""
