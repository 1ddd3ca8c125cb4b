from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from sevenfold.simulate import ResponseParameters, SaasParameters, ShopParameters

PAGE = Path(__file__).resolve().parents[3] / "docs" / "explain" / "simulator.md"


@pytest.mark.parametrize("parameters", [ResponseParameters, SaasParameters, ShopParameters])
def test_the_page_states_every_parameter_as_it_is(parameters: type) -> None:
    part = PAGE.read_text(encoding="utf-8").split(f"### `{parameters.__name__}`")[1].split("###")[0]
    stated = dict(re.findall(r"\| `(\w+)` \| ([^|]+) \|", part))
    real = {
        field.name: str(field.default)
        for field in dataclasses.fields(parameters)
        if field.name != "responses"
    }
    assert stated == real


def test_the_page_s_example_runs() -> None:
    code = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    exec(code, names)
    assert set(names["truth"]) == {"accounts", "people", "episodes", "stages", "causes", "messages"}  # type: ignore[call-overload]
