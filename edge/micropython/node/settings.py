"""Settings: config.json of the node, and the intervals that the platform may set before it."""

import json
import os

_STATISTICS = ("mean", "min", "max", "n")


def load(path):
    """Return the settings of the node, checked and complete. Raises ValueError naming the field."""
    try:
        with open(path) as file:
            settings = json.load(file)
    except ValueError as error:
        raise ValueError("%s is no JSON: %s" % (path, error))
    node = _need(settings, "node", str, "")
    if not _is_name(node):
        raise ValueError("node: %r is no name: 1 to 63 of a-z, 0-9 and -, not beginning with -" % node)
    broker = _need(settings, "broker", dict, "")
    _need(broker, "host", str, "broker.")
    broker.setdefault("port", 8883 if broker.get("tls") else 1883)
    settings["report"] = _seconds(settings.get("report", 0), "report")
    store = settings.setdefault("store", {})
    for key, value, low, high in (
        ("segments", 160, 2, 4000),
        ("packs", 64, 1, 64),
        ("bytes", 32_768, 512, 1 << 20),
        ("pack_bytes", 2048, 256, 32_768),
        ("window", 32, 4, 64),
    ):
        if not low <= store.setdefault(key, value) <= high:
            raise ValueError("store.%s: %s is outside %d to %d" % (key, store[key], low, high))
    store.setdefault("folder", "packs")
    for name, sensor in _need(settings, "sensors", dict, "").items():
        sensor.setdefault("driver", name)
        sensor["every"] = _seconds(sensor.get("every", 10), "sensors.%s.every" % name, 10)
    for name, channel in _need(settings, "channels", dict, "").items():
        where = "channels.%s." % name
        sensor = _need(channel, "sensor", str, where)
        if sensor not in settings["sensors"]:
            raise ValueError("%ssensor: there is no sensor %s" % (where, sensor))
        quantity = channel.setdefault("quantity", name[max(name.rfind("/"), name.rfind(":")) + 1 :])
        channel.setdefault("output", quantity)
        channel["window"] = _seconds(channel.get("window", 60), where + "window")
        _statistics(channel.setdefault("statistics", ["mean"]), where)
    return settings


def overlay(settings, message):
    """Return what the platform's message sets: report, {sensor: every} and {channel: (window, statistics)}, in ms.

    Raises ValueError naming the field that can't be followed.
    """
    report = None
    if "report" in message:
        report = _seconds(message["report"], "report")
    sensors, channels = {}, {}
    for name, sensor in message.get("sensors", {}).items():
        if name not in settings["sensors"]:
            raise ValueError("sensors.%s: there is no such sensor" % name)
        if "every" in sensor:
            sensors[name] = _seconds(sensor["every"], "sensors.%s.every" % name, 10)
    for name, channel in message.get("channels", {}).items():
        if name not in settings["channels"]:
            raise ValueError("channels.%s: there is no such channel" % name)
        own = settings["channels"][name]
        window, statistics = own["window"], own["statistics"]
        if "window" in channel:
            window = _seconds(channel["window"], "channels.%s.window" % name)
        if "statistics" in channel:
            statistics = channel["statistics"]
            _statistics(statistics, "channels.%s." % name)
        channels[name] = (window, statistics)
    return report, sensors, channels


def save(path, data):
    """Write a small file so that a power cut leaves the old one or the new one; remove it for no data."""
    if not data:
        try:
            os.remove(path)
        except OSError:
            pass
        return
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.rename(path + ".new", path)


def _need(settings, key, kind, where):
    value = settings.get(key)
    if not isinstance(value, kind):
        raise ValueError("%s%s: %s" % (where, key, "is missing" if value is None else "has the wrong type"))
    return value


def _seconds(value, where, least=0):
    """Return seconds as ms."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("%s: %r is no number of seconds" % (where, value))
    ms = round(value * 1000)
    if not least <= ms <= 86_400_000:
        raise ValueError("%s: %s s is outside %s to 86400 s" % (where, value, least / 1000))
    return ms


def _statistics(statistics, where):
    if (
        not isinstance(statistics, list)
        or not statistics
        or not all(one in _STATISTICS for one in statistics)
    ):
        raise ValueError("%sstatistics: %s must be some of %s" % (where, statistics, ", ".join(_STATISTICS)))


def _is_name(name):
    good = "abcdefghijklmnopqrstuvwxyz0123456789"
    return 1 <= len(name) <= 63 and name[0] in good and all(letter in good + "-" for letter in name)
