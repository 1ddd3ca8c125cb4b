"""Identifiers in tables of integers do what dictionaries would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sevenfold.profiles.identifiers import Identifiers

KEYS = st.sampled_from([f"{kind}{name}" for kind in "abe" for name in ("1", "12", "é", "x" * 300, "\0", "ÿ")])
STEPS = st.lists(
    st.tuples(st.sampled_from(["attach", "absorb"]), KEYS, st.integers(1, 200), st.integers(1, 200))
)


class Plain:
    """The same in dictionaries and lists."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.held: dict[int, list[str]] = {}

    def attach(self, key: str, row: int) -> None:
        if key in self.rows:
            self.held[self.rows[key]].remove(key)
        self.rows[key] = row
        self.held.setdefault(row, []).append(key)

    def absorb(self, winner: int, loser: int) -> None:
        for key in list(self.held.get(loser, [])):
            self.attach(key, winner)


def agree(made: Identifiers, plain: Plain) -> None:
    for row in range(1, 201):
        assert made.of(row) == tuple(plain.held.get(row, []))
    for key, row in plain.rows.items():
        assert made.row_of(key) == row
    assert made.row_of("anobody") == 0


@given(STEPS)
def test_it_finds_what_was_attached_and_keeps_the_order(steps: list[tuple[str, str, int, int]]) -> None:
    made, plain = Identifiers(), Plain()
    for what, key, row, other in steps:
        if what == "attach":
            made.attach(key, row)
            plain.attach(key, row)
        elif row != other:
            made.absorb(row, other)
            plain.absorb(row, other)
    agree(made, plain)
    loaded = Identifiers()
    loaded.load(*made.dump())
    agree(loaded, plain)
    for one in (loaded, plain):
        one.attach("anew", 7)
    agree(loaded, plain)


def test_it_grows_and_is_the_same_after_a_snapshot() -> None:
    made = Identifiers()
    keys = [f"b{number}-{'y' * (number % 90)}" for number in range(60_000)]
    for number, key in enumerate(keys):
        made.attach(key, number // 2 + 1)
    loaded = Identifiers()
    loaded.load(*made.dump())
    for one in (made, loaded):
        assert [one.row_of(key) for key in keys] == [number // 2 + 1 for number in range(60_000)]
        assert one.of(5_000) == (keys[9_998], keys[9_999])
        assert not any(one.row_of(f"a{number}") for number in range(1_000))
