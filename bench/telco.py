"""The Telco table as examples: features as a profile would have them, and who left."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sevenfold.learning.evaluating import Examples

from .measuring import ROOT

FILE = ROOT / ".." / "shared" / "data" / "telco_churn" / "Telco-Customer-Churn.csv.gz"
_NUMBERS = ("SeniorCitizen", "tenure", "MonthlyCharges", "TotalCharges")


def examples(path: Path = FILE) -> Examples:
    """(7,043, d): numbers as they are, unknown where blank; each text of a column is a column of 0 and 1."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns: list[NDArray[np.float64]] = []
    for name in rows[0]:
        if name in ("customerID", "Churn"):
            continue
        held = [row[name].strip() for row in rows]
        if name in _NUMBERS:
            columns.append(np.array([float(one) if one else np.nan for one in held]))
        else:
            columns += [
                np.array([one == text for one in held], dtype=np.float64) for text in sorted(set(held))
            ]
    left = np.array([row["Churn"] == "Yes" for row in rows])
    subject = np.arange(1, len(rows) + 1)
    return Examples(np.column_stack(columns), left, subject, np.ones(len(rows), dtype=np.int64))
