"""What maintenance tells Prometheus."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Counters and gauges, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.hours = Counter("bypuls_maintain_rollups", "Hourly rollups made", registry=registry)
        self.removed = Counter("bypuls_maintain_removed_readings", "Old readings removed", registry=registry)
        self.moved = Counter(
            "bypuls_maintain_moved_chunks", "Chunks moved into the columnstore", registry=registry
        )
        self.portion_seconds = Histogram(
            "bypuls_maintain_portion_seconds", "Time of a portion of rollups", registry=registry
        )
        self.backlog = Gauge(
            "bypuls_maintain_backlog_hours",
            "Hours that wait for their rollup, those that are not over yet included",
            registry=registry,
        )
        self.backlog_age = Gauge(
            "bypuls_maintain_backlog_age_seconds",
            "Longest that one of these hours has waited since it was over and marked; 0 while none is over",
            registry=registry,
        )
        # Counted when it is asked for, so that it goes on rising while the database is away.
        self.backlog_age.set_function(self._age)
        self.connected = Gauge("bypuls_maintain_connected", "1 while the database answers", registry=registry)
        self.connected.set(1)
        self.reconnects = Counter(
            "bypuls_maintain_reconnects", "Times that the database came back", registry=registry
        )
        self._since: float | None = None

    def show_backlog(self, hours: int, since: float | None) -> None:
        """Set the gauges of what is left to do; `since` (seconds since 1970) is when the first began to."""
        self.backlog.set(hours)
        self._since = since

    def _age(self) -> float:
        return 0.0 if self._since is None else max(0.0, time.time() - self._since)
