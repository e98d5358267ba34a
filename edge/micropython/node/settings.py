"""Settings: config.json of the node, checked; forgotten once it is read, for it takes memory."""

import json
import sys

from micropython import const

from node.checks import closed, shown, suits
from node.fields import check
from node.forgetting import forget

_LOWER = const("abcdefghijklmnopqrstuvwxyz0123456789")
_NODE = const(
    "node text 1 63 !;broker table !;wifi table;report seconds 0 =0;sensors table !;channels table !;"
    "store table;watchdog whole 10 3600 =60;board table"
)
_BROKER = const(
    "host text 1 255 !;port whole 1 65535;username text 1 255;password secret 1 255;"
    "keepalive whole 2 65535 =30;tls text 1 255;ntp text 1 255"
)
_WIFI = const("ssid text 1 32 !;password secret 1 64")
_STORE = const(
    "folder text 1 64 =packs;segments whole 2 4000 =160;packs whole 1 64 =64;"
    "bytes whole 512 1048576 =32768;pack_bytes whole 256 32768 =2048;window whole 4 64 =32"
)
_BOARD = const("clock_offset text 1 255")
_I2C = const("id whole 0 1;sda whole 0 48;scl whole 0 48;freq whole 10000 1000000")
_UART = const("id whole 0 2;tx whole 0 48;rx whole 0 48")
_SENSOR = const("driver text 1 64;every seconds 0.001 =10")
_CHANNEL = const(
    "sensor text 1 64 !;quantity text 1 128;output text 1 64;window seconds 0 =60;"
    "statistics statistics;unit text 1 32"
)


def load(path):
    """Return the settings of the node, checked and complete; each channel with its `kind` of averaging.

    Raises ValueError with a line for each mistake: the key, the value, and what is allowed.
    """
    settings = _read(path)
    faults = []
    _check(faults, settings, _NODE, "")
    node = settings.get("node")
    if isinstance(node, str) and not _is_name(node):
        faults.append("node: %s must be 1 to 63 of a-z, 0-9 and -, not beginning with -" % shown(node))
    settings.setdefault("store", {})
    for key, known in (("broker", _BROKER), ("wifi", _WIFI), ("store", _STORE), ("board", _BOARD)):
        if isinstance(settings.get(key), dict):
            _check(faults, settings[key], known, key + ".")
    if isinstance(settings.get("sensors"), dict) and isinstance(settings.get("channels"), dict):
        outputs = _sensors(faults, settings["sensors"])
        _channels(faults, settings["channels"], outputs)
    if faults:
        raise ValueError("%s:\n%s" % (path, "\n".join(faults)))
    broker, store = settings["broker"], settings["store"]
    broker.setdefault("port", 8883 if "tls" in broker else 1883)
    if store["bytes"] < store["pack_bytes"]:
        raise ValueError(
            "%s:\nstore.bytes: %d must be no less than store.pack_bytes, %d"
            % (path, store["bytes"], store["pack_bytes"])
        )
    return settings


def _read(path):
    try:
        with open(path, "rb") as file:
            if not closed(file):
                raise ValueError("a bracket or a quote is not closed")
            file.seek(0)
            settings = json.load(file)
    except OSError as error:
        raise ValueError("%s can't be read: %s" % (path, error))
    except ValueError as error:
        raise ValueError("%s is no JSON: %s" % (path, error))
    if not isinstance(settings, dict):
        raise ValueError("%s: must be an object, {…}" % path)
    return settings


def _check(faults, table, known, where):
    try:
        check(table, known, where)
    except ValueError as error:
        faults.append(str(error))


def _sensors(faults, sensors):
    """Check the sensors; return what each measures, None where that isn't known."""
    from sensors import SENSORS

    if not sensors:
        faults.append("sensors: is empty; without a sensor nothing is measured")
    outputs = {}
    for name, sensor in sensors.items():
        where = "sensors.%s." % name
        outputs[name] = None
        driver = sensor.setdefault("driver", name) if isinstance(sensor, dict) else None
        if isinstance(driver, str) and driver not in SENSORS:
            known = ", ".join(sorted(SENSORS))
            faults.append("%sdriver: %s must be one of %s" % (where, shown(driver), known))
        elif isinstance(driver, str):
            before = len(faults)
            _check(faults, sensor, (_SENSOR + ";" + SENSORS[driver][3]).rstrip(";"), where)
            for bus, known in (("i2c", _I2C), ("uart", _UART)):
                if isinstance(sensor.get(bus), dict):
                    _check(faults, sensor[bus], known, where + bus + ".")
            if len(faults) == before:
                outputs[name] = SENSORS[driver][2].split() or sensor.get("outputs") or [sensor["output"]]
        else:
            _check(faults, sensor, _SENSOR, where)
    sys.modules.pop("sensors")
    return outputs


def _channels(faults, channels, outputs):
    """Check the channels, of sensors that measure `outputs`."""
    if not channels:
        faults.append("channels: is empty; without a channel nothing is sent")
    for name, channel in channels.items():
        where = "channels.%s." % name
        before = len(faults)
        if not _is_channel(name):
            faults.append(
                "channels: %s must be a letter or digit, then also - : . / _, at most 128" % shown(name)
            )
        _check(faults, channel, _CHANNEL, where)
        if len(faults) == before:
            try:
                _suits(name, channel, outputs, where)
            except ValueError as error:
                faults.append(str(error))
    if not faults:
        used = [channel["sensor"] for channel in channels.values()]
        for name in sorted(outputs):
            if name not in used:
                faults.append("sensors.%s: no channel takes what it measures" % name)
    forget("quantities")


def _suits(name, channel, outputs, where):
    """Raise ValueError where the fields of a channel don't suit each other or its sensor; complete them."""
    from node.quantities import alike, is_unit, keys, of

    last = name[max(name.rfind("/"), name.rfind(":")) + 1 :]
    if "." in last:
        raise ValueError("channels.%s: a dot would name a statistic; list it in `statistics`" % name)
    unit, kind = of(channel.get("quantity", last))
    if "quantity" in channel and not unit:
        raise ValueError(
            "%squantity: %s must be one of %s" % (where, shown(channel["quantity"]), ", ".join(keys()))
        )
    quantity = channel.setdefault("quantity", last)
    sensor, output = channel["sensor"], channel.setdefault("output", quantity)
    if sensor not in outputs:
        raise ValueError(
            "%ssensor: %s must be one of %s" % (where, shown(sensor), ", ".join(sorted(outputs)))
        )
    if outputs[sensor] and output not in outputs[sensor]:
        known = ", ".join(outputs[sensor])
        raise ValueError(
            "%soutput: %s must be one of %s: that measures %s" % (where, shown(output), known, sensor)
        )
    statistics = channel.setdefault("statistics", ["mean"])
    suits(statistics, channel["window"], kind in ("linear", "total", "energetic"), where)
    own = channel.setdefault("unit", unit)
    channel["kind"] = kind
    if unit and own not in alike(unit):
        raise ValueError("%sunit: %s must be one of %s" % (where, shown(own), ", ".join(alike(unit))))
    if not is_unit(own):
        raise ValueError(
            "%sunit: %s must be visible letters, without spaces and quotes" % (where, shown(own))
        )


def _is_name(name):
    return name[:1] != "-" and all(letter in _LOWER + "-" for letter in name)


def _is_channel(name):
    first = _LOWER + _LOWER.upper()
    return 1 <= len(name) <= 128 and name[0] in first and all(letter in first + "-:./_" for letter in name)
