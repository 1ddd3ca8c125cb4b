"""One line a case, then the totals: `python -m tests.peer_cases FILE [FILE ...]`. 1 when one fails."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.peer_cases.outcome import Outcome
from tests.peer_cases.play import play


def outcomes(files: Iterable[Path], *, generated_max: int | None = None) -> Iterator[Outcome]:
    """Plays every case of the files, in order."""
    for file in files:
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]:
            yield play(case, generated_max=generated_max)


def main(arguments: list[str] | None = None) -> int:
    """Prints the report; 0 when nothing failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.peer_cases", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file of cases, as JSON")
    parser.add_argument(
        "--generated-max", type=int, metavar="N", help="skip cases that generate more than N events"
    )
    given = parser.parse_args(arguments)
    verdicts: Counter[str] = Counter()
    for outcome in outcomes(given.files, generated_max=given.generated_max):
        verdicts[outcome.verdict] += 1
        print(outcome, flush=True)
    print(f"{verdicts['pass']} passed, {verdicts['fail']} failed, {verdicts['skip']} skipped")
    return 1 if verdicts["fail"] else 0


if __name__ == "__main__":
    sys.exit(main())
