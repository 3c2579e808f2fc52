"""Figures for Prometheus: requests, time, what is served and how old it is; of nobody in particular."""

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from serving.freshness import Freshness

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The figures of one process. Labels are routes, methods and statuses, never users or keys."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "holdfast_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "holdfast_http_request_seconds",
            "Seconds from a request to the end of its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._age = Gauge(
            "holdfast_snapshot_age_seconds",
            "Seconds since the served snapshot was made.",
            registry=self.registry,
        )
        self._as_of = Gauge(
            "holdfast_snapshot_as_of_timestamp_seconds",
            "The as_of_date that is served, as a moment.",
            registry=self.registry,
        )
        self._served = Gauge(
            "holdfast_snapshot_served", "1 if a sound snapshot is served.", registry=self.registry
        )
        self._stale = Gauge(
            "holdfast_snapshot_stale", "1 if it is older than it should be.", registry=self.registry
        )
        self._streams = Gauge("holdfast_streams_open", "Lists being pulled now.", registry=self.registry)

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        known = method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self, freshness: Freshness | None, streams_open: int) -> bytes:
        """Return every figure in Prometheus' text format."""
        self._streams.set(streams_open)
        self._served.set(0 if freshness is None else 1)
        if freshness is not None:
            self._age.set(freshness.age_hours * 3600)
            self._stale.set(freshness.is_stale)
            day = datetime.fromisoformat(freshness.as_of_date).replace(tzinfo=UTC)
            self._as_of.set(day.timestamp())
        return generate_latest(self.registry)
