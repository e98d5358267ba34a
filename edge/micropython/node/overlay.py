"""What the platform sets before the settings of the node: intervals and statistics."""

import json
import os

from node.checks import seconds, statistics


def apply(agent, message):
    """Follow a message of the `config` topic, wholly or not at all, and keep it; return the new `report`, ms.

    Afterwards `agent.config` says what the status is to tell of it. Returns None where nothing was changed.
    """
    asked = {}
    try:
        if message:
            asked = json.loads(message)
        known = {channel.name: channel.own for channel in agent.all_channels()}
        report, every, windows = _read(asked, [sensor.name for sensor in agent.sensors], known)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        name = asked.get("id") if isinstance(asked, dict) else None
        agent.config = {"id": name, "error": str(error) or "it can't be read"}
        return None
    _save(agent.config_file, message)
    agent.config = {"id": asked.get("id")} if message else {}
    for sensor in agent.sensors:
        sensor.every = every.get(sensor.name, sensor.settings["every"])
        sensor.due = min(sensor.due, agent.clock.mono + sensor.every)
    for channel in agent.all_channels():
        window, named = windows.get(channel.name, channel.own)
        if window != channel.interval or named != channel.statistics:
            channel.cut()
            channel.set(window, named)
    return agent.own_report if report is None else report


def _read(message, sensors, channels):
    """Return what a message sets: report or None, {sensor: every} and {channel: (window, statistics)}, in ms.

    `sensors`: the names there are; `channels`: own window and statistics of each. Raises ValueError naming
    the field that can't be followed.
    """
    report = seconds(message["report"], "report") if "report" in message else None
    every, windows = {}, {}
    for name, sensor in message.get("sensors", {}).items():
        if name not in sensors:
            raise ValueError("sensors.%s: there is no such sensor" % name)
        if "every" in sensor:
            every[name] = seconds(sensor["every"], "sensors.%s.every" % name, 1)
    for name, channel in message.get("channels", {}).items():
        if name not in channels:
            raise ValueError("channels.%s: there is no such channel" % name)
        window, named = channels[name]
        if "window" in channel:
            window = seconds(channel["window"], "channels.%s.window" % name)
        if "statistics" in channel:
            named = channel["statistics"]
            statistics(named, "channels.%s." % name)
        windows[name] = (window, named)
    return report, every, windows


def _save(path, data):
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
