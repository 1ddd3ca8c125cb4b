"""DuckDB's SQL, in which every analysis is written, as ClickHouse understands it.

sqlglot parses one and writes the other; this page mends what means something else there: whole division, text
out of JSON, casts that may fail. Only what analyses use is looked after, and the conformance suite holds the
answers of both engines against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlglot
from sqlglot import exp

from sevenfold.warehouse.base import WarehouseError

_REACHING: Final = frozenset(
    [
        "file",
        "url",
        "s3",
        "remote",
        "remotesecure",
        "executable",
        "mysql",
        "postgresql",
        "jdbc",
        "odbc",
        "hdfs",
        "joinget",
        "getsetting",
        "getmacro",
        "sleep",
        "sleepeachrow",
        "python",
        "input",
        "cluster",
    ]
)
"""Functions of ClickHouse that reach beyond the tables."""
Expand = Callable[[str], str | None]
"""The SELECT that stands for a table's name, or None for the table itself."""


def to_clickhouse(sql: str, parameters: Mapping[str, Any] | None = None, expand: Expand | None = None) -> str:
    """One SELECT of DuckDB's as one of ClickHouse's, with the parameters in their places."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    tree = tree.transform(lambda node: _mended(node, parameters or {}))
    if expand is not None:
        tree = _expanded(tree, expand)
    return str(tree.sql(dialect="clickhouse"))


def _mended(node: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(node, exp.IntDiv):
        return exp.Anonymous(this="intDiv", expressions=[node.this, node.expression])
    if isinstance(node, exp.JSONExtractScalar):
        path = node.expression.sql(dialect="duckdb").strip("'")
        return exp.Anonymous(this="JSON_VALUE", expressions=[node.this, exp.Literal.string(path)])
    if isinstance(node, exp.TryCast):
        return exp.Anonymous(this="toFloat64OrNull", expressions=[node.this])
    if isinstance(node, exp.Parameter | exp.Placeholder):
        name = node.name or node.this
        return exp.convert(parameters[str(name)])
    return node


def _expanded(tree: Any, expand: Expand) -> Any:
    known = {one.alias for one in tree.find_all(exp.CTE)}

    def replaced(node: Any) -> Any:
        if isinstance(node, exp.Table) and node.name not in known:
            held = expand(str(node.name))
            if held is not None:
                inner = sqlglot.parse_one(held, read="duckdb").transform(replaced)
                return exp.Subquery(this=inner, alias=exp.to_identifier(node.alias or node.name))
        return node

    return tree.transform(replaced)


def check_clickhouse(sql: str, known: frozenset[str]) -> str:
    """One SELECT over known tables, as a person wrote it, without its semicolon. Raises WarehouseError."""
    try:
        trees = [tree for tree in sqlglot.parse(sql, read="clickhouse") if tree is not None]
    except sqlglot.ParseError as error:
        raise WarehouseError(f"the query cannot be read: {str(error).partition('.')[0]}") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise WarehouseError("only one SELECT may be asked", fix="the warehouse is read only")
    tree = trees[0]
    named = {one.alias for one in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.name not in known | named or table.db:
            raise WarehouseError(f"`{table.sql(dialect='clickhouse')}` cannot be read", fix="see the tables")
    for call in tree.find_all(exp.Func):
        name = (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).lower()
        if name in _REACHING or name.startswith("dictget"):
            raise WarehouseError(f"`{name}` may not be used", fix="leave it out")
    if any(one.args.get("settings") or one.args.get("format") for one in tree.find_all(exp.Query)):
        raise WarehouseError("settings and formats cannot be chosen", fix="leave them out")
    return str(tree.sql(dialect="clickhouse"))
