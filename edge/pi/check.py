"""`bypuls-edge check`: tries everything once, and explains what is wrong."""

import math
import queue
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bypuls import topics
from bypuls.channels import of_channel
from bypuls.units import conversion
from edge.pi.clock import SystemClock
from edge.pi.configuration import Configuration, Plan, SensorPlan, plan
from edge.pi.connection import Connection, Denied, Down, Event, Received, Up
from edge.pi.errors import ConfigurationError, StoreError
from edge.pi.packing import CHECK_LOG, encode
from edge.pi.store import Store

Tell = Callable[[str], None]

_PATIENCE = 15.0
"""Seconds for the broker, and for the platform's answer until its delay is told."""
_ANSWER_PATIENCE = 120.0
"""Seconds for the platform's answer in all: with a backlog before it a pack waits its turn."""
_LITTLE_SPACE = 2_000_000
"""Bytes free on the store's disk, below which it counts as full."""
_READINGS = 5
"""Attempts at a reading: some sensors have none at once."""
_PACK = encode([], CHECK_LOG, 1, [])
"""A pack without readings, the same each time, so that the platform knows it after the first check."""


def check(configuration: Configuration, tell: Tell) -> bool:
    """Try store, clock, sensors, broker and platform; tell how it went, and return whether all is well."""
    planned = plan(configuration)
    tell(f"ok    configuration: {len(planned.sensors)} sensors, {len(planned.channels)} channels")
    outcomes = [_store(configuration, tell), _clock(configuration, tell)]
    outcomes += [_sensor(sensor, planned, tell) for sensor in planned.sensors]
    outcomes.append(_broker(configuration, tell))
    return all(outcomes)


def _store(configuration: Configuration, tell: Tell) -> bool:
    folder = configuration.store.folder
    try:
        with Store(folder, configuration.store.limit) as store:
            store.put(checked=str(time.time()))
            tell(f"ok    store {folder}: {store.packs} packs waiting, {store.dropped} dropped so far")
            for path in store.aside:
                tell(
                    f"note  store: one that could not be read is kept in {path}; look into it, and remove it"
                )
    except StoreError as error:
        if "another agent" in str(error):
            tell(f"ok    store {folder}: in use by the agent that runs")
            return _space(folder, tell)
        tell(f"FAIL  {error}")
        return False
    return _space(folder, tell)


def _space(folder: Path, tell: Tell) -> bool:
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_SPACE:
        tell(
            f"FAIL  disk of {folder}: {free / 1e6:.1f} MB are free, {_LITTLE_SPACE / 1e6:.0f} MB are needed; "
            "make room, or the oldest packs are dropped"
        )
        return False
    tell(f"ok    disk of {folder}: {free / 1e6:.0f} MB are free")
    return True


def _clock(configuration: Configuration, tell: Tell) -> bool:
    if SystemClock().synchronised():
        tell("ok    clock: synchronised")
    elif configuration.clock == "system":
        tell('ok    clock: not synchronised, but believed (clock = "system")')
    else:
        tell("note  clock: not synchronised yet; until it is, or the platform tells the time, readings wait")
    return True


def _sensor(sensor: SensorPlan, planned: Plan, tell: Tell) -> bool:
    try:
        opened = sensor.driver.open(sensor.options)
    except Exception as error:  # noqa: BLE001  # whatever a driver raises is what is wrong with the sensor
        tell(f"FAIL  sensor {sensor.name}: {_explained(error)}")
        return False
    try:
        values = {}
        for _ in range(_READINGS):
            values = dict(opened.read())
            if values:
                break
            time.sleep(1)
    except Exception as error:  # noqa: BLE001  # the same
        tell(f"FAIL  sensor {sensor.name}: {_explained(error)}")
        return False
    finally:
        opened.close()
    units = {channel.name: channel.unit for channel in planned.channels}
    well = True
    for output, channel in sensor.channels.items():
        value = values.get(output, math.nan)
        if math.isnan(value):
            tell(f"FAIL  sensor {sensor.name}: gives no {output}")
            well = False
        else:
            tell(f"{_verdict(channel, value, units[channel])} = {value:.6g} {units[channel]}")
    return well


def _verdict(channel: str, value: float, unit: str) -> str:
    quantity = of_channel(channel).quantity
    factor = conversion(unit, quantity.unit) if quantity else None
    if quantity is None or factor is None:
        return f"ok    {channel}"
    plausible = quantity.low <= value * factor.factor + factor.offset <= quantity.high
    return f"ok    {channel}" if plausible else f"note  outside of what is plausible: {channel}"


def _explained(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"{error}; install the hardware libraries: pip install 'bypuls[edge]'"
    return str(error) or type(error).__name__


def _broker(configuration: Configuration, tell: Tell) -> bool:
    node = configuration.node
    ack, up = topics.topic(node, topics.Leaf.ACK), topics.topic(node, topics.Leaf.UP)
    heard = [ack, topics.topic(node, topics.Leaf.CONFIG)]
    name = f"{node}-check-{secrets.token_hex(3)}"
    try:
        connection = Connection(configuration.broker, name, heard, None, threading.Event())
    except ConfigurationError as error:
        tell(f"FAIL  {error}")
        return False
    connection.start()
    try:
        return _connected(connection, tell) and _acknowledged(connection, ack, up, tell)
    finally:
        connection.stop()


def _connected(connection: Connection, tell: Tell) -> bool:
    begin = time.monotonic()
    first = ""
    while (left := begin + _PATIENCE - time.monotonic()) > 0:
        match _next(connection, left):
            case Up():
                tell("ok    broker: connected, and the node's topics may be heard")
                return True
            # The second attempt speaks the older protocol, if that is what was wrong.
            case Down(reason) if first:
                tell(f"FAIL  {reason}")
                return False
            case Down(reason):
                first = reason
            case Denied(reason):
                tell(f"FAIL  {reason}")
                return False
    silence = f"broker: no answer within {_PATIENCE:.0f} s; check broker.host, and firewalls on the way"
    tell(f"FAIL  {first or silence}")
    return False


def _acknowledged(connection: Connection, ack: str, up: str, tell: Tell) -> bool:
    begin = time.monotonic()
    connection.publish(up, _PACK)
    told, pause = False, _PATIENCE
    while (left := begin + _ANSWER_PATIENCE - time.monotonic()) > 0:
        match _next(connection, min(left, pause)):
            case Received(topic, payload) if topic == ack and CHECK_LOG.encode() in payload:
                took = time.monotonic() - begin
                ahead = _ahead(payload)
                clock = "" if abs(ahead) < 2 else f"; its clock is {ahead:+.0f} s from ours"
                tell(f"ok    platform: a pack is acknowledged after {took:.2f} s{clock}")
                return True
            case Down(reason) | Denied(reason):
                tell(f"FAIL  {reason}")
                return False
            case None if not told:
                told, pause = True, _ANSWER_PATIENCE
                tell(
                    f"note  platform: no acknowledgement after {_PATIENCE:.0f} s; it may have a backlog to "
                    f"work off, such as the history of `make up`; waiting up to {_ANSWER_PATIENCE:.0f} s"
                )
    tell(
        "FAIL  platform: the broker takes packs, but nobody acknowledges them within "
        f"{_ANSWER_PATIENCE:.0f} s; is ingest running, has it a backlog to work off, and may this user "
        "publish for this node?"
    )
    return False


def _ahead(payload: bytes) -> float:
    try:
        return float(msgspec.json.decode(payload)["now"]) - time.time()
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return 0.0


def _next(connection: Connection, timeout: float) -> Event | None:
    try:
        return connection.events.get(timeout=timeout)
    except queue.Empty:
        return None
