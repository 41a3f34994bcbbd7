"""What the service counts, for Prometheus; in a registry of its own, so that several can run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """All of them; threads share it."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._requests = Counter(
            "vitrail_requests",
            "Requests that were answered.",
            ("method", "operation", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "vitrail_request_seconds",
            "Time until the whole reply was sent.",
            ("operation",),
            buckets=SECONDS,
            registry=registry,
        )
        self._in_flight = Gauge(
            "vitrail_requests_in_flight", "Requests that are being answered.", registry=registry
        )
        self._stages = Histogram(
            "vitrail_stage_seconds",
            "Time that a stage of a search took.",
            ("stage",),
            buckets=SECONDS,
            registry=registry,
        )
        self._recall = Gauge(
            "vitrail_search_recall",
            "Share of an exact search's hits that sampled approximate ones had, of the last ones.",
            ("collection",),
            registry=registry,
        )
        self._checked = Counter(
            "vitrail_searches_checked",
            "Approximate searches that were held against an exact one.",
            ("collection",),
            registry=registry,
        )

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a request as long as it is answered."""
        self._in_flight.inc()
        try:
            yield
        finally:
            self._in_flight.dec()

    def answered(self, method: str, operation: str, status: int, seconds: float) -> None:
        """Count a request that was answered.

        Args:
            method: of HTTP.
            operation: its id in the OpenAPI.
            status: of the reply.
            seconds: from its head to the reply's end.
        """
        known = method if method in METHODS else "other"
        self._requests.labels(known, operation, str(status)).inc()
        self._seconds.labels(operation).observe(seconds)

    def stages(self, seconds: Mapping[str, float]) -> None:
        """Count the stages of a search.

        Args:
            seconds: stage -> how long it took.
        """
        for stage, took in seconds.items():
            self._stages.labels(stage).observe(took)

    def recall(self, collection: str, share: float) -> None:
        """Tell what share of the exact hits approximate searches have found lately."""
        self._recall.labels(collection).set(share)
        self._checked.labels(collection).inc()

    def watch(
        self, name: str, told: str, label: str, read: Callable[[], Mapping[str, int]]
    ) -> None:
        """Ask for numbers whenever somebody reads the metrics.

        Args:
            name: of the metric.
            told: what it is.
            label: what its rows differ by.
            read: label's value -> number.
        """
        self._registry.register(_Watched(name, told, label, read))

    def text(self) -> bytes:
        """All of them, as Prometheus reads it."""
        return generate_latest(self._registry)


class _Watched(Collector):
    def __init__(
        self, name: str, told: str, label: str, read: Callable[[], Mapping[str, int]]
    ) -> None:
        self._name, self._told, self._label, self._read = name, told, label, read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The numbers now."""
        family = GaugeMetricFamily(self._name, self._told, labels=[self._label])
        for value, number in self._read().items():
            family.add_metric([value], number)
        yield family
