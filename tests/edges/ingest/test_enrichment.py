"""What ingest finds out about a sender: browser, system, device, place, language; then the address goes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from sevenfold.clock import SetClock
from sevenfold.errors import SettingsError
from sevenfold.limits import AGENTS_NEW_PER_S_MAX, EVENT_BYTES_MAX, GEO_RECHECK_MS
from sevenfold.server.ingest.agents import Agents
from sevenfold.server.ingest.places import Places, networks, peer_address
from sevenfold.server.ingest.rewriting import Sender
from tests.edges.ingest.serving import Served, served
from tests.edges.ingest.taken import NOW, stored, take, taking, track

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.2 Mobile/15E148 Safari/604.1"
)
IPAD = IPHONE.replace("iPhone", "iPad")
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Mobile Safari/537.36"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
LISBON, SYDNEY = "203.0.113.7", "2001:db8::1"


def write_database(path: Path, city: str = "Lisbon") -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City")
    portugal: dict[str, Any] = {
        "country": {"iso_code": "PT"},
        "subdivisions": [{"iso_code": "11", "names": {"en": "Lisbon District"}}],
        "city": {"names": {"en": city, "pt": "Lisboa"}},
        "location": {"time_zone": "Europe/Lisbon"},
    }
    writer.insert_network(IPSet(["203.0.113.0/24"]), portugal)
    writer.insert_network(IPSet(["2001:db8::/32"]), {"country": {"iso_code": "AU"}, "location": 5})
    writer.to_db_file(str(path))
    return path


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_database(tmp_path_factory.mktemp("geo") / "city.mmdb")


def context(event: dict[str, Any], sender: Sender | None = None, **how: Any) -> dict[str, Any]:
    """The context with which an event is stored."""
    named = {"sender": sender} if sender is not None else {}
    (found,) = stored({"batch": [event]}, by=taking(**how), **named)
    return dict(found.get("context", {}))


# --- who ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "browser", "system", "device"),
    [
        (IPHONE, "Mobile Safari", "iOS", {"manufacturer": "Apple", "model": "iPhone", "category": "mobile"}),
        (IPAD, "Mobile Safari", "iOS", {"manufacturer": "Apple", "model": "iPad", "category": "tablet"}),
        (WINDOWS, "Chrome", "Windows", {"category": "desktop"}),
        (
            ANDROID,
            "Chrome Mobile",
            "Android",
            {"manufacturer": "Google", "model": "Pixel 8", "category": "mobile"},
        ),
    ],
)
def test_a_user_agent_tells_browser_system_and_device(
    agent: str, browser: str, system: str, device: dict[str, str]
) -> None:
    found = context(track(), Sender(True, None, agent))
    assert (found["browser"]["name"], found["os"]["name"]) == (browser, system)
    assert found["browser"]["version"] and found["device"] == device
    assert found["userAgent"] == agent and "bot" not in found


def test_crawlers_are_marked() -> None:
    found = context(track(), Sender(True, None, GOOGLEBOT))
    assert found["bot"] is True and "device" not in found


def test_an_event_s_own_user_agent_counts_also_from_a_server() -> None:
    found = context(track(context={"userAgent": IPHONE}))
    assert found["os"]["name"] == "iOS"
    assert context(track(), Sender(False, "192.0.2.1", "python-requests/2", "pt-PT")) == {}


def test_what_an_event_says_itself_is_kept_unless_it_says_nothing() -> None:
    own = {
        "userAgent": IPHONE,
        "os": {"name": "Mine"},
        "device": {"token": "t", "type": "ios"},
        "locale": "de",
    }
    found = context(track(context=own), Sender(True, None, WINDOWS, "pt-PT"))
    assert (found["os"], found["device"], found["locale"]) == (own["os"], own["device"], "de")
    empty = {"os": {"name": "", "version": ""}, "locale": "", "timezone": None}
    found = context(track(context=empty), Sender(True, None, WINDOWS, "pt-PT"))
    assert (found["os"]["name"], found["locale"]) == ("Windows", "pt-PT")


def test_only_so_many_new_user_agents_are_looked_into_in_a_second() -> None:
    clock = SetClock(NOW)
    agents = Agents(clock)
    known = [
        bool(agents.fields(WINDOWS.replace("140", str(200 + at)))) for at in range(AGENTS_NEW_PER_S_MAX + 5)
    ]
    assert known == [True] * AGENTS_NEW_PER_S_MAX + [False] * 5
    assert agents.fields(WINDOWS.replace("140", "200")), "what is known costs nothing"
    clock.advance(1_000)
    assert agents.fields(WINDOWS.replace("140", str(200 + AGENTS_NEW_PER_S_MAX)))


def test_an_event_that_would_become_too_large_goes_without() -> None:
    room = EVENT_BYTES_MAX - len(json.dumps(track(properties={"text": ""}), separators=(",", ":")))
    raw = json.dumps(track(properties={"text": "x" * room}), separators=(",", ":")).encode()
    assert len(raw) == EVENT_BYTES_MAX
    taken = take(b'{"batch":[' + raw + b"]}", sender=Sender(True, None, IPHONE))
    assert [entry.raw for entry in taken.entries] == [raw] and taken.refused == []


# --- where --------------------------------------------------------------------------------------------------


def test_a_database_tells_place_and_zone_and_the_address_is_dropped(database: Path) -> None:
    found = context(track(), Sender(True, LISBON, None), database=database)
    assert found == {
        "location": {"country": "PT", "region": "Lisbon District", "city": "Lisbon"},
        "timezone": "Europe/Lisbon",
    }
    assert context(track(), Sender(True, SYDNEY, None), database=database) == {"location": {"country": "AU"}}
    assert context(track(), Sender(True, "198.51.100.1", None), database=database) == {}


def test_of_a_server_only_an_address_that_the_event_names_counts(database: Path) -> None:
    server = Sender(False, SYDNEY)
    assert context(track(), server, database=database) == {}
    assert context(track(context={"ip": LISBON}), server, database=database)["location"]["country"] == "PT"
    direct = context(track(context={"direct": True}), server, database=database)
    assert direct["location"]["country"] == "AU"
    own = context(track(context={"ip": LISBON}), Sender(True, SYDNEY), database=database)
    assert own["location"]["country"] == "PT", "what the event says goes before the connection"


def test_a_zone_that_is_none_makes_way_and_a_real_one_stays(database: Path) -> None:
    for zone, kept in (("GMT+0000", "Europe/Lisbon"), ("Asia/Tokyo", "Asia/Tokyo"), (5, "Europe/Lisbon")):
        found = context(track(context={"timezone": zone}), Sender(True, LISBON), database=database)
        assert found["timezone"] == kept


@pytest.mark.parametrize("keep", [True, False])
def test_addresses_stay_only_where_the_operator_says_so(keep: bool, database: Path) -> None:
    for event in (track(), track(context={"ip": LISBON})):
        found = context(event, Sender(True, LISBON), database=database, keep_ip=keep)
        assert found.get("ip") == (LISBON if keep else None)
    assert context(track(context={"ip": LISBON})) == {}, "also where there is no database"


def test_an_address_that_is_none_is_no_place(database: Path) -> None:
    for address in ("x", "", "999.1.1.1", "10.0.0.1"):
        assert "location" not in context(track(context={"ip": address}), database=database)


def test_a_database_that_is_replaced_is_read_anew_and_one_that_breaks_is_not(tmp_path: Path) -> None:
    clock = SetClock(NOW)
    path = write_database(tmp_path / "city.mmdb")
    places = Places(path, clock)

    def city() -> Any:
        return json.loads(bytes(places.fields(LISBON)["location"]))["city"]

    assert city() == "Lisbon"
    write_database(tmp_path / "new.mmdb", "Lisboa").replace(path)
    os.utime(path, ns=(1, 1))
    assert city() == "Lisbon", "not looked again at once"
    clock.advance(GEO_RECHECK_MS)
    assert city() == "Lisboa"
    (tmp_path / "bad").write_bytes(b"no database")
    (tmp_path / "bad").replace(path)
    clock.advance(GEO_RECHECK_MS)
    assert city() == "Lisboa"
    places.close()


def test_a_database_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "bad.mmdb").write_bytes(b"no database")
    for path in (tmp_path / "bad.mmdb", tmp_path / "missing.mmdb"):
        with pytest.raises(SettingsError) as caught:
            Places(path, SetClock(NOW))
        assert caught.value.where == "geo_database" and caught.value.fix


# --- behind proxies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "forwarded", "found"),
    [
        ("198.51.100.1", "203.0.113.7", "198.51.100.1"),
        ("10.0.0.2", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.2", "192.0.2.9, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.2", "192.0.2.9, 203.0.113.7, 10.0.0.3", "203.0.113.7"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "nonsense", "10.0.0.2"),
        ("10.0.0.2", "nonsense, 203.0.113.7", "203.0.113.7"),
        ("::ffff:10.0.0.2", "203.0.113.7", "203.0.113.7"),
        ("testclient", "203.0.113.7", None),
    ],
)
def test_only_proxies_of_ours_are_believed(client: str, forwarded: str, found: str | None) -> None:
    headers = {b"x-forwarded-for": forwarded.encode()}
    assert peer_address((client, 1), headers, networks("10.0.0.0/8, ::1")) == found


def test_networks_that_are_none_are_refused_at_the_start() -> None:
    with pytest.raises(SettingsError):
        networks("10.0.0.0/8, proxy")


def test_a_page_behind_a_proxy_is_placed_by_its_visitor_s_address(database: Path) -> None:
    with served(trusted_proxies="127.0.0.1", geo_database=str(database)) as server:
        headers = {
            "X-Forwarded-For": LISBON, "User-Agent": ANDROID, "Accept-Language": "pt-PT,pt;q=0.9,en;q=0.8",
            "Origin": "https://shop.example",
        }  # fmt: skip
        server.post("/v1/t", {"event": "Signed In", "userId": "u", "writeKey": server.key}, headers, key="")
        server.post("/v1/batch", {"batch": [track()]}, {"X-Forwarded-For": LISBON, "User-Agent": "python"})
        browser, backend = server.stored()
    found = browser["context"]
    assert found["location"]["city"] == "Lisbon" and found["timezone"] == "Europe/Lisbon"
    assert (found["locale"], found["os"]["name"], found["userAgent"]) == ("pt-PT", "Android", ANDROID)
    assert "ip" not in found
    assert "context" not in backend, "of a server nothing is taken over"


@pytest.mark.parametrize("header", ["*", "", ";q=1", "x" * 50, "<script>"])
def test_a_language_that_is_none_is_none(header: str, server: Served) -> None:
    server.post("/v1/t", track(), {"Accept-Language": header, "Origin": "https://shop.example"})
    assert "locale" not in server.stored()[0].get("context", {})
