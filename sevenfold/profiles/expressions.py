"""The expression language of conditions: text to a small typed tree. Pure; nothing is ever evaluated as code.

Grammar, loosest first::

    or-test:     and-test ("or" and-test)*
    and-test:    not-test ("and" not-test)*
    not-test:    "not" not-test | comparison
    comparison:  sum (("==" | "!=" | "<" | "<=" | ">" | ">=") sum)+ | sum ["not"] "in" "(" literal, ... ")"
                 | sum ("contains" | "starts_with" | "ends_with" | "matches") text
                 | ("exists" | "missing") name | sum
    sum:         product (("+" | "-") product)*
    product:     atom ("*" atom)*            (one side a number)
    atom:        number | duration | text | "true" | "false" | name | "(" or-test ")" | "-" atom
    name:        word ("." word | "['odd name']")*

Durations are written ``90s``, ``30m``, ``12h``, ``7d``, ``8w``. Texts stand in single or double quotes.
``matches`` takes a glob (``*`` and ``?``), never a regular expression, so no pattern can take exponential
time. A chain ``40 <= x < 60`` means both comparisons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ..errors import SevenfoldError
from ..limits import EXPRESSION_CHARS_MAX

UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
TEXT_TESTS = frozenset({"contains", "starts_with", "ends_with", "matches"})
KEYWORDS = frozenset({"and", "or", "not", "in", "exists", "missing", "true", "false"}) | TEXT_TESTS


class ExpressionError(SevenfoldError):
    """An expression could not be read; ``column`` is the 1-based place in its text."""

    code = "bad_expression"

    def __init__(self, message: str, text: str, column: int) -> None:
        super().__init__(f"{message} (column {column} of `{text}`)")
        self.text = text
        self.column = column


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in milliseconds."""

    ms: int


Value = str | bool | Fraction | Duration


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: text, truth value, exact number or duration."""

    value: Value


@dataclass(frozen=True, slots=True)
class Name:
    """A dotted name, such as ``logins_7d``, ``trait.plan`` or ``stage.customer``."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Linear:
    """A sum of products of numbers and names: ``sum(k * name) + constant``."""

    terms: tuple[tuple[Fraction, Name], ...]
    constant: Fraction


@dataclass(frozen=True, slots=True)
class Compare:
    """``left op right`` with op one of == != < <= > >=."""

    op: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Member:
    """``left in (values)``."""

    left: Name
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class TextTest:
    """``left contains|starts_with|ends_with|matches 'text'``; case is significant."""

    op: str
    left: Name
    text: str


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether a value is known; never unknown itself."""

    name: Name


@dataclass(frozen=True, slots=True)
class Truth:
    """A name or constant used as a condition."""

    operand: Name | Literal


@dataclass(frozen=True, slots=True)
class AllOf:
    """Three-valued and."""

    members: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Three-valued or."""

    members: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class NotOf:
    """Three-valued not."""

    member: Node


Operand = Name | Literal | Linear
Node = Compare | Member | TextTest | Exists | Truth | AllOf | AnyOf | NotOf

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<duration>\d+(?:\.\d+)?(?:ms|[smhdw])\b)
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<op>==|!=|<=|>=|[<>()\[\],.+\-*/])
    )""",
    re.VERBOSE,
)


def parse_duration(text: str) -> int:
    """Milliseconds of ``7d``, ``90s``, ``1.5h``. Raises ``ExpressionError`` for anything else."""
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)(ms|[smhdw])", text.strip())
    if match is None:
        raise ExpressionError("a duration is a number and one of ms, s, m, h, d, w, such as 7d", text, 1)
    exact = Fraction(match[1]) * UNITS_MS[match[2]]
    if exact.denominator != 1:
        raise ExpressionError("a duration must be a whole number of milliseconds", text, 1)
    return int(exact)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise ExpressionError(f"`{text[start]}` has no meaning here", text, start + 1)
        kind = match.lastgroup
        yield _Token(kind, match[kind], match.start(kind) + 1)
        at = match.end()
    yield _Token("end", "", len(text) + 1)


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


class _Parser:
    """Recursive descent over the tokens of one expression; nesting is bounded so that no input can exhaust
    the stack.
    """

    DEPTH_MAX = 40

    def __init__(self, text: str) -> None:
        if len(text) > EXPRESSION_CHARS_MAX:
            raise ExpressionError(f"an expression may have {EXPRESSION_CHARS_MAX} characters", text[:80], 1)
        self.text = text
        self.tokens = list(_tokens(text))
        self.at = 0
        self.depth = 0

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def fail(self, message: str) -> ExpressionError:
        return ExpressionError(message, self.text, self.now.column)

    def take(self, *texts: str) -> str | None:
        token = self.now
        if token.kind in ("word", "op") and token.text in texts:
            self.at += 1
            return token.text
        return None

    def need(self, text: str) -> None:
        if self.take(text) is None:
            raise self.fail(
                f"expected `{text}`" + (f", found `{self.now.text}`" if self.now.text else " at the end")
            )

    def whole(self) -> Node:
        node = self.condition(self.either())
        if self.now.kind != "end":
            raise self.fail(f"`{self.now.text}` is left over after the expression")
        return node

    def condition(self, node: Node | Operand) -> Node:
        if isinstance(node, Name):
            return Truth(node)
        if isinstance(node, Literal) and isinstance(node.value, bool):
            return Truth(node)
        if isinstance(node, (Literal, Linear)):
            raise self.fail("a number or text is not a condition; compare it with something")
        return node

    def either(self) -> Node | Operand:
        self.depth += 1
        if self.depth > self.DEPTH_MAX:
            raise self.fail(f"more than {self.DEPTH_MAX} levels of nesting")
        first = self.both()
        if self.now.text == "or" and self.now.kind == "word":
            members = [self.condition(first)]
            while self.take("or"):
                members.append(self.condition(self.both()))
            first = AnyOf(tuple(members))
        self.depth -= 1
        return first

    def both(self) -> Node | Operand:
        first = self.negation()
        if self.now.text == "and" and self.now.kind == "word":
            members = [self.condition(first)]
            while self.take("and"):
                members.append(self.condition(self.negation()))
            return AllOf(tuple(members))
        return first

    def negation(self) -> Node | Operand:
        negations = 0
        while self.take("not"):
            negations += 1
        node = self.comparison()
        if negations == 0:
            return node
        condition = self.condition(node)
        return NotOf(condition) if negations % 2 else condition

    def comparison(self) -> Node | Operand:
        if self.take("exists"):
            return Exists(self.name())
        if self.take("missing"):
            return NotOf(Exists(self.name()))
        left = self.sum()
        if self.now.kind == "op" and self.now.text in COMPARISONS:
            return self.chain(left)
        if self.now.kind == "word" and self.now.text in TEXT_TESTS:
            op = self.now.text
            self.at += 1
            if self.now.kind != "text":
                raise self.fail(f"`{op}` needs a quoted text")
            text = _unquote(self.now.text)
            self.at += 1
            return TextTest(op, self.as_name(left), text)
        negated = self.now.text == "not" and self.tokens[self.at + 1].text == "in"
        if negated:
            self.at += 1
        if self.take("in"):
            member = Member(self.as_name(left), self.values())
            return NotOf(member) if negated else member
        return left

    def chain(self, left: Node | Operand) -> Node:
        parts: list[Node] = []
        while self.now.kind == "op" and self.now.text in COMPARISONS:
            op = self.now.text
            self.at += 1
            right = self.sum()
            parts.append(Compare(op, self.as_operand(left), self.as_operand(right)))
            left = right
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def values(self) -> tuple[Value, ...]:
        self.need("(")
        found: list[Value] = []
        while True:
            item = self.as_operand(self.sum())
            if not isinstance(item, Literal):
                raise self.fail("a list holds constants only")
            found.append(item.value)
            if not self.take(","):
                break
        self.need(")")
        return tuple(found)

    def as_name(self, node: Node | Operand) -> Name:
        if isinstance(node, Name):
            return node
        raise self.fail("expected a name on the left side")

    def as_operand(self, node: Node | Operand) -> Operand:
        if isinstance(node, Linear) and not node.terms:
            return Literal(node.constant)
        if isinstance(node, (Name, Literal, Linear)):
            return node
        raise self.fail("a condition cannot be compared")

    def linear(self, node: Node | Operand) -> Linear:
        if isinstance(node, Linear):
            return node
        if isinstance(node, Name):
            return Linear(((Fraction(1), node),), Fraction(0))
        if isinstance(node, Literal) and isinstance(node.value, Fraction):
            return Linear((), node.value)
        raise self.fail("only numbers and numeric names can be added or multiplied")

    def sum(self) -> Node | Operand:
        left = self.product()
        while (op := self.take("+", "-")) is not None:
            a, b = self.linear(left), self.linear(self.product())
            sign = 1 if op == "+" else -1
            left = Linear(a.terms + tuple((sign * k, n) for k, n in b.terms), a.constant + sign * b.constant)
        return left

    def product(self) -> Node | Operand:
        left = self.atom()
        if self.now.kind != "op" or self.now.text != "*":
            return left
        # The constants are multiplied first, so that a long product touches each term once.
        factor, named = Fraction(1), Linear((), Fraction(1))
        side = self.linear(left)
        while True:
            if not side.terms:
                factor *= side.constant
            elif named.terms:
                raise self.fail("two names cannot be multiplied; define a signal for it")
            else:
                named = side
            if not self.take("*"):
                return Linear(tuple((k * factor, n) for k, n in named.terms), named.constant * factor)
            side = self.linear(self.atom())

    def atom(self) -> Node | Operand:
        token = self.now
        if self.take("("):
            inner = self.either()
            self.need(")")
            return inner
        if self.take("-"):
            negations = 1
            while self.take("-"):
                negations += 1
            inside = self.linear(self.atom())
            sign = -1 if negations % 2 else 1
            return Linear(tuple((sign * k, n) for k, n in inside.terms), sign * inside.constant)
        if token.kind == "end":
            raise self.fail("the expression ends too early")
        if token.kind in ("number", "text", "duration"):
            self.at += 1
            if token.kind == "number":
                return Literal(Fraction(token.text))
            return (
                Literal(_unquote(token.text))
                if token.kind == "text"
                else Literal(Duration(parse_duration(token.text)))
            )
        if self.take("true"):
            return Literal(True)
        if self.take("false"):
            return Literal(False)
        return self.name()

    def name(self) -> Name:
        if self.now.kind != "word" or self.now.text in KEYWORDS:
            raise self.fail(
                f"expected a name, found `{self.now.text}`" if self.now.text else "expected a name"
            )
        parts = [self.now.text]
        self.at += 1
        while True:
            if self.take("."):
                if self.now.kind != "word":
                    raise self.fail("a name must follow the dot")
                parts.append(self.now.text)
                self.at += 1
            elif self.take("["):
                if self.now.kind != "text":
                    raise self.fail("a quoted name must stand in the brackets")
                parts.append(_unquote(self.now.text))
                self.at += 1
                self.need("]")
            else:
                return Name(tuple(parts))


def parse(text: str) -> Node:
    """The tree of a condition's text. Raises ``ExpressionError`` with the column and what was expected."""
    return _Parser(text).whole()


def parse_linear(text: str) -> Linear:
    """The linear form of a formula's text (``opened - resolved``, ``0.5 * a + b``)."""
    parser = _Parser(text)
    linear = parser.linear(parser.sum())
    if parser.now.kind != "end":
        raise parser.fail(f"`{parser.now.text}` is left over after the formula")
    return linear


def names(node: Node) -> Iterator[Name]:
    """Every name in the tree, in written order, with repeats."""
    if isinstance(node, (AllOf, AnyOf)):
        for member in node.members:
            yield from names(member)
    elif isinstance(node, NotOf):
        yield from names(node.member)
    elif isinstance(node, Exists):
        yield node.name
    elif isinstance(node, (Member, TextTest)):
        yield node.left
    elif isinstance(node, Truth):
        if isinstance(node.operand, Name):
            yield node.operand
    else:
        for side in (node.left, node.right):
            if isinstance(side, Name):
                yield side
            elif isinstance(side, Linear):
                yield from (name for _, name in side.terms)


def show(node: Node | Operand) -> str:
    """The node as text again, in one standard spelling."""
    if isinstance(node, Name):
        return node.parts[0] + "".join(f".{p}" if p.isidentifier() else f"[{p!r}]" for p in node.parts[1:])
    if isinstance(node, Literal):
        return _show_value(node.value)
    if isinstance(node, Linear):
        terms = [show(n) if k == 1 else f"{_show_value(k)} * {show(n)}" for k, n in node.terms]
        return " + ".join([*terms, _show_value(node.constant)] if node.constant else terms)
    if isinstance(node, Compare):
        return f"{show(node.left)} {node.op} {show(node.right)}"
    if isinstance(node, Member):
        return f"{show(node.left)} in ({', '.join(_show_value(v) for v in node.values)})"
    if isinstance(node, TextTest):
        return f"{show(node.left)} {node.op} {node.text!r}"
    if isinstance(node, Exists):
        return f"exists {show(node.name)}"
    if isinstance(node, Truth):
        return show(node.operand)
    if isinstance(node, NotOf):
        return f"not ({show(node.member)})"
    return (" and " if isinstance(node, AllOf) else " or ").join(
        f"({show(m)})" if isinstance(m, (AllOf, AnyOf)) else show(m) for m in node.members
    )


def _show_value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, Duration):
        for unit in ("w", "d", "h", "m", "s"):
            if value.ms and value.ms % UNITS_MS[unit] == 0:
                return f"{value.ms // UNITS_MS[unit]}{unit}"
        return f"{value.ms}ms"
    return str(int(value)) if value.denominator == 1 else str(float(value))


def atoms(node: Node) -> Iterator[Node]:
    """The comparisons and tests a condition is made of, in written order."""
    if isinstance(node, (AllOf, AnyOf)):
        for member in node.members:
            yield from atoms(member)
    elif isinstance(node, NotOf):
        yield from atoms(node.member)
    else:
        yield node
