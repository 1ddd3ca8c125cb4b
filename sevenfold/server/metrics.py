"""Metrics for Prometheus, in a registry of their own. Labels name kinds of things, never people.

Most figures are kept elsewhere and asked for when somebody scrapes; counters of what the history holds go
on over restarts.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from ..clock import stopwatch_ns
from ..errors import SevenfoldError
from ..limits import METRICS_KEPT_S
from ..profiles.wheel import NEVER
from .returning import Returning

if TYPE_CHECKING:
    from .services import Services

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SENT: Final = ("message", "webhook", "outcome", "held", "deferred", "would_send")
_SECOND_NS: Final = 1_000_000_000
IngestCounts = Callable[[], Mapping[str, int]]
"""What ingest has counted: `accepted`, `duplicate`, `request_STATUS`, `reading_bytes`, and refused events
by reason.
"""


APPEND_SECONDS: Final = Histogram(
    "sevenfold_append_seconds", "Time until what came in was durable.", buckets=_BUCKETS_S, registry=None
)
"""Observed by whoever owns the log, for each append."""
CONTROL_SECONDS: Final = Histogram(
    "sevenfold_control_seconds",
    "Time until a change through the API was durable and folded.",
    buckets=_BUCKETS_S,
    registry=None,
)


class Metrics(Collector):
    """Everything measured in one service."""

    def __init__(self, services: Services, ingest: IngestCounts | None = None) -> None:
        self._services, self._ingest = services, ingest
        self.registry = CollectorRegistry(auto_describe=False)
        for histogram in (APPEND_SECONDS, CONTROL_SECONDS):
            self.registry.register(histogram)
        self._families: list[Metric] = []
        self._made = 0
        self._lock = asyncio.Lock()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def collect(self) -> Iterable[Metric]:
        return self._families

    async def text(self) -> bytes:
        """The exposition; figures are at most some seconds old."""
        async with self._lock:
            now = stopwatch_ns()
            if not self._families or now - self._made >= METRICS_KEPT_S * _SECOND_NS:
                self._families = await self._gather()
                self._made = now
            return generate_latest(self.registry)

    async def _gather(self) -> list[Metric]:
        status = await self._services.live.status()
        found = [*_of_status(status), *_of_ingest(self._ingest() if self._ingest is not None else {})]
        told = Returning.counts(self._services.live)
        found += [_counters("came_back", "What providers, services and mailboxes told.", "what", told)]
        up = 1
        try:
            found += _of_fold(await self._services.live.ask("figures"))
            found += _of_journeys(await self._services.live.ask("journeys"))
            found += _of_owed(await self._services.live.ask("owed_groups"))
        except SevenfoldError:
            # The fold is starting again: everything else is still worth knowing.
            up = 0
        found += [_gauge("fold_up", "Whether the fold answers.", up)]
        try:
            found += _of_history(self._services.history.counts(_SENT, 0, by_day=True))
        except SevenfoldError:
            found += [_gauge("history_up", "Whether the history can be read.", 0)]
        else:
            found += [_gauge("history_up", "Whether the history can be read.", 1)]
        return found


def _gauge(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"sevenfold_{name}", help_, value=value)


def _gauges(name: str, help_: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    made = GaugeMetricFamily(f"sevenfold_{name}", help_, labels=[label])
    for key, value in values.items():
        made.add_metric([key], value)
    return made


def _counters(name: str, help_: str, label: str, values: Mapping[str, float]) -> CounterMetricFamily:
    made = CounterMetricFamily(f"sevenfold_{name}", help_, labels=[label])
    for key, value in values.items():
        made.add_metric([key], value)
    return made


def _of_status(status: Mapping[str, Any]) -> list[Metric]:
    """Positions and lags. A part that is not there in a service of one process has no figure."""
    named = {
        "position": ("log_position", "The position that the next event gets."),
        "folded": ("fold_position", "The position up to which everything is folded."),
        "fold_lag": ("fold_lag_records", "Positions that are durable and not folded yet."),
        "history_lag": ("history_lag_effects", "Effects that the history does not hold yet."),
        "emitted": ("effects_emitted", "Effects since the log began."),
        "waiting_bytes": ("waiting_bytes", "Bytes of events that wait to be stored."),
    }
    found: list[Metric] = [_gauge(*named[key], float(status[key])) for key in named if key in status]
    for part in ("ready", "fold_connected", "delivery_connected"):
        if part in status:
            found.append(_gauge(part, f"Whether the service says `{part}`.", float(bool(status[part]))))
    delivery = status.get("delivery") or {}
    owed = {key: value for key, value in delivery.items() if isinstance(value, int | float)}
    if owed:
        found.append(_gauges("delivery", "What the delivery process says of itself.", "figure", owed))
    if "dead_letters" in status:
        help_ = "Events kept as dead letters, by reason."
        found.append(_gauges("dead_letters", help_, "reason", status["dead_letters"]))
    return found


def _of_ingest(counts: Mapping[str, int]) -> list[Metric]:
    requests = {key.removeprefix("request_"): n for key, n in counts.items() if key.startswith("request_")}
    known = {"accepted", "duplicate", "reading_bytes"}
    refused = {key: n for key, n in counts.items() if key not in known and not key.startswith("request_")}
    taken = {key: counts.get(key, 0) for key in ("accepted", "duplicate")}
    return [
        _counters("events", "Events that came in over HTTP, by what became of them.", "result", taken),
        _counters("events_refused", "Events that were refused, by reason.", "reason", refused),
        _counters("ingest_requests", "Requests to ingest, by status.", "status", requests),
        _gauge("ingest_reading_bytes", "Bytes of requests being read.", counts.get("reading_bytes", 0)),
    ]


def _of_fold(figures: Mapping[str, Any]) -> list[Metric]:
    due, now = figures["next_due"], figures["time"]
    late_s = max(0, now - due) / 1_000 if due < NEVER else 0.0
    return [
        _gauges("subjects", "Subjects, by kind.", "kind", figures["subjects"]),
        _counters(
            "events_dropped", "Events that the fold left out, by reason.", "reason", figures["dropped"]
        ),
        _gauge("runs", "Runs of journeys.", figures["runs"]),
        _gauge(
            "messages_remembered", "Messages on their way, or settled lately.", figures["messages_remembered"]
        ),
        _gauge("open_tasks", "Open tasks.", figures["open_tasks"]),
        _gauge(
            "timers_late_seconds", "How long the earliest timer is overdue, as of the last record.", late_s
        ),
    ]


def _of_journeys(journeys: Iterable[Mapping[str, Any]]) -> list[Metric]:
    running = {one["name"]: one["running"] for one in journeys}
    return [_gauges("journey_runs", "Runs of each journey.", "journey", running)]


def _of_owed(groups: Iterable[Mapping[str, Any]]) -> list[Metric]:
    labels = ["channel", "transactional"]
    made = GaugeMetricFamily(
        "sevenfold_messages_owed", "Messages that no sender has claimed yet.", labels=labels
    )
    for one in groups:
        made.add_metric([one["channel"], "yes" if one["transactional"] else "no"], one["unclaimed"])
    return [made]


def _of_history(counts: Iterable[Any]) -> list[Metric]:
    """Sums over all days: what was decided by channel, what became of it, what was held and why."""
    decided: Counter[tuple[str, str]] = Counter()
    outcomes: Counter[tuple[str, str]] = Counter()
    held: Counter[tuple[str, str]] = Counter()
    for one in counts:
        if one.kind == "outcome":
            outcomes[one.name, one.what] += one.count
        elif one.kind in ("held", "deferred"):
            held[one.what, one.kind] += one.count
        else:
            decided[one.name, one.kind] += one.count
    return [
        _pairs("messages_decided", "Messages decided.", ("channel", "decision"), decided),
        _pairs("message_outcomes", "What became of messages.", ("channel", "outcome"), outcomes),
        _pairs("messages_held", "Messages held or put off, by reason.", ("reason", "decision"), held),
    ]


def _pairs(
    name: str, help_: str, labels: tuple[str, str], counts: Mapping[tuple[str, str], int]
) -> CounterMetricFamily:
    made = CounterMetricFamily(f"sevenfold_{name}", help_, labels=list(labels))
    for pair, value in sorted(counts.items()):
        made.add_metric(list(pair), value)
    return made
