"""What the API counts of itself, for Prometheus."""

from time import perf_counter

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = {"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"}


class Metrics:
    """The counters of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        labels = ["method", "route"]
        self.requests = Counter(
            "bypuls_api_requests", "Requests answered", [*labels, "status"], registry=self.registry
        )
        self.duration = Histogram(
            "bypuls_api_request_duration_seconds",
            "Time from a request's arrival to the end of its answer",
            labels,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
            registry=self.registry,
        )
        self.readings = Counter("bypuls_api_readings", "Raw readings given out", registry=self.registry)
        self.listeners = Gauge("bypuls_api_listeners", "Clients of live readings", registry=self.registry)
        self.dropped = Counter(
            "bypuls_api_listeners_dropped", "Listeners dropped: they took too little", registry=self.registry
        )

    def tell_listeners(self, number: int, dropped: int) -> None:
        """Take in how many listen to live readings, and how many of them were dropped now."""
        self.listeners.set(number)
        self.dropped.inc(dropped)

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class MetricsMiddleware:
    """Counts and times requests by their route's template: paths as they come would have no end of labels."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and look at the status of the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 499  # nginx's number for a client that went away before an answer

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, route, status).inc()
            self._metrics.duration.labels(method, route).observe(perf_counter() - began)
