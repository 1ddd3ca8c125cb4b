"""What a profile takes in memory, and of what."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

from sevenfold.profiles.wheel import Wheel

from .figures import Figure, Report, at_most, plain
from .measuring import pack
from .population import Population, Template


def measure(quick: bool) -> Report:
    """The population of which the target speaks: 20 events in the longest window, two identifiers."""
    accounts, people = (100, 200_000) if quick else (300, 1_000_000)
    with ProcessPoolExecutor(1) as pool:
        # In a process of its own, for what it leaves behind would be used again and not be counted.
        template = pool.submit(_template, accounts).result()
    template.workspace = pack("seven-stage")
    population = Population(template, people)
    by_part = parts(population)
    notes = [
        f"{population.profiles:,} profiles, seven-stage, thinned: a profile has 20 events in 28 days and "
        "two identifiers; the population of `fold` has twice as many events and is measured there",
        note(population, by_part),
    ]
    return Report("memory", figures(population, by_part), notes)


def _template(accounts: int) -> Template:
    return Template(pack("seven-stage"), accounts, as_defined=True)


def parts(population: Population) -> dict[str, float]:
    """Bytes a profile by part; `rest` is what was measured and is none of the others (identifiers, traits,
    small sets).
    """
    fold, people = population.fold, population.profiles
    found = {
        "columns": _row_bytes(fold.person),
        "account columns": _row_bytes(fold.account) * (fold.account.table.rows - 1) / people,
        "window entries": (8 * _entries(fold.wheel) + 16 * _entries(fold.valued)) / people,
    }
    found["identifiers, traits, sets"] = population.bytes_a_profile - sum(found.values())
    return found


def figures(population: Population, by_part: dict[str, float]) -> list[Figure]:
    return [
        at_most("bytes_per_profile", population.bytes_a_profile, "bytes", 1_500),
        *(
            plain(f"bytes_{name.replace(',', '').replace(' ', '_')}", size, "bytes")
            for name, size in by_part.items()
        ),
    ]


def note(population: Population, by_part: dict[str, float]) -> str:
    fold, people = population.fold, population.profiles
    keys = sum(len(fold.identity.keys_of(row)) for row in range(1, people, 97)) / len(range(1, people, 97))
    entries = (_entries(fold.wheel) + _entries(fold.valued)) / people
    accounts = (fold.account.table.rows - 1) / people
    return (
        f"a profile has {keys:.2f} identifiers, {entries:.1f} entries in windows "
        f"and {accounts:.2f} accounts; its bytes (growth of resident memory): "
        + ", ".join(f"{name} {size:.0f}" for name, size in by_part.items())
    )


def _row_bytes(unit: object) -> int:
    columns = unit.table.columns.values()  # type: ignore[attr-defined]
    return sum(column.data.itemsize * column.width for column in columns)


def _entries(wheel: Wheel) -> int:
    buckets = wheel.buckets.values()
    return sum(len(one[0]) if isinstance(one, tuple) else len(one) for one in buckets)
