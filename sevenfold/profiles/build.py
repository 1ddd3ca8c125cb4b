"""Quasi-quotation: Python functions built as syntax trees from fixed templates, never from text anybody
supplied.

A template is a constant of this package. `code("c = COL[row] + 1", COL=env.name)` parses it (once) and
puts a tree, a list of statements or a constant in the place of each upper-case name. What a workspace says
reaches generated code only as constants and as bound objects.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

Part = ast.expr | Sequence[ast.stmt] | int | str | bool | None


@lru_cache(maxsize=4096)
def _parsed(template: str) -> ast.Module:
    return ast.parse(template)


def _filled(node: Any, parts: dict[str, Part]) -> Any:
    """A copy of a template's node with its names filled in; one pass, for compiling is mostly this."""
    kind = node.__class__
    if kind is ast.Name:
        if node.id not in parts:
            return ast.Name(node.id, node.ctx)
        part = parts[node.id]
        if isinstance(part, ast.Name):
            return ast.Name(part.id, node.ctx)
        if isinstance(part, ast.expr):
            return part
        assert not isinstance(part, Sequence) or isinstance(part, str), f"{node.id} stands where one value is"
        return ast.Constant(part)
    made = kind()
    for field in kind._fields:
        value = getattr(node, field, None)
        if value.__class__ is list:
            setattr(made, field, _filled_list(value, parts))
        elif isinstance(value, ast.AST) and value._fields:
            setattr(made, field, _filled(value, parts))
        else:
            setattr(made, field, value)
    if kind in (ast.If, ast.For, ast.While) and not made.body:
        made.body = [ast.Pass()]
    return made


def _filled_list(nodes: list[Any], parts: dict[str, Part]) -> list[Any]:
    made: list[Any] = []
    for node in nodes:
        if node.__class__ is ast.Expr and node.value.__class__ is ast.Name:
            part = parts.get(node.value.id)
            if isinstance(part, Sequence) and not isinstance(part, str):
                made += part
                continue
        made.append(_filled(node, parts) if isinstance(node, ast.AST) else node)
    return made


def code(template: str, **parts: Part) -> list[ast.stmt]:
    """The statements of a template with its upper-case names filled in. Empty bodies become `pass`."""
    return _filled_list(_parsed(template).body, parts)


def expression(template: str, **parts: Part) -> ast.expr:
    """The one expression of a template with its upper-case names filled in."""
    (statement,) = code(template, **parts)
    assert isinstance(statement, ast.Expr)
    return statement.value


def assigning(body: list[ast.stmt]) -> list[ast.stmt]:
    """A body of guards `if TEST: return X` and a last `return Y`, as one assignment to the local `n`.

    Statements between the guards (an assignment of `v`) move in front of the test that follows them.
    """
    made: list[ast.stmt] = []
    rest = body
    for place, statement in enumerate(rest):
        if isinstance(statement, ast.Return):
            assert statement.value is not None
            return [*made, ast.Assign([ast.Name("n", ast.Store())], statement.value)]
        if isinstance(statement, ast.If):
            (answer,) = statement.body
            assert isinstance(answer, ast.Return) and answer.value is not None
            then: list[ast.stmt] = [ast.Assign([ast.Name("n", ast.Store())], answer.value)]
            return [*made, ast.If(statement.test, then, assigning(rest[place + 1 :]))]
        made.append(statement)
    raise AssertionError("a body without an answer")


def conjunction(members: Iterable[ast.expr]) -> ast.expr:
    """`a and b and ...`; True for none."""
    return _boolean(ast.And(), list(members), True)


def disjunction(members: Iterable[ast.expr]) -> ast.expr:
    """`a or b or ...`; False for none."""
    return _boolean(ast.Or(), list(members), False)


def _boolean(op: ast.boolop, members: list[ast.expr], empty: bool) -> ast.expr:
    kept = [m for m in members if not (isinstance(m, ast.Constant) and m.value is empty)]
    if any(isinstance(m, ast.Constant) and m.value is (not empty) for m in kept):
        return ast.Constant(not empty)
    if not kept:
        return ast.Constant(empty)
    return kept[0] if len(kept) == 1 else ast.BoolOp(op, kept)


class Environment:
    """The global names that generated functions see: columns, tables and helpers bound by the compiler."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {"__builtins__": {}}
        self._count = 0
        self._names: dict[Any, str] = {}
        for safe in (len, min, max, sorted, range, abs, None.__class__, True.__class__):
            self.scope[safe.__name__] = safe
        self.scope["int"], self.scope["float"], self.scope["str"], self.scope["bool"] = int, float, str, bool

    def bind(self, value: Any, hint: str) -> ast.Name:
        """A global name for `value`; `hint` makes generated code readable in a debugger.

        What has a name already keeps it. The interpreter remembers where a global lies until there is another
        one: functions that are made while the fold is at work should need no new ones.
        """
        if isinstance(value, memoryview):
            # A column, which is replaced under its name when it grows.
            return ast.Name(self._fresh(hint, value), ast.Load())
        key = _identity(value)
        try:
            name = self._names.get(key)
        except TypeError:
            return ast.Name(self._fresh(hint, value), ast.Load())
        if name is None:
            name = self._names[key] = self._fresh(hint, value)
        return ast.Name(name, ast.Load())

    def _fresh(self, hint: str, value: Any) -> str:
        name = self._named(hint)
        self.scope[name] = value
        return name

    def _named(self, hint: str) -> str:
        self._count += 1
        return f"{''.join(c if c.isalnum() else '_' for c in hint)}_{self._count}"

    def rebind(self, name: str, value: Any) -> None:
        """Gives an existing global another value (a column that grew)."""
        assert name in self.scope, name
        self.scope[name] = value

    def function(self, hint: str, arguments: Sequence[str], body: list[ast.stmt]) -> Callable[..., Any]:
        """Compiles one function of positional arguments and returns it."""
        name = self._named(hint)
        definition = ast.FunctionDef(
            name=name,
            args=ast.arguments([], [ast.arg(a) for a in arguments], None, [], [], None, []),
            body=body or [ast.Pass()],
            decorator_list=[],
            returns=None,
        )
        module = ast.Module([definition], [])
        ast.fix_missing_locations(module)
        # The tree is made of this package's templates; a workspace adds constants and bound objects only.
        made = next(c for c in compile(module, f"<{hint}>", "exec").co_consts if isinstance(c, CodeType))
        return FunctionType(made, self.scope, name)


def _identity(value: Any) -> tuple[Any, Any]:
    """By what a bound value is known again."""
    kind = value.__class__
    # Lists and the like are bound for good, so that the number of the object stays theirs.
    return (kind, id(value)) if kind in (list, dict, set) else (kind, value)


def name(identifier: str) -> ast.Name:
    """A local or global name as a tree."""
    return ast.Name(identifier, ast.Load())
