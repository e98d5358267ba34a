"""The configuration: a TOML file, checked as a whole, and what was set from afar."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from bypuls.channels import MAX_NAME, MAX_UNIT, of_channel
from bypuls.units import conversion
from edge.pi.channel import PLAIN, STATISTICS, Channel
from edge.pi.errors import ConfigurationError
from edge.pi.mistakes import CHANNEL, NODE, SENSOR, UNIT, told
from edge.pi.sensors.registry import KINDS, driver
from edge.pi.sensors.sensor import Driver, Options

Statistic = Literal["mean", "min", "max", "n"]
_LONGEST = 86_400.0


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Broker(_Table):
    """How to reach the MQTT broker."""

    host: str = Field(min_length=1)
    port: int = Field(1883, ge=1, le=65_535)
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @field_validator("ca_file", "cert_file", "key_file")
    @classmethod
    def _check_tls(cls, file: Path | None, others: ValidationInfo) -> Path | None:
        if file is not None and others.data.get("tls") is False:
            raise ValueError("is for TLS, but `tls = true` is missing: all would travel in clear")
        if file is not None and others.field_name == "key_file" and others.data.get("cert_file", 0) is None:
            raise ValueError("is the key of a certificate, but `cert_file` is missing")
        return file

    @field_validator("password_file")
    @classmethod
    def _check_password(cls, file: Path | None, others: ValidationInfo) -> Path | None:
        if file is not None and others.data.get("password") is not None:
            raise ValueError("there is a `password` too; remove one of them")
        return file

    @property
    def secret(self) -> str | None:
        """The password, from its file where there is one; raises ConfigurationError if that can't be read."""
        if self.password_file is None:
            return self.password.get_secret_value() if self.password else None
        try:
            return self.password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"broker.password_file: {error}") from error


class StoreTable(_Table):
    """Where packs are kept until they are acknowledged."""

    folder: Path = Path("/var/lib/bypuls-edge")
    megabytes: float = Field(64.0, ge=0.02, le=100_000)

    @property
    def limit(self) -> int:
        """Most bytes of content."""
        return round(self.megabytes * 1e6)


class ChannelTable(_Table):
    """A channel that an output of the sensor is sent under."""

    channel: str = Field(min_length=1, max_length=MAX_NAME, pattern=CHANNEL)
    output: str | None = None
    unit: str | None = Field(None, max_length=MAX_UNIT, pattern=UNIT)
    window: float = Field(60.0, ge=0, le=_LONGEST)
    statistics: tuple[Statistic, ...] = Field(("mean",), min_length=1)

    @field_validator("channel")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if "." in re.split("[/:]", name)[-1]:
            raise ValueError("a dot would name a statistic; list it in `statistics`")
        return name


class SensorTable(BaseModel):
    """A sensor; the keys that are not here are the driver's."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    kind: str
    name: str | None = Field(None, pattern=SENSOR)
    every: float = Field(1.0, ge=0.01, le=_LONGEST)
    channel: tuple[ChannelTable, ...] = ()

    @field_validator("kind")
    @classmethod
    def _check_kind(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"there is no {kind!r}; the kinds are {', '.join(sorted(KINDS))}")
        return kind


class Configuration(_Table):
    """The whole file."""

    node: str = Field(pattern=NODE)
    report: float = Field(10.0, ge=0.05, le=_LONGEST)
    resend: float = Field(5.0, ge=0.1, le=3_600)
    clock: Literal["synchronised", "system"] = "synchronised"
    broker: Broker
    store: StoreTable = StoreTable()
    sensor: tuple[SensorTable, ...] = Field(min_length=1)


class _SensorSetting(_Table):
    every: float = Field(ge=0.01, le=_LONGEST)


class _ChannelSetting(_Table):
    window: float | None = Field(None, ge=0, le=_LONGEST)
    statistics: tuple[Statistic, ...] | None = Field(None, min_length=1)


class Remote(_Table):
    """What was set from afar, see docs/wire.md, "Configuration"."""

    id: str = Field("", max_length=64)
    report: float | None = Field(None, ge=0.05, le=_LONGEST)
    sensors: dict[str, _SensorSetting] = {}
    channels: dict[str, _ChannelSetting] = {}


@dataclass(frozen=True, slots=True)
class SensorPlan:
    """A sensor to be read: its `channels` by output, `every` in seconds."""

    name: str
    driver: Driver[Any]
    options: Options
    every: float
    channels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured and sent; `report` in seconds."""

    report: float
    sensors: tuple[SensorPlan, ...]
    channels: tuple[Channel, ...]


NOTHING_REMOTE = Remote()


def load(path: Path) -> Configuration:
    """Read a configuration; raises ConfigurationError that names each key at fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} can't be read: {error}") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error
    try:
        configuration = Configuration.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError(f"{path}:\n{told(error)}") from None
    try:
        plan(configuration)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}:\n{error}") from None
    return configuration


def read_remote(payload: bytes) -> Remote:
    """Read what came on …/config; an empty message sets nothing. Raises ConfigurationError."""
    if not payload:
        return NOTHING_REMOTE
    try:
        return Remote.model_validate_json(payload)
    except ValidationError as error:
        raise ConfigurationError(told(error)) from None


def plan(configuration: Configuration, remote: Remote = NOTHING_REMOTE) -> Plan:
    """Work out what to do, `remote` before the file; raises ConfigurationError that names the key."""
    sensors, channels, faults = [], [], []
    for number, table in enumerate(configuration.sensor):
        try:
            planned, its_channels = _of_sensor(table, f"sensor[{number}]", remote)
        except ConfigurationError as error:
            faults.append(str(error))
            continue
        sensors.append(planned)
        channels += its_channels
    faults += _repeated("sensor", [each.name for each in sensors], "give one of them another `name`")
    faults += _repeated("channel", [each.name for each in channels], "each channel needs a name of its own")
    if not faults:
        faults += [
            f"sensors.{name}: there is no such sensor"
            for name in remote.sensors.keys() - {each.name for each in sensors}
        ]
        faults += [
            f"channels.{name}: there is no such channel"
            for name in remote.channels.keys() - {each.name for each in channels}
        ]
    if faults:
        raise ConfigurationError("\n".join(faults))
    return Plan(remote.report or configuration.report, tuple(sensors), tuple(channels))


def _of_sensor(table: SensorTable, where: str, remote: Remote) -> tuple[SensorPlan, list[Channel]]:
    found = driver(table.kind)
    try:
        options = found.options.model_validate(table.model_extra or {})
    except ValidationError as error:
        raise ConfigurationError(told(error, f"{where}.")) from None
    outputs = found.outputs(options)
    name = table.name or table.kind
    every = remote.sensors[name].every if name in remote.sensors else table.every
    tables = table.channel or _channels_named_as(outputs, where)
    names: dict[str, str] = {}
    channels, faults = [], []
    for number, each in enumerate(tables):
        output = each.output or re.split("[/:]", each.channel)[-1]
        place = f"{where}.channel[{number}]"
        if output not in outputs:
            key = "output" if each.output else "channel"
            faults.append(
                f"{place}.{key}: {table.kind} has no output {output!r}, but {', '.join(outputs)}; "
                "name one as `output`"
            )
            continue
        if output in names:
            faults.append(f"{place}.output: {output!r} has a channel already, {names[output]!r}")
            continue
        names[output] = each.channel
        try:
            channels.append(_channel(each, outputs[output], place, remote))
        except ConfigurationError as error:
            faults.append(str(error))
    if faults:
        raise ConfigurationError("\n".join(faults))
    return SensorPlan(name, found, options, every, names), channels


def _channels_named_as(outputs: Iterable[str], where: str) -> tuple[ChannelTable, ...]:
    """Return a channel for each output, under its name; raises ConfigurationError where that is no name."""
    tables, faults = [], []
    for output in outputs:
        try:
            tables.append(ChannelTable(channel=output))
        except ValidationError as error:
            faults.append(told(error, f"{where}.outputs: {output!r} needs a [[sensor.channel]] of its own; "))
    if faults:
        raise ConfigurationError("\n".join(faults))
    return tuple(tables)


def _channel(table: ChannelTable, unit: str, where: str, remote: Remote) -> Channel:
    unit = table.unit or unit
    what = of_channel(table.channel)
    if what.unit is not None and conversion(unit, what.unit) is None:
        raise ConfigurationError(
            f"{where}.unit: {unit!r} is no unit of {what.key}, which is kept in {what.unit!r}"
        )
    window, chosen = table.window, table.statistics
    setting = remote.channels.get(table.channel)
    if setting is not None:
        where = f"channels.{table.channel}"
        window = window if setting.window is None else setting.window
        chosen = chosen if setting.statistics is None else setting.statistics
    if 0 < window < 0.001:
        raise ConfigurationError(
            f"{where}.window: {window} s is too short; 0 sends every sample, else 0.001 and more"
        )
    if window == 0 and chosen != (PLAIN,):
        raise ConfigurationError(
            f"{where}.statistics: with `window = 0` every sample is sent, and no statistic"
        )
    for statistic in chosen:
        if statistic not in STATISTICS[what.kind]:
            allowed = ", ".join(STATISTICS[what.kind])
            raise ConfigurationError(
                f"{where}.statistics: {what.kind} values have no {statistic!r}, but {allowed}"
            )
    return Channel(table.channel, unit, round(window * 1e6), tuple(dict.fromkeys(chosen)))


def _repeated(what: str, names: list[str], advice: str) -> list[str]:
    return [
        f"{what} {name!r} is there {count} times; {advice}"
        for name, count in Counter(names).items()
        if count > 1
    ]
