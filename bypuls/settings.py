"""Settings by concern, read from the environment with the prefix BYPULS_; `.env` files are not read.

The table in the README is made from these classes (`bypuls settings`).
"""

import re
from enum import StrEnum
from socket import gethostname
from typing import Annotated, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bypuls.errors import SettingsError
from bypuls.quantities import QUANTITIES


class Enrolment(StrEnum):
    """What happens to nodes that the registry doesn't know."""

    OPEN = "open"
    CLOSED = "closed"


class Licence(StrEnum):
    """Licences that data.norge.no recommends for open data."""

    NLOD = "NLOD-2.0"
    CC_BY = "CC-BY-4.0"
    CC0 = "CC0-1.0"


DEFAULT_QUANTITY = "default"
"""Stands for every quantity that isn't named itself, and for streams without one."""

_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore")


class DatabaseSettings(_Settings, env_prefix="BYPULS_DATABASE_"):
    """Where the readings are kept."""

    url: SecretStr = Field(description="PostgreSQL URL, such as postgresql://bypuls_api:secret@db/bypuls")

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: SecretStr) -> SecretStr:
        # Here, because the driver's own message would show the whole URL, with its password.
        text = url.get_secret_value()
        if not text.startswith(("postgresql://", "postgres://")) or _BAD_PERCENT.search(text):
            raise ValueError(
                "not a PostgreSQL URL: postgresql://user:password@host:port/database, with % as %25"
            )
        return url

    connections: int = Field(8, ge=1, le=100, description="most connections that one process opens")
    statement_timeout: float = Field(30.0, gt=0, description="longest query of the API, in seconds")


class BrokerSettings(_Settings, env_prefix="BYPULS_MQTT_"):
    """How to reach the MQTT broker."""

    host: str = Field("127.0.0.1", description="broker's host name or address")
    port: int = Field(1883, ge=1, le=65535, description="broker's port")
    username: str | None = Field(None, description="user name at the broker")
    password: SecretStr | None = Field(None, description="password at the broker")
    tls: bool = Field(False, description="encrypt, and check the broker's certificate")
    ca_file: str | None = Field(
        None, description="certificates to trust, a PEM file; the system's if not set"
    )


class IngestSettings(_Settings, env_prefix="BYPULS_INGEST_"):
    """How readings are taken in."""

    enrolment: Enrolment = Field(
        Enrolment.OPEN, description="open: unknown nodes are registered; closed: quarantined"
    )
    client_id: str = Field(
        default_factory=gethostname,
        pattern=r"^[A-Za-z0-9_.-]{1,100}$",
        description="this instance at the broker, the same after a restart; the host's name if not set",
    )
    group: str = Field("ingest", pattern=r"^[A-Za-z0-9_-]+$", description="name of the shared subscription")
    filters: str = Field("bypuls/+/+/up/#", description="topic filters of readings, separated by spaces")
    batch_age: float = Field(
        0.1, ge=0, le=10, description="a batch is committed when its oldest message is this old, in seconds"
    )
    batch_bytes: int = Field(4 << 20, ge=1, description="or when its messages take this much memory")
    in_flight: int = Field(20_000, ge=1, le=65_535, description="most unacknowledged messages (MQTT 5)")
    queue_bytes: int = Field(
        48 << 20, ge=1 << 20, description="most payload bytes held; then the broker waits"
    )
    max_channels: int = Field(1_000, ge=1, description="most channels a node may enrol by itself")
    metrics_port: int | None = Field(
        None, ge=1, le=65_533, description="port of /metrics; worker k uses port + k"
    )
    metrics_host: str = Field("127.0.0.1", description="address of /metrics")


class ApiSettings(_Settings, env_prefix="BYPULS_API_"):
    """How the HTTP API is served."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=1, le=65535, description="port to listen on")
    operator_token: SecretStr | None = Field(
        None,
        description="bearer token for the quarantine; without it all who reach the API may read it",
    )
    town: str = Field("Lillestrøm", min_length=1, max_length=60, description="what the page calls the town")
    tile_url: str | None = Field(
        None,
        pattern=r"^https?://[A-Za-z0-9.{}:-]+/[^\s\"<>]*\{z\}[^\s\"<>]*$",
        description="tiles beneath the page's map, with {z}, {x}, {y}; none if not set, so that "
        "nothing is asked of others",
    )
    tile_credit: str | None = Field(None, description="whose tiles they are, as the map says it")


class OpenDataSettings(_Settings, env_prefix="BYPULS_OPEN_DATA_"):
    """What the catalogue of open data says of the town (DCAT-AP-NO)."""

    url: str = Field(
        "http://127.0.0.1:8080",
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*[^\s/?#])?$",
        description="where the world finds the API, without a slash at the end",
    )
    publisher: str = Field("Lillestrøm kommune", min_length=1, description="who publishes the data")
    publisher_url: str = Field(
        "https://www.lillestrom.kommune.no/",
        pattern=r"^https?://\S+$",
        description="address that stands for the publisher, such as the one in data.norge.no's register",
    )
    contact: str = Field(
        "https://www.lillestrom.kommune.no/",
        pattern=r"^(https?://\S+|mailto:\S+@\S+)$",
        description="where to ask about the data: a web page, or mailto: and an address",
    )
    licence: Licence = Field(Licence.NLOD, description="licence of all open streams")


class MaintainSettings(_Settings, env_prefix="BYPULS_MAINTAIN_"):
    """How rollups are kept, and what becomes of old readings."""

    interval: float = Field(30.0, ge=1, le=3_600, description="pause between two rounds, in seconds")
    raw_days: Annotated[dict[str, int], NoDecode] = Field(
        default_factory=dict,
        description="days after which raw readings are removed, such as `default=730,sound_level=90`; "
        "none are if not set",
    )
    columnstore_days: int = Field(
        30,
        ge=0,
        le=36_500,
        description="days after its end when a week of readings is moved into TimescaleDB's columnstore, "
        "where the server has one; 0: never",
    )
    metrics_port: int | None = Field(None, ge=1, le=65_535, description="port of /metrics")
    metrics_host: str = Field("127.0.0.1", description="address of /metrics")

    @field_validator("raw_days", mode="before")
    @classmethod
    def _read_days(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        days: dict[str, int] = {}
        for part in given.split(","):
            key, _, number = part.strip().partition("=")
            if key != DEFAULT_QUANTITY and key not in QUANTITIES:
                raise ValueError(f"{key!r} is no quantity; write {DEFAULT_QUANTITY}=730 or sound_level=90")
            if not number.isdecimal() or not 1 <= int(number) <= 36_500:
                raise ValueError(f"{part.strip()!r} needs a number of days from 1 to 36500")
            if key in days:
                raise ValueError(f"{key!r} is given twice; which number of days is meant?")
            days[key] = int(number)
        return days


class RoleSettings(_Settings, env_prefix="BYPULS_ROLE_"):
    """Passwords that `bypuls migrate` gives to the database roles; without one a role has none."""

    ingest_password: SecretStr | None = Field(None, description="of bypuls_ingest")
    api_password: SecretStr | None = Field(None, description="of bypuls_api")
    grafana_password: SecretStr | None = Field(None, description="of bypuls_grafana")


S = TypeVar("S", bound=_Settings)


def load(kind: type[S]) -> S:
    """Read one concern from the environment.

    Raises SettingsError that names each variable that is missing or wrong, and never its value.
    """
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        lines = [
            f"{prefix}{part['loc'][0]}".upper() + f": {part['msg']}"
            for part in error.errors(include_input=False)
        ]
        raise SettingsError("; ".join(lines)) from None
