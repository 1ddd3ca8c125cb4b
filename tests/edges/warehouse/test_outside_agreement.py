"""Analyses of real and published data agree with the published figures, or with pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sevenfold.measures import Answer, ask, question_from
from sevenfold.warehouse.of_frame import warehouse_of

DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
DAY = pd.Timedelta(days=1)
pytestmark = pytest.mark.real_data


def data(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip("needs ../shared/data")
    return path


def asked(frame: pd.DataFrame, name: str, *, until: Any = None, **fields: Any) -> Answer:
    warehouse = warehouse_of(frame, until=until)
    try:
        return ask(warehouse, question_from(name, fields))
    finally:
        warehouse.close()


def test_loan_applications_go_through_the_funnel_of_bpi_2012() -> None:
    frame = pd.read_parquet(data("bpic2012/bpic2012_events.parquet"))
    events = frame.rename(columns={"case_id": "user_id"})[["timestamp", "event", "user_id"]]
    steps = [
        "A_SUBMITTED",
        "A_PREACCEPTED",
        "A_ACCEPTED",
        "O_SELECTED",
        "O_SENT",
        "O_SENT_BACK",
        "O_ACCEPTED",
    ]
    answer = asked(events, "funnel", steps=steps, within="3650d")
    assert answer.frame()["count"].to_pylist() == [13_087, 7_367, 5_113, 5_015, 5_015, 3_254, 2_243]


def test_a_shop_has_the_exact_funnel_of_its_devices() -> None:
    users = pd.read_csv(data("funnel_tables/user_table.csv.gz"), usecols=["user_id", "date", "device"])
    pages = ["home_page", "search_page", "payment_page", "payment_confirmation"]
    parts = []
    for minute, page in enumerate(pages):
        seen = pd.read_csv(DATA / "funnel_tables" / f"{page}_table.csv.gz", usecols=["user_id"])
        part = seen.merge(users, on="user_id")
        part["timestamp"] = pd.to_datetime(part["date"]) + pd.Timedelta(minutes=minute)
        part["event"] = page
        parts.append(part[["timestamp", "event", "user_id", "device"]])
    answer = asked(pd.concat(parts), "funnel", steps=pages, within="1d", breakdown="device")
    assert answer.frame()["count"].to_pylist() == [90_400, 45_200, 6_030, 452]
    groups = answer.frame("breakdown").to_pandas().groupby("group")["count"].apply(list)
    assert groups["Desktop"] == [60_200, 30_100, 3_010, 150]
    assert groups["Mobile"] == [30_200, 15_100, 3_020, 302]


def test_clicks_of_those_who_open_the_weekly_digest_fall_by_half() -> None:
    frame = pd.read_csv(data("yammer_demo/yammer_emails.csv.gz"))
    frame["user_id"] = frame["user_id"].astype(int)
    events = frame.rename(columns={"occurred_at": "timestamp", "action": "event"})
    events["timestamp"] = pd.to_datetime(events["timestamp"])
    warehouse = warehouse_of(events[["timestamp", "event", "user_id"]])
    rates = {}
    for week in pd.date_range("2022-05-02", "2022-08-22", freq="7D"):
        steps = ["sent_weekly_digest", "email_open", "email_clickthrough"]
        fields = {"steps": steps, "within": "10m", "count": "totals"}
        fields |= {"since": str(week.date()), "until": str((week + 7 * DAY).date())}
        counts = ask(warehouse, question_from("funnel", fields)).frame()["count"].to_pylist()
        rates[week] = (counts[1] / counts[0], counts[2] / counts[1])
    warehouse.close()
    before = [click for week, (_, click) in rates.items() if week < pd.Timestamp("2022-08-01")]
    after = [click for week, (_, click) in rates.items() if week >= pd.Timestamp("2022-08-08")]
    assert 0.37 < sum(before) / len(before) < 0.47
    assert 0.18 < min(after) < 0.26
    opens = [opened for opened, _ in rates.values()]
    assert max(opens) - min(opens) < 0.06 and 0.27 < sum(opens) / len(opens) < 0.33


def test_messages_of_students_have_the_retention_that_pandas_counts() -> None:
    folder = data("college_msg")
    path = next(path for path in folder.iterdir() if "CollegeMsg" in path.name)
    frame = pd.read_csv(path, sep=" ").rename(columns={"src": "user_id", "time": "timestamp"})
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], unit="s")
    frame["event"] = "Message Sent"
    answer = asked(frame[["timestamp", "event", "user_id"]], "retention", unit="week", periods=8)
    began = frame.groupby("user_id")["timestamp"].min()
    week = (frame["timestamp"] - frame["user_id"].map(began)) // (7 * DAY)
    came = frame.assign(week=week).drop_duplicates(["user_id", "week"])
    end = frame["timestamp"].max()
    rows = answer.frame("curve").to_pylist()
    assert len(rows) == 8
    for row in rows:
        over = began.index[began + (row["period"] + 1) * 7 * DAY <= end]
        returned = came[(came["week"] == row["period"]) & came["user_id"].isin(over)]
        assert (row["n"], row["returned"]) == (len(over), len(returned))


def test_adopted_users_depend_on_the_reading_and_each_reading_has_its_number() -> None:
    frame = pd.read_csv(data("relax_activation/takehome_user_engagement.csv.gz"))
    events = frame.rename(columns={"time_stamp": "timestamp"}).assign(event="Signed In")
    warehouse = warehouse_of(events[["timestamp", "event", "user_id"]])
    days = "SELECT DISTINCT person, time // 86400000 AS day FROM events"
    windows = f"""
        SELECT COUNT(DISTINCT CASE WHEN later - day <= 6 THEN person END) AS seven_days,
            COUNT(DISTINCT CASE WHEN later - day <= 7 THEN person END) AS span_of_seven
        FROM (SELECT person, day, LEAD(day, 2) OVER (PARTITION BY person ORDER BY day) AS later FROM ({days}))
    """
    assert warehouse.query(windows).to_pylist() == [{"seven_days": 1_602, "span_of_seven": 1_656}]
    weeks = f"SELECT person FROM ({days}) GROUP BY person, (day - 4) // 7 HAVING COUNT(*) >= 3"
    calendar = warehouse.query(f"SELECT COUNT(DISTINCT person) AS n FROM ({weeks})")
    assert calendar["n"].to_pylist() == [1_445]
    sticky = ask(warehouse, question_from("stickiness", {"unit": "week"})).frame("days").to_pandas()
    assert (sticky["share"] <= 1).all()
    warehouse.close()


def test_buyers_of_cds_have_the_rfm_that_pandas_computes() -> None:
    folder = data("cdnow")
    path = next(path for path in sorted(folder.iterdir()) if "sample" in path.name.lower())
    names = ["id", "user_id", "date", "cds", "value"]
    frame = pd.read_csv(path, sep=r"\s+", header=None, names=names)
    frame["timestamp"] = pd.to_datetime(frame["date"].astype(str))
    frame["event"] = "Bought"
    end = frame["timestamp"].max()
    answer = asked(frame[["timestamp", "event", "user_id", "value"]], "rfm", event="Bought", members=True)
    by = frame.groupby("user_id").agg(
        last=("timestamp", "max"), frequency=("value", "size"), monetary=("value", "sum")
    )
    scores = {
        "r": by["last"].rank(method="min"), "f": by["frequency"].rank(method="min"),
        "m": by["monetary"].round(6).rank(method="min"),
    }  # fmt: skip
    expected = pd.DataFrame({key: 1 + (5 * (rank - 1)) // len(by) for key, rank in scores.items()}).astype(
        int
    )
    expected["recency_days"] = (end - by["last"]) / DAY
    expected["frequency"] = by["frequency"]
    expected["monetary"] = by["monetary"]
    columns = ["recency_days", "frequency", "monetary", "r", "f"]
    found = answer.frame("members").to_pandas()
    ours = found[columns].round(6).sort_values(columns).reset_index(drop=True)
    theirs = expected[columns].round(6).sort_values(columns).reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)


def test_an_online_retailer_has_the_rfm_that_pandas_computes() -> None:
    lines = pd.read_parquet(data("online_retail/online_retail.parquet"))
    lines = lines[lines["CustomerID"].notna() & (lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)]
    lines = lines.assign(value=lines["Quantity"] * lines["UnitPrice"])
    orders = lines.groupby("InvoiceNo", as_index=False).agg(
        timestamp=("InvoiceDate", "min"), user_id=("CustomerID", "first"), value=("value", "sum")
    )
    events = orders.assign(
        event="Order Completed", order_id=orders["InvoiceNo"], user_id=orders["user_id"].astype(str)
    )
    events["value"] = events["value"].round(2)
    answer = asked(events.drop(columns="InvoiceNo"), "rfm", members=True)
    end = events["timestamp"].max()
    by = events.groupby("user_id").agg(
        last=("timestamp", "max"), frequency=("order_id", "nunique"), monetary=("value", "sum")
    )
    assert len(by) == 4_338 and by["frequency"].sum() == 18_532
    found = answer.frame("members").to_pandas()
    ours = pd.DataFrame(
        {name: np.sort(found[name].round(4)) for name in ("recency_days", "frequency", "monetary")}
    )
    theirs = pd.DataFrame(
        {
            "recency_days": np.sort(((end - by["last"]) / DAY).round(4)),
            "frequency": np.sort(by["frequency"]),
            "monetary": np.sort(by["monetary"].round(4)),
        }
    )
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, atol=1e-3)
    # Scores by how many are below, and the ten segments from those of recency and frequency, said again.
    r = (by["last"].rank(method="min") - 1) * 5 // len(by) + 1
    f = (by["frequency"].rank(method="min") - 1) * 5 // len(by) + 1
    named = {
        "champions": (r == 5) & (f >= 4), "loyal": r.between(3, 4) & (f >= 4),
        "potential_loyalists": (r >= 4) & f.between(2, 3), "new": (r == 5) & (f == 1),
        "promising": (r == 4) & (f == 1), "need_attention": (r == 3) & (f == 3),
        "about_to_sleep": (r == 3) & (f <= 2), "at_risk": (r <= 2) & f.between(3, 4),
        "cannot_lose": (r <= 2) & (f == 5), "hibernating": (r <= 2) & (f <= 2),
    }  # fmt: skip
    counts = {row["segment"]: row["people"] for row in answer.frame("segments").to_pylist()}
    assert counts == {name: int(here.sum()) for name, here in named.items()}


def test_listeners_have_the_retention_that_pandas_counts() -> None:
    frame = pd.read_json(
        data("sparkify_log/sparkify_events_2018-11.ndjson.gz"), lines=True, dtype={"userId": str}
    )
    frame = frame[frame["userId"] != ""]
    frame = pd.DataFrame(
        {
            "timestamp": pd.to_datetime(frame["ts"], unit="ms"),
            "event": frame["page"],
            "user_id": frame["userId"],
        }
    )
    songs = frame[frame["event"] == "NextSong"]
    answer = asked(frame, "retention", start="NextSong", back="NextSong", unit="day", periods=20)
    began = songs.groupby("user_id")["timestamp"].min()
    end = frame["timestamp"].max()
    day = (songs["timestamp"] - songs["user_id"].map(began)) // DAY
    came = songs.assign(day=day).drop_duplicates(["user_id", "day"])
    for row in answer.frame("curve").to_pylist():
        over = began.index[began + (row["period"] + 1) * DAY <= end]
        returned = came[(came["day"] == row["period"]) & came["user_id"].isin(over)]
        assert (row["n"], row["returned"]) == (len(over), len(returned)), row["period"]
    # By the calendar: the cohort is the ISO week of the first song.
    answer = asked(
        frame, "retention", start="NextSong", back="NextSong", unit="week", periods=4, mode="calendar"
    )
    week = (songs["timestamp"].dt.normalize() - pd.Timestamp("1970-01-05")).dt.days // 7
    first = week.groupby(songs["user_id"]).min()
    last_over = ((end - pd.Timestamp("1970-01-05")) / DAY) // 7
    active = songs.assign(k=week - songs["user_id"].map(first)).drop_duplicates(["user_id", "k"])
    rows = answer.frame("curve").to_pylist()
    assert len(rows) >= 3
    for row in rows:
        over = first.index[first + row["period"] < last_over]
        returned = active[(active["k"] == row["period"]) & active["user_id"].isin(over)]
        assert (row["n"], row["returned"]) == (len(over), len(returned)), row["period"]
