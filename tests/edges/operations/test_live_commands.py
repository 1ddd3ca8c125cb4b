"""The commands against a real service on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sevenfold.cli import main
from sevenfold.clock import sleep_s
from sevenfold.commands.live import bars, unpacked
from sevenfold.errors import InputError
from sevenfold.workspace.exporting import export
from tests.edges.replay.worlds import workspace
from tests.edges.server.serving import Served, served

EVENTS = 8


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("service")
    export(workspace(), folder / "shop")
    with served(folder / "data", str(folder / "shop")) as found:
        for user in ("ada", "bob"):
            traits = {"email": f"{user}@shop.example", "first_name": user.title()}
            found.post("/v1/identify", {"userId": user, "traits": traits})
            for _ in range(3):
                found.post("/v1/track", {"userId": user, "event": "Visited"})
        found.until_ready()
        until_stored(found)
        yield found


def until_stored(service: Served) -> None:
    """Waits until the history has what was decided."""
    for _ in range(300):
        status = service.api("GET", "/api/status").json()
        if status["fold_lag"] == 0 and status["history_lag"] == 0:
            return
        sleep_s(0.05)
    raise AssertionError("the history does not catch up")


def run(service: Served, *arguments: str, key: str | None = None, **more: Any) -> Result:
    environment = {"SEVENFOLD_API_URL": service.url, "SEVENFOLD_API_KEY": key or service.api_key}
    return CliRunner().invoke(main, arguments, env=environment, **more)


def test_status_shows_figures_and_how_many_stand_where(service: Served) -> None:
    shown = run(service, "status")
    assert shown.exit_code == 0, shown.output
    assert "is ready" in shown.output
    assert "visitor (person)" in shown.output
    assert "█" in shown.output
    told = json.loads(run(service, "status", "--json").output)
    assert told["status"]["ready"] is True
    assert sum(one["count"] for one in told["lifecycles"][0]["stages"]) >= 2


def test_a_chart_is_as_long_as_its_largest_count() -> None:
    most, half, none = bars([("most", 1_000), ("half", 500), ("none", 0)])
    assert most.count("█") == 2 * half.count("█") == 30
    assert none.count("█") == 0
    assert most.endswith("1,000")
    assert bars([]) == []


def test_profile_shows_who_it_is_and_why_they_stand_where_they_stand(service: Served) -> None:
    shown = run(service, "profile", "ada@shop.example")
    assert shown.exit_code == 0, shown.output
    assert "user_id: ada" in shown.output
    assert "visitor: active since" in shown.output
    assert "because rule" in shown.output
    assert "Timeline" in shown.output
    told = json.loads(run(service, "profile", "ada", "--json").output)
    assert told["profile"]["identifiers"]["user_id"] == ["ada"]
    assert told["why"]["visitor"]["last"][0]["kind"] == "stage"
    assert {one["kind"] for one in told["timeline"]} >= {"created", "stage"}
    nobody = run(service, "profile", "nobody@nowhere.example")
    assert nobody.exit_code == 2
    assert "no person has that identifier" in nobody.output


def test_tail_shows_the_past_after_a_number_and_then_what_happens(service: Served) -> None:
    shown = run(service, "tail", "--after", "0", "--count", "3", "--json")
    numbers = [json.loads(one)["number"] for one in shown.output.splitlines()]
    assert numbers == sorted(numbers)
    assert len(numbers) == 3
    lines = run(service, "tail", "--after", "0", "--kind", "stage", "--count", "2").output.splitlines()
    assert len(lines) == 2
    assert "→ new" in lines[0]
    command = [sys.executable, "-m", "sevenfold.cli", "tail", "--kind", "created", "--count", "1", "--json"]
    command += ["--url", service.url, "--key", service.api_key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        for number in range(200):
            service.post("/v1/track", {"userId": f"new-{number}", "event": "Signed Up"})
            try:
                told, _ = following.communicate(timeout=0.1)
                break
            except subprocess.TimeoutExpired:
                continue
    assert json.loads(told)["kind"] == "created"


def test_what_is_exported_is_applied_without_a_change_and_an_edit_is_shown_first(
    service: Served, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    assert run(service, "export", str(folder)).exit_code == 0
    again = run(service, "export", str(folder))
    assert again.exit_code == 2
    assert "not empty" in again.output
    same = run(service, "apply", str(folder))
    assert same.exit_code == 0, same.output
    assert "Nothing differs" in same.output
    with (folder / "segments.yaml").open("a") as segments:
        segments.write("named_ada:\n  when: segment.regulars\n")
    asked = run(service, "apply", str(folder), input="n\n")
    assert asked.exit_code == 1, asked.output
    assert "named_ada" in asked.output
    done = run(service, "apply", str(folder), "--yes")
    assert done.exit_code == 0, done.output
    assert "In force since log position" in done.output
    assert json.loads(run(service, "apply", str(folder), "--json", "--yes").output) == {"changed": False}


def test_a_wrong_key_and_a_wrong_address_are_explained(service: Served, tmp_path: Path) -> None:
    wrong = run(service, "status", key="sk_wrong")
    assert wrong.exit_code == 2
    assert "API key" in wrong.output
    away = run(service, "status", "--url", "http://127.0.0.1:9")
    assert away.exit_code == 2
    assert "no service answers" in away.output
    without = CliRunner().invoke(main, ["status", "--url", service.url], env={"SEVENFOLD_API_KEY": ""})
    assert without.exit_code == 2
    assert "needs an API key" in without.output
    held = tmp_path / "key"
    held.write_text(service.api_key + "\n")
    assert run(service, "status", "--key", f"file:{held}").exit_code == 0


def test_a_backup_of_a_running_service_is_restored(service: Served, tmp_path: Path) -> None:
    made = run(service, "backup", str(tmp_path / "copy"), "--data", str(service.folder), "--json")
    assert made.exit_code == 0, made.output
    position = json.loads(made.output)["position"]
    restored = run(service, "restore", str(tmp_path / "copy"), "--data", str(tmp_path / "again"))
    assert f"log position {position:,}" in restored.output
    busy = run(service, "upgrade", "--data", str(service.folder))
    assert busy.exit_code == 2
    assert "owns this log" in busy.output
    checked = run(service, "upgrade", "--data", str(tmp_path / "again"), "--check")
    assert checked.exit_code == 0
    assert "log        format 1" in checked.output
    upgraded = run(service, "upgrade", "--data", str(tmp_path / "again"))
    assert upgraded.exit_code == 0, upgraded.output
    with served(tmp_path / "again") as again:
        again.until_ready()
        found = again.http.get(
            "/api/people/lookup",
            params={"value": "bob"},
            headers={"Authorization": f"Bearer {service.api_key}"},
        )
        assert found.status_code == 200


def in_the_warehouse(service: Served) -> None:
    """Waits until the warehouse has everything that was sent."""
    query = {"sql": "SELECT count(*) AS found FROM events"}
    for _ in range(600):
        answer = service.api("POST", "/api/warehouse/sql", json=query)
        if answer.status_code == 200 and answer.json()["rows"][0]["found"] >= EVENTS:
            return
        sleep_s(0.1)
    raise AssertionError("the warehouse does not follow")


def test_a_person_is_exported_and_then_erased_from_a_running_service(service: Served, tmp_path: Path) -> None:
    file = tmp_path / "ada.zip"
    in_the_warehouse(service)
    assert run(service, "export-person", "ada", "--to", str(file)).exit_code == 0
    with zipfile.ZipFile(file) as archive:
        assert len(archive.read("events.ndjson").splitlines()) == 4
    kept = run(service, "erase", "ada", input="n\n")
    assert kept.exit_code == 1
    done = run(service, "erase", "ada", "--yes", "--certificate", str(tmp_path / "ada.json"))
    assert done.exit_code == 0, done.output
    assert "4 events" in done.output
    certificate = json.loads((tmp_path / "ada.json").read_text())
    assert certificate["removed"]["snapshots"] is not None
    gone = run(service, "profile", "ada")
    assert gone.exit_code == 2
    held = b"".join(one.read_bytes() for one in service.folder.rglob("*") if one.is_file())
    assert b"ada@shop" not in held
    assert run(service, "profile", "bob").exit_code == 0
    service.post("/v1/track", {"userId": "bob", "event": "Came Back"})
    service.until_ready()
    told = json.loads(run(service, "profile", "bob", "--json").output)
    assert told["profile"]["identifiers"]["user_id"] == ["bob"]


def test_a_zip_that_names_a_file_elsewhere_is_refused(tmp_path: Path) -> None:
    import io

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../evil.yaml", "x")
    with pytest.raises(InputError, match="outside"):
        unpacked(packed.getvalue(), tmp_path / "in")
    assert not (tmp_path / "evil.yaml").exists()
