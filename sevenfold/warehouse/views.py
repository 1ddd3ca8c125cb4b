"""The views under the tables' own names, in which people are those whom they are part of."""

# ruff: noqa: S608 - statements are put together from the schema

from __future__ import annotations

from sevenfold.warehouse.schema import FORWARDS, Table, stored_name


def view_of(table: Table, resolving: bool, forwards: str = FORWARDS) -> str:
    """The SELECT of a table's view. While nobody was merged (`resolving` false) it joins nothing."""
    if not resolving or not table.persons:
        return f"SELECT * FROM {stored_name(table)}"
    shown, joins = [], []
    for column in table.columns:
        if column.person:
            alias = f"f_{column.name}"
            shown.append(f'COALESCE({alias}.person, s."{column.name}") AS "{column.name}"')
            joins.append(f'LEFT JOIN {forwards} AS {alias} ON {alias}.id = s."{column.name}"')
        else:
            shown.append(f's."{column.name}" AS "{column.name}"')
    return f"SELECT {', '.join(shown)} FROM {stored_name(table)} AS s {' '.join(joins)}"
