"""Runs under MicroPython: prints the pack that the device's windows make of each vector, one a line."""

import json
import os
import sys

from node import senml
from node.channel import Channel
from node.quantities import of

folder = sys.argv[1]
for name in sorted(os.listdir(folder)):
    if not name.endswith(".json"):
        continue
    with open(folder + "/" + name) as file:
        vector = json.load(file)
    writer = senml.Writer(bytearray(200000))

    def emit(fixed, time, value):
        assert writer.add(fixed, time, 0, value)

    channels = {}
    for each in vector["channels"]:
        unit, kind = of(each["quantity"])
        channels[each["channel"]] = Channel(
            each["channel"],
            each.get("unit", unit),
            kind,
            round(each["interval"] * 1000),
            each["statistics"],
            emit,
        )
    for channel, time, value in vector["samples"]:
        ms = round(time * 1000)
        for one in channels.values():
            one.close(ms)
        channels[channel].add(ms, value, -1)
    for one in channels.values():
        one.cut()
    head = senml.head("vector", 1, [], senml.seconds(writer.base))
    print(name, (head + bytes(writer.buffer[: writer.length])).decode())
