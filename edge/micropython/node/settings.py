"""Settings: config.json of the node, checked; forgotten once it is read, for it takes memory."""

import json

from node.checks import seconds as _seconds
from node.checks import statistics as _statistics

_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"


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
    if not 2 <= broker.setdefault("keepalive", 30) <= 65_535:
        raise ValueError("broker.keepalive: %s s is outside 2 to 65535" % broker["keepalive"])
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
        sensor["every"] = _seconds(sensor.get("every", 10), "sensors.%s.every" % name, 1)
    for name, channel in _need(settings, "channels", dict, "").items():
        where = "channels.%s." % name
        if not _is_channel(name):
            raise ValueError(
                "channels: " + name + " is no name: a letter or digit first, then also - : . / _, at most 128"
            )
        sensor = _need(channel, "sensor", str, where)
        if sensor not in settings["sensors"]:
            raise ValueError("%ssensor: there is no sensor %s" % (where, sensor))
        quantity = channel.setdefault("quantity", name[max(name.rfind("/"), name.rfind(":")) + 1 :])
        channel.setdefault("output", quantity)
        channel["window"] = _seconds(channel.get("window", 60), where + "window")
        _statistics(channel.setdefault("statistics", ["mean"]), where)
        unit = channel.get("unit", "")
        if not isinstance(unit, str) or len(unit) > 32 or '"' in unit or "\\" in unit:
            raise ValueError("%sunit: %r is none" % (where, unit))
    return settings


def _need(settings, key, kind, where):
    value = settings.get(key)
    if not isinstance(value, kind):
        raise ValueError("%s%s: %s" % (where, key, "is missing" if value is None else "has the wrong type"))
    return value


def _is_name(name):
    return 1 <= len(name) <= 63 and name[0] in _LOWER and all(letter in _LOWER + "-" for letter in name)


def _is_channel(name):
    first = _LOWER + _LOWER.upper()
    return 1 <= len(name) <= 128 and name[0] in first and all(letter in first + "-:./_" for letter in name)
