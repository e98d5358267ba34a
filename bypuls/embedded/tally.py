"""What the services say of themselves over HTTP."""

from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from prometheus_client.parser import text_string_to_metric_families

from bypuls.embedded.port import HOST


@dataclass(frozen=True, slots=True)
class Tally:
    """What ingest counted since it was started, and which of broker and database it lacks."""

    stored: int
    quarantined: int
    lacking: tuple[str, ...]


def read_tally(port: int) -> Tally | None:
    """Ask ingest; None when it doesn't answer."""
    answer = _get(port, "/metrics")
    if answer is None:
        return None
    samples = [sample for family in text_string_to_metric_families(answer) for sample in family.samples]
    connected = [sample for sample in samples if sample.name == "bypuls_ingest_connected"]
    return Tally(
        stored=round(sum(s.value for s in samples if s.name == "bypuls_ingest_readings_total")),
        quarantined=round(sum(s.value for s in samples if s.name == "bypuls_ingest_quarantined_total")),
        lacking=tuple(sample.labels["neighbour"] for sample in connected if not sample.value),
    )


def api_is_ready(port: int) -> bool:
    """Tell whether the API answers that it is ready, its database included."""
    return _get(port, "/readyz") is not None


def _get(port: int, path: str) -> str | None:
    # Not urllib: it would ask the proxy that the environment may name.
    connection = HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
    return body if response.status == 200 else None
