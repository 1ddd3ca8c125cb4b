"""The d2c pack on every twentieth customer of a real shop, beside the pack it stands on.

The file holds orders and refunds alone: no carts, no products looked at, no subscriptions, no deliveries. So
what can be shown is that an overlay adds nothing where its events are missing, and that its one changed
value, that no delivery is assumed before thirty days, is all that differs.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pandas as pd
import pytest

from sevenfold.importers.mapping import load_mapping
from sevenfold.playback import Outcome, replay
from sevenfold.workspace.loading import load
from tests.edges.replay.test_real_data import DATA, ROOT

pytestmark = pytest.mark.real_data

FILE = DATA / "online_retail" / "online_retail.parquet"
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not FILE.is_file():
        pytest.skip("../shared/data/online_retail is not here")
    every = pd.read_parquet(FILE)
    path = tmp_path_factory.mktemp("sample") / FILE.name
    every[every.CustomerID.notna() & (every.CustomerID % 20 == 0)].to_parquet(path)
    return path


def replayed(pack: str, sample: Path, *, twice: bool = False) -> Outcome:
    out = sample.parent / pack
    out.mkdir()
    files = [sample]
    if twice:
        files.append(out / FILE.name)
        files[1].write_bytes(sample.read_bytes())
    workspace = msgspec.structs.replace(load(ROOT / "packs" / pack), scores={})
    mapping = load_mapping(ROOT / "examples" / "mappings" / "online_retail.yaml")
    return replay(workspace, files, out / "out", mapping=mapping)


def messages(outcome: Outcome) -> pd.DataFrame:
    found = outcome.table("messages").to_pandas()
    people = outcome.table("people").to_pandas().set_index("subject").user_id
    said = found[found.change == "message"].assign(who=found.subject.map(people))
    ordered: pd.DataFrame = said[["who", "journey", "template", "time"]].sort_values(
        ["time", "who", "template"]
    )
    return ordered


def shortest_wait(said: pd.DataFrame) -> pd.Timedelta:
    """From an order's confirmation to the question how it was."""
    orders = said[said.journey == "confirmation"][["who", "time"]].rename(columns={"time": "ordered"})
    both = said[said.journey == "feedback"].merge(orders, on="who")
    latest = both[both.ordered < both.time].groupby(["who", "time"]).ordered.max().reset_index()
    shortest: pd.Timedelta = (latest.time - latest.ordered).min()
    return shortest


def test_an_overlay_changes_what_it_says_and_nothing_else(sample: Path) -> None:
    direct, beneath = replayed("d2c", sample, twice=True), replayed("post-purchase", sample)
    assert direct.summary.duplicates == direct.summary.events == beneath.summary.events == 941
    ours, theirs = messages(direct), messages(beneath)
    assert set(ours.journey) <= set(theirs.journey), "no cart, stock, supply or subscription was ever seen"
    same = [one[one.journey.isin(["confirmation", "welcome"])].to_numpy().tolist() for one in (ours, theirs)]
    assert same[0] == same[1]
    assert shortest_wait(theirs) >= 19 * DAY
    assert shortest_wait(ours) >= 30 * DAY
    # Where no delivery is ever reported the question's moment has come by the time one is assumed.
    assert "adoption" in set(theirs.journey) and "adoption" not in set(ours.journey)
