"""Generated streams are short: masks get functions of their own early, so that these are tested as well."""

from __future__ import annotations

import pytest

from sevenfold.profiles import evaluation


@pytest.fixture(autouse=True, scope="session")
def _masks_are_soon_met_often() -> None:
    evaluation.HOT_USES = 3
