"""What maintenance tells Prometheus."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Counters and gauges, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.hours = Counter("bypuls_maintain_rollups", "Hourly rollups made", registry=registry)
        self.removed = Counter("bypuls_maintain_removed_readings", "Old readings removed", registry=registry)
        self.portion_seconds = Histogram(
            "bypuls_maintain_portion_seconds", "Time of a portion of rollups", registry=registry
        )
        self.backlog = Gauge(
            "bypuls_maintain_backlog_hours", "Hours that wait for their rollup", registry=registry
        )
        self.backlog_age = Gauge(
            "bypuls_maintain_backlog_age_seconds", "Age of the oldest of these hours", registry=registry
        )
        self.connected = Gauge("bypuls_maintain_connected", "1 while the database answers", registry=registry)
        self.connected.set(1)

    def show_backlog(self, hours: int, oldest: int | None) -> None:
        """Set the gauges of what is left to do; `oldest` is an hour since 1970."""
        self.backlog.set(hours)
        self.backlog_age.set(0.0 if oldest is None else time.time() - oldest * 3600)
