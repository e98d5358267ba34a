"""Packs of one reading for tests of ingest, and what became of them in the database."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

NOW = float(int(time.time()))


def count(url: str, what: str = "reading") -> int:
    """Return how many rows a table has."""
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {what}".encode()).fetchone()  # noqa: S608
        assert row is not None
        return int(row[0])


@contextmanager
def locked_readings(url: str) -> Iterator[None]:
    """Keep everybody from writing readings, so that no commit can end."""
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE reading IN EXCLUSIVE MODE")
        yield


def pack(seq: int, log: str = "a") -> list[dict[str, object]]:
    """Return a pack of one reading, whose value is its seq, measured as many seconds ago."""
    return [{"bt": NOW - seq, "n": "no2", "v": float(seq), "log": log, "seq": seq}]
