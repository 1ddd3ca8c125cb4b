"""Metrics: what is counted and measured, and that nobody is named."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.edges.admin.api_world import Api, application, small

PERSONAL = ("@", "ada", "shop.example", "+49")


def figures(api: Api) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = api.ask_text("/metrics")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_count_what_happened_and_name_nobody(tmp_path: Path) -> None:
    with Api(small(), tmp_path, metrics_open=True) as api:
        for user in ("ada", "bob"):
            api.event("identify", user, traits={"email": f"{user}@shop.example"})
            api.event("track", user, event="Hi")
        api.control(op="suppress", address="bob@shop.example")
        (message,) = [one for one in api.wait(86_400_000) if one.kind == "message"]
        assert figures(api)["sevenfold_messages_owed", (("channel", "email"), ("transactional", "no"))] == 1
        api.app = application(api.services)
        api.reconnect()
        for outcome in ("claimed", "sent"):
            api.control(op="outcome", effect=message.data["effect"], outcome=outcome)
        found = figures(api)
        assert found["sevenfold_subjects", (("kind", "person"),)] == 2
        assert found["sevenfold_log_position", ()] == api.live.log.next_position
        assert found["sevenfold_effects_emitted", ()] == api.live.fold.emitted
        assert found["sevenfold_journey_runs", (("journey", "greet"),)] == 2
        assert found["sevenfold_messages_decided_total", (("channel", "email"), ("decision", "message"))] == 1
        assert found["sevenfold_message_outcomes_total", (("channel", "email"), ("outcome", "sent"))] == 1
        assert found["sevenfold_messages_held_total", (("decision", "held"), ("reason", "suppressed"))] == 1
        assert (found["sevenfold_fold_up", ()], found["sevenfold_history_up", ()]) == (1, 1)
        assert found["process_resident_memory_bytes", ()] > 10_000_000
        assert ("sevenfold_append_seconds_count", ()) in found
        changed = found["sevenfold_control_seconds_count", ()]
        api.post("/api/journeys/greet/pause", {})
        assert figures(api)["sevenfold_control_seconds_count", ()] == changed + 1
        labels = [value for _, pairs in found for _, value in pairs]
        assert not [one for one in labels if any(part in one for part in PERSONAL)]


def test_what_ingest_counts_is_shown_by_result_reason_and_status(tmp_path: Path) -> None:
    counts = {
        "accepted": 7,
        "duplicate": 1,
        "request_200": 3,
        "request_429": 2,
        "no_user_anon_id": 4,
        "reading_bytes": 9,
    }
    with Api(small(), tmp_path, metrics_open=True) as api:
        api.app = application(api.services, lambda: counts)
        api.reconnect()
        found = figures(api)
    assert found["sevenfold_events_total", (("result", "accepted"),)] == 7
    assert found["sevenfold_events_total", (("result", "duplicate"),)] == 1
    assert found["sevenfold_events_refused_total", (("reason", "no_user_anon_id"),)] == 4
    assert found["sevenfold_ingest_requests_total", (("status", "429"),)] == 2
    assert found["sevenfold_ingest_reading_bytes", ()] == 9


def test_metrics_are_there_while_the_fold_and_the_history_are_not(tmp_path: Path) -> None:
    with Api(small(), tmp_path, metrics_open=True) as api:
        from sevenfold.server.live import UnavailableError

        async def silent(question: str, /, **arguments: object) -> None:
            raise UnavailableError("the fold is starting again")

        api.live.ask = silent  # type: ignore[method-assign]
        api.services.history.close()
        found = figures(api)
    assert (found["sevenfold_fold_up", ()], found["sevenfold_history_up", ()]) == (0, 0)


def test_the_service_says_that_it_is_there_and_whether_it_is_ready(api: Api) -> None:
    assert api.ask("GET", "/health", scope=None) == {"status": "ok"}
    assert api.ask("GET", "/ready", scope=None) == {"ready": True}
    assert api.get("/api/status")["position"] == api.live.log.next_position

    async def starting() -> dict[str, object]:
        return {"ready": False, "position": 0}

    api.live.status = starting  # type: ignore[method-assign]
    assert api.ask("GET", "/ready", scope=None, status=503) == {"ready": False}
