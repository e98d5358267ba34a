"""What the platform sets before the settings of the node: intervals and statistics, read and checked."""

import json
import os

from node.checks import closed, known, seconds, shown, statistics, suits


def read(agent, message):
    """Check a message of the `config` topic, and keep it; return what it sets, for `node.following`.

    That is `report` or None, {sensor: every} and {channel: (window, statistics)}, in ms. Returns None where
    it can't be followed, and nothing is to be changed; `agent.config` says what the status is to tell of it.
    """
    asked = {}
    try:
        if message:
            asked = _read(message)
        changes = _changes(agent, asked)
        _save(agent.config_file, message)
    except (ValueError, OSError) as error:
        name = asked.get("id") if isinstance(asked, dict) else None
        agent.config = {"id": name[:64] if isinstance(name, str) else None, "error": str(error)}
        return None
    agent.config = {"id": asked.get("id")} if message else {}
    return changes


def _read(message):
    try:
        if not closed((message,)):
            raise ValueError("a bracket or a quote is not closed")
        return json.loads(message)
    except ValueError as error:
        raise ValueError("it is no JSON: %s" % error)


def _changes(agent, asked):
    """Return what a message sets. Raises ValueError naming the fields that can't be followed."""
    known(asked, ("id", "report", "sensors", "channels"))
    name = asked.get("id", "")
    if not isinstance(name, str) or len(name) > 64:
        raise ValueError("id: %s must be a text of at most 64 characters" % shown(name))
    if "report" in asked:
        asked["report"] = seconds(asked["report"], "report", True)
    every, windows = {}, {}
    names = [sensor.name for sensor in agent.sensors]
    for name, sensor in _table(asked, "sensors", names):
        known(sensor, ("every",), "sensors.%s." % name)
        if "every" in sensor:
            every[name] = seconds(sensor["every"], "sensors.%s.every" % name, False)
    channels = {channel.name: channel for channel in agent.all_channels()}
    for name, channel in _table(asked, "channels", channels):
        where = "channels.%s." % name
        known(channel, ("window", "statistics"), where)
        window, named = channels[name].own
        if "window" in channel:
            window = seconds(channel["window"], where + "window", True)
        if "statistics" in channel:
            named = channel["statistics"]
            statistics(named, where + "statistics")
        suits(named, window, channels[name].extremes, where)
        windows[name] = window, named
    return asked.get("report"), every, windows


def _table(asked, key, names):
    """Return the items of a table whose names are among these."""
    table = asked.get(key, {})
    known(table, names, key + ".")
    return table.items()


def _save(path, data):
    """Write a small file so that a power cut leaves the old one or the new one; remove it for no data."""
    try:
        with open(path, "rb") as file:
            if file.read() == data:
                return
        if not data:
            os.remove(path)
    except OSError:
        pass  # there is none
    if data:
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.rename(path + ".new", path)
