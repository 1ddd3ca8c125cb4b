"""The variants of the engagement framework, alone and together."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from sevenfold.workspace.loading import examine

VARIANTS = list(product(("b2c", "b2b"), ("product-led", "sales-led"), ("digital-first", "omnichannel")))


@pytest.mark.parametrize("variant", VARIANTS, ids="+".join)
def test_variants_of_audience_sale_and_channels_combine(tmp_path: Path, variant: tuple[str, ...]) -> None:
    names = ", ".join(f"engagement-framework-{one}" for one in variant)
    (tmp_path / "workspace.yaml").write_text(f"name: ours\nextends: [{names}]\n")
    found = examine(tmp_path)
    assert [str(problem) for problem in found.problems] == []
    assert [layer.removesuffix(":") for layer in found.layers[:-1]] == [
        "engagement-framework",
        *(f"engagement-framework-{one}" for one in variant),
    ]


def test_the_origins_of_a_variant_name_every_value_that_it_changes() -> None:
    packs = Path(__file__).parents[3] / "packs"
    found = examine(packs / "engagement-framework-product-led")
    score = next(one for one in found.origins() if one.path == "scores.customer_engagement")
    changed = {deed.path.rpartition(".")[2] for deed in score.deeds}
    assert changed == {"interaction_frequency", "response_rate", "time_spent"}
    assert all(deed.place.file.endswith("product-led/overrides.yaml") for deed in score.deeds)
