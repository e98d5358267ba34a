"""What ingest tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bypuls.quarantine import Reason

_SIZES = (1, 10, 100, 1_000, 10_000, 100_000)
_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)


class Metrics:
    """The counters and gauges of one worker, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.messages = Counter("bypuls_ingest_messages", "Messages received", registry=registry)
        self.readings = Counter("bypuls_ingest_readings", "Readings stored", registry=registry)
        self.repeats = Counter(
            "bypuls_ingest_repeats", "Readings that were stored already", registry=registry
        )
        self.conflicts = Counter(
            "bypuls_ingest_conflicts", "Readings whose instant has another value", registry=registry
        )
        self.quarantined = Counter(
            "bypuls_ingest_quarantined",
            "Messages, or parts of one, kept in quarantine",
            ["reason"],
            registry=registry,
        )
        for reason in Reason:
            self.quarantined.labels(reason.value)  # so that a reason shows as 0 before its first case
        self.batch_readings = Histogram(
            "bypuls_ingest_batch_readings", "Readings in a commit", buckets=_SIZES, registry=registry
        )
        self.commit_seconds = Histogram(
            "bypuls_ingest_commit_seconds", "Time a commit takes", buckets=_SECONDS, registry=registry
        )
        self.lag_seconds = Gauge(
            "bypuls_ingest_lag_seconds",
            "From a reading's time to its commit, in the last batch",
            ["quantile"],
            registry=registry,
        )
        self.queue_bytes = Gauge(
            "bypuls_ingest_queue_bytes", "Memory of uncommitted messages", registry=registry
        )
        self.reconnects = Counter(
            "bypuls_ingest_reconnects", "Connections made again", ["neighbour"], registry=registry
        )
        self.connected = Gauge(
            "bypuls_ingest_connected", "1 while the neighbour answers", ["neighbour"], registry=registry
        )
        for neighbour in ("broker", "database"):
            self.reconnects.labels(neighbour)
            self.connected.labels(neighbour)
