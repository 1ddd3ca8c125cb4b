"""Rows become events in order of time; what does not fit is kept with its reason and stops nothing."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sevenfold.clock import SetClock
from sevenfold.errors import InputError
from sevenfold.importers.files import BadRow
from sevenfold.importers.load import load, progress_bar
from sevenfold.importers.mapping import parse_mapping
from sevenfold.importers.read import Inputs
from sevenfold.importers.rules import Imported
from sevenfold.importers.sort import Sorter
from sevenfold.log.memory import MemoryLog
from sevenfold.log.sqlite import SqliteLog

ORDERS = """\
source: shop
files:
  - match: "orders*"
    zone: Europe/Berlin
    events:
      - name: order
        event: Order Completed
        where: {state: {excludes: [draft]}}
        time: {column: at, format: "%d.%m.%Y %H:%M"}
        user_id: customer
        account: {column: firm, prefix: firm-}
        message_id: [order]
        properties:
          order_id: order
          total: {column: total, type: number}
          paid: {column: paid, type: boolean}
          shipped_at: {column: shipped, type: time}
          currency: {value: EUR}
          kind: {column: kind, map: {a: apple, b: pear}}
"""
HEADER = "order,at,customer,firm,total,paid,shipped,kind,state\n"
ROW = "7,01.07.2024 12:30,c1,x,12.5,yes,2024-07-03T08:00:00Z,a,done\n"


def events_of(
    folder: Path, mapping: str | None, files: dict[str, str | bytes]
) -> tuple[list[tuple[int, dict[str, Any]]], list[BadRow]]:
    bad: list[BadRow] = []
    inputs = inputs_of(folder, mapping, files)
    return [(item.time, json.loads(item.raw)) for item in inputs.events(bad.append)], bad


def inputs_of(folder: Path, mapping: str | None, files: dict[str, str | bytes]) -> Inputs:
    paths = []
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        paths.append(path)
    return Inputs(paths, None if mapping is None else parse_mapping(mapping))


def test_a_row_becomes_an_event(tmp_path: Path) -> None:
    found, bad = events_of(tmp_path, ORDERS, {"orders.csv": HEADER + ROW})
    assert bad == []
    assert found == [
        (
            1_719_829_800_000,  # 12:30 in Berlin is 10:30 UTC
            {
                "type": "track",
                "messageId": "shop:order:7",
                "event": "Order Completed",
                "userId": "c1",
                "context": {"groupId": "firm-x"},
                "properties": {
                    "order_id": "7",
                    "total": 12.5,
                    "paid": True,
                    "shipped_at": "2024-07-03T08:00:00.000Z",
                    "currency": "EUR",
                    "kind": "apple",
                },
            },
        )
    ]


def test_missing_values_are_absent_and_unwanted_rows_are_no_events(tmp_path: Path) -> None:
    rows = "7,01.07.2024 12:30,c1,,,,,z,done\n8,01.07.2024 12:30,c1,,,,,,draft\n"
    found, bad = events_of(tmp_path, ORDERS, {"orders.csv": HEADER + rows})
    assert bad == []
    assert [event["properties"] for _, event in found] == [{"order_id": "7", "currency": "EUR"}]
    assert "context" not in found[0][1]


@pytest.mark.parametrize(
    ("row", "column", "problem"),
    [
        (ROW.replace("12.5", "twelve"), "total", "'twelve' is no number"),
        (ROW.replace("12.5", "nan"), "total", "'nan' is no number"),
        (ROW.replace("yes", "perhaps"), "paid", "'perhaps' is no boolean"),
        (ROW.replace("01.07.2024 12:30", "31.02.2024 12:30"), "at", "is no time in the format"),
        (ROW.replace("01.07.2024 12:30", ""), "at", "there is no time"),
        (ROW.replace("7,01", ",01"), "order", "no value for the key"),
        ("7,too,few\n", "", "3 fields where the header has 9"),
    ],
)
def test_a_bad_row_is_reported_with_file_row_and_column_and_stops_nothing(
    row: str, column: str, problem: str, tmp_path: Path
) -> None:
    others = [ROW.replace("7,", f"{n},", 1) for n in (1, 2)]
    found, bad = events_of(tmp_path, ORDERS, {"orders.csv": HEADER + others[0] + row + others[1]})
    assert [event["properties"]["order_id"] for _, event in found] == ["1", "2"]
    assert [(b.file, b.row, b.column) for b in bad] == [("orders.csv", 2, column)]
    assert problem in str(bad[0]) and bad[0].raw


def test_bad_rows_and_refused_events_end_in_the_dead_letters(tmp_path: Path) -> None:
    rows = (
        ROW + ROW.replace("12.5", "x").replace("7,", "8,", 1) + ROW.replace("c1", "").replace("7,", "9,", 1)
    )
    log = MemoryLog(SetClock())
    result = load(inputs_of(tmp_path, ORDERS, {"orders.csv": HEADER + rows}), log)
    assert (result.accepted, result.rows, dict(result.dropped)) == (
        1,
        3,
        {"bad_row": 1, "no_user_anon_id": 1},
    )
    assert log.dead_letter_counts() == {"bad_row": 1, "no_user_anon_id": 1}
    detail = log.dead_letters(reason="bad_row")[0].dropped.detail
    assert detail == "orders.csv, row 2, column 'total': 'x' is no number"


def test_an_unknown_column_is_said_with_the_likely_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'customer'.*did you mean 'custmer'"):
        events_of(tmp_path, ORDERS, {"orders.csv": HEADER.replace("customer", "custmer") + ROW})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("orders.csv.gz", gzip.compress((HEADER + ROW * 50).encode())[:60]),
        ("orders.parquet", b"PAR1 and then nothing"),
        ("orders.csv", (HEADER + ROW).encode().replace(b"firm", b"f\xffrm")),
    ],
    ids=["truncated gzip", "no parquet", "a header that is no utf-8"],
)
def test_an_unreadable_file_is_said(name: str, content: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Cannot read the file"):
        events_of(tmp_path, ORDERS, {name: content})


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="check the path"):
        Inputs([tmp_path / "orders.csv"], parse_mapping(ORDERS))


def test_an_empty_file_has_no_events(tmp_path: Path) -> None:
    assert events_of(tmp_path, ORDERS, {"orders.csv": ""}) == ([], [])
    assert events_of(tmp_path, ORDERS, {"orders.csv": HEADER}) == ([], [])


def test_quoted_line_ends_and_other_encodings_are_read(tmp_path: Path) -> None:
    mapping = ORDERS.replace("zone: Europe/Berlin", "encoding: latin-1")
    row = ROW.replace("c1", '"Müller\nsen"')
    found, bad = events_of(
        tmp_path, mapping, {"orders.csv.gz": gzip.compress((HEADER + row).encode("latin-1"))}
    )
    assert bad == [] and found[0][1]["userId"] == "Müller\nsen"


GROUPED = """\
source: shop
files:
  - match: "lines*"
    events:
      - name: order
        event: Order Completed
        group_by: [order]
        time: {column: at, format: unix_s}
        user_id: customer
        properties:
          order_id: order
          total: {sum: [price, quantity]}
          refund: {sum: price, negate: true}
          items: {sum: quantity}
          lines: {count: true}
          products: {list: {product_id: sku, price: {column: price, type: number}}, limit: 2}
      - name: line
        event: Line Bought
        where: {sku: [x]}
        time: {column: at, format: unix_s}
        user_id: customer
"""


def test_lines_of_one_order_become_one_event(tmp_path: Path) -> None:
    lines = (
        "order,at,customer,sku,price,quantity\nA,200,,x,1.1,3\nB,150,k,y,5,1\nA,100,c,z,2,1\nA,300,c,w,4,1\n"
    )
    found, bad = events_of(tmp_path, GROUPED, {"lines.csv": lines})
    assert bad == []
    assert [(time, event["event"]) for time, event in found] == [
        (100_000, "Order Completed"),
        (150_000, "Order Completed"),
        (200_000, "Line Bought"),
    ]
    event = found[0][1]
    assert (event["userId"], event["messageId"]) == ("c", "shop:order:A")
    products = [{"product_id": "x", "price": 1.1}, {"product_id": "z", "price": 2}]
    assert event["properties"] == {
        "order_id": "A",
        "total": 9.3,
        "refund": -7.1,
        "items": 5,
        "lines": 3,
        "products": products,
    }


@pytest.mark.parametrize("rows_at_once", [1, 2, 3, 1000])
def test_groups_do_not_depend_on_how_many_rows_are_read_at_once(
    rows_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = random.Random(7)
    table = [
        {
            "order": f"o{generator.randrange(12)}",
            "at": n,
            "customer": "c",
            "sku": "s",
            "price": 0.1,
            "quantity": n,
        }
        for n in range(200)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in table)
    expected, _ = events_of(tmp_path, GROUPED, {"lines.ndjson": lines})
    monkeypatch.setattr("sevenfold.importers.files.IMPORT_BATCH_ROWS_MAX", rows_at_once)
    assert events_of(tmp_path, GROUPED, {"lines.ndjson": lines})[0] == expected


def test_files_are_merged_by_time_and_looked_up_in(tmp_path: Path) -> None:
    mapping = """\
source: app
lookups: {people: {match: "people*", key: id}}
files:
  - match: "people*"
    events:
      - type: identify
        time: since
        user_id: mail
        message_id: [id]
        traits: {age: {column: age, type: integer}}
  - match: "visits*"
    events: [{type: page, event: Home, time: at, user_id: {column: person, lookup: people.mail}}]
"""
    people = "id,mail,since,age\n1,a@x.org,2024-01-02,30\n2,b@x.org,2024-01-04,31\n"
    visits = '{"person":1,"at":"2024-01-03"}\n\n{"person":2,"at":"2024-01-01"}\n{"person":2,\n[1]\n'
    found, bad = events_of(tmp_path, mapping, {"people.csv": people, "visits.ndjson": visits})
    assert [(e["type"], e["userId"]) for _, e in found] == [
        ("page", "b@x.org"),
        ("identify", "a@x.org"),
        ("page", "a@x.org"),
        ("identify", "b@x.org"),
    ]
    assert found[1][1]["traits"] == {"age": 30}
    assert [(b.row, b.file) for b in bad] == [(4, "visits.ndjson"), (5, "visits.ndjson")]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "at": pa.array([1_719_829_800_000_000, 1_719_829_800_000_000], pa.timestamp("us")),
            "id": pa.array([5, None], pa.int64()),
            "score": pa.array([1.5, float("nan")]),
            "day": pa.array([19_900, 19_900], pa.date32()),
            "tags": pa.array([["a", "b"], []]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    mapping = """\
source: t
files:
  - match: "t.parquet"
    zone: America/New_York
    events:
      - event: Seen
        time: at
        user_id: id
        anonymous_id: {value: nobody, where: {id: {missing: true}}}
        properties: {score: score, day: day, tags: tags}
"""
    inputs = Inputs([tmp_path / "t.parquet"], parse_mapping(mapping))
    found = [(item.time, json.loads(item.raw)) for item in inputs.events(lambda row: None)]
    assert [time for time, _ in found] == [1_719_829_800_000 + 4 * 3_600_000] * 2
    assert found[0][1]["userId"] == 5 and found[1][1]["anonymousId"] == "nobody"
    assert found[0][1]["properties"]["tags"] == ["a", "b"]
    assert "score" not in found[1][1]["properties"]
    assert found[0][1]["messageId"].endswith(":track-0:1")


SEGMENT = [
    {"type": "track", "event": "B", "userId": "u", "messageId": "2", "timestamp": "2024-01-02T00:00:00.000Z"},
    {
        "type": "track",
        "event": "A",
        "userId": "u",
        "messageId": "1",
        "timestamp": "2024-01-01T00:00:00.000Z",
        "sentAt": "2024-01-01T00:00:30.000Z",
    },
    {"type": "track", "event": "C", "userId": "u", "timestamp": "2024-01-03T00:00:00.000Z"},
    {"type": "track", "event": "no time", "userId": "u"},
]


def test_segment_events_pass_through_and_keep_their_time(tmp_path: Path) -> None:
    lines = "\n".join(map(json.dumps, SEGMENT))
    log = MemoryLog(SetClock())
    result = load(inputs_of(tmp_path, None, {"events.ndjson": lines}), log)
    assert (result.accepted, dict(result.dropped)) == (3, {"bad_row": 1})
    raws = [json.loads(entry.raw) for record in log.read() for entry in record.entries]
    assert [raw["event"] for raw in raws] == ["A", "B", "C"]
    assert raws[2]["messageId"], "an event without an id is known by its file and row"
    again = load(inputs_of(tmp_path, None, {"events.ndjson": lines}), log)
    assert (again.accepted, again.duplicates, log.dead_letter_counts()) == (0, 3, {"bad_row": 1})


def test_engine_time_is_the_events_own(tmp_path: Path) -> None:
    log = MemoryLog(SetClock(99_999_999_999_999))
    load(inputs_of(tmp_path, ORDERS, {"orders.csv": HEADER + ROW}), log)
    assert log.last_time == 1_719_829_800_000


class InterruptedImportError(Exception):
    pass


def test_an_interrupted_import_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(ROW.replace("7,", f"{n},", 1) for n in range(40))
    inputs = inputs_of(tmp_path, ORDERS, {"orders.csv": HEADER + rows})
    log = SqliteLog(tmp_path / "log", SetClock())
    append = log.append
    appended: list[Any] = []

    def interrupted(new: Any) -> Any:
        if len(appended) == 2:
            raise InterruptedImportError
        appended.append(new)
        return append(new)

    monkeypatch.setattr(log, "append", interrupted)
    cursor = tmp_path / "import.cursor"
    with pytest.raises(InterruptedImportError):
        load(inputs, log, cursor=cursor, batch=10)
    monkeypatch.setattr(log, "append", append)
    result = load(inputs, log, cursor=cursor, batch=10)
    assert (result.resumed_at, result.accepted, result.duplicates) == (20, 20, 0)
    assert load(inputs, log, cursor=cursor).resumed_at == 40
    cursor.write_text("{")
    assert load(inputs, log, cursor=cursor).duplicates == 40, "without a cursor the message ids do the same"
    log.close()


def test_the_progress_bar_reaches_the_end(tmp_path: Path) -> None:
    inputs = inputs_of(tmp_path, ORDERS, {"orders.csv": HEADER + ROW * 100})
    with progress_bar(inputs, shown=False) as on_bytes:
        counted: list[int] = []

        def count(more: int) -> None:
            counted.append(more)
            on_bytes(more)

        load(inputs, MemoryLog(SetClock()), on_bytes=count)
    assert sum(counted) >= inputs.bytes


@given(times=st.lists(st.integers(0, 20), max_size=60), at_most=st.integers(1, 10))
def test_sorting_in_parts_is_sorting(times: Sequence[int], at_most: int) -> None:
    items = [Imported(time, order, "s", b"raw") for order, time in enumerate(times)]
    sorter = Sorter(Imported, lambda item: item.time, at_most)
    for item in items:
        sorter.add(item)
    assert list(sorter.sorted()) == sorted(items, key=lambda item: item.time)


def test_a_row_that_is_no_utf_8_is_a_bad_row_and_stops_nothing(tmp_path: Path) -> None:
    rows = [ROW.replace("7,", f"{n},", 1).encode() for n in (1, 2, 3, 4)]
    rows[1] = rows[1].replace(b"c1", b"c\xe9")
    rows[2] = b"3,too\xff,few\n"
    found, bad = events_of(tmp_path, ORDERS, {"orders.csv": HEADER.encode() + b"".join(rows)})
    assert [event["properties"]["order_id"] for _, event in found] == ["1", "4"]
    assert sorted((b.row, b.column, b.raw) for b in bad) == [
        (2, "customer", b"c\xe9"),
        (3, "", b"3,too\xff,few"),
    ]
    assert "UTF-8" in str(next(b for b in bad if b.row == 2))


def test_a_column_that_nobody_reads_may_hold_anything(tmp_path: Path) -> None:
    """It looks like numbers as far as a reader looks ahead; then come texts, and what is no text at all."""
    header = HEADER.replace("order,", "order,note,", 1).encode()
    many = b"".join(ROW.replace("7,", f"{n},{n},", 1).encode() for n in range(90_000))
    odd = [ROW.replace("7,", f"{n},", 1).encode() for n in ("x,a text", "y,NOTE")]
    content = header + many + odd[0] + odd[1].replace(b"NOTE", b"\xff\xfe")
    found, bad = events_of(tmp_path, ORDERS, {"orders.csv": content})
    assert bad == [] and len(found) == 90_002


def test_a_time_may_stand_in_another_file(tmp_path: Path) -> None:
    mapping = """\
source: shop
lookups: {campaigns: {match: "campaigns*", key: id}}
files:
  - match: "sent*"
    events: [{event: Campaign Received, time: {column: campaign, lookup: campaigns.start}, user_id: person}]
"""
    files = {"campaigns.csv": "id,start\n1,2024-03-01\n", "sent.csv": "campaign,person\n1,ada\n2,ben\n"}
    found, bad = events_of(tmp_path, mapping, files)
    assert [(time, event["userId"]) for time, event in found] == [(1_709_251_200_000, "ada")]
    assert len(bad) == 1
