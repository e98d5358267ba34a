"""The whole platform on one machine: broker, ingest, database and API, each of them real."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from testbed.api import Api
from testbed.database import Databases
from testbed.ingest import Ingest
from testbed.mosquitto import Mosquitto


@dataclass(frozen=True, slots=True)
class Platform:
    """Its parts; `database_url` is the superuser's."""

    database_url: str
    broker: Mosquitto
    ingest: Ingest
    api: Api


@contextmanager
def platform(databases: Databases, **settings: str) -> Iterator[Platform]:
    """Give a platform with a fresh database; `settings` of its API are as for `Api`."""
    with (
        databases.migrated() as url,
        Mosquitto() as broker,
        Ingest(url, broker.port) as ingest,
        Api(url, **settings) as api,
    ):
        yield Platform(url, broker, ingest, api)
