"""Loads: the packs of many nodes, made beforehand, and their way through a broker."""

import argparse
import json
import select
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from benchmarks.wire import PUBLISH, Wire, puback, publish

from bypuls.readings import ReadingBatch
from bypuls.senml import Record, encode_json

CHANNELS = ("no2", "pm10", "pm2_5", "air_temperature", "relative_humidity")
START = 1_780_000_000
"""Seconds since 1970 of the first reading."""


@dataclass(frozen=True)
class Load:
    """`packs` packs of `per_pack` readings, sent in turn by `streams` / 5 nodes of 5 channels, 10 s apart.

    `start` shifts the first reading's time, in seconds.
    """

    streams: int
    per_pack: int
    packs: int
    start: int = 0

    @property
    def nodes(self) -> int:
        """How many nodes send."""
        return max(1, self.streams // len(CHANNELS))

    @property
    def readings(self) -> int:
        """How many readings are sent."""
        return self.packs * self.per_pack

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """Make topic and payload of each pack, in order."""
        rng = np.random.default_rng(1)
        values = np.round(rng.uniform(5, 40, 4096), 1).tolist()
        count = 0
        for number in range(self.packs):
            round_, node = divmod(number, self.nodes)
            records = []
            for place in range(self.per_pack):
                step, channel = divmod(round_ * self.per_pack + place, len(CHANNELS))
                records.append(Record(n=CHANNELS[channel], t=float(step * 10), v=values[count % 4096]))
                count += 1
            first = records[0]
            first.bt, first.log, first.seq = float(START + self.start), "k3f9a2", round_ + 1
            yield f"bypuls/v1/node-{node}/up", encode_json(records)

    def rows(self) -> ReadingBatch:
        """Return the same readings as a store would number them, in the same order."""
        number = np.repeat(np.arange(self.packs), self.per_pack)
        place = np.tile(np.arange(self.per_pack), self.packs)
        round_, node = np.divmod(number, self.nodes)
        step, channel = np.divmod(round_ * self.per_pack + place, len(CHANNELS))
        rng = np.random.default_rng(1)
        values = np.round(rng.uniform(5, 40, 4096), 1)
        return ReadingBatch(
            (node * len(CHANNELS) + channel + 1).astype(np.int32),
            ((START + self.start + step * 10) * 1_000_000).astype(np.int64),
            values[np.arange(self.readings) % 4096],
            np.zeros(self.readings, np.int16),
        )


def send(port: int, load: Load, window: int, acknowledged: bool) -> dict[str, float]:
    """Publish a load and wait for its acknowledgements: the platform's, or just the broker's.

    At most `window` packs are under way. Returns the times (seconds since 1970) of the first packet sent
    and of the last acknowledgement.
    """
    packets = [publish(topic, n % 65_535 + 1, payload) for n, (topic, payload) in enumerate(load.messages())]
    wire = Wire(port, "load", "bypuls/v1/+/ack" if acknowledged else None)
    wire.sock.setblocking(False)
    sent = confirmed = 0
    pending = memoryview(b"")
    started = time.time()
    quiet_since = time.monotonic()
    while confirmed < load.packs:
        room = min(window - (sent - confirmed), load.packs - sent, 200)
        if not pending and room > 0:
            pending = memoryview(b"".join(packets[sent : sent + room]))
            sent += room
        readable, writable, _ = select.select([wire.sock], [wire.sock] if pending else [], [], 1.0)
        if writable:
            pending = pending[wire.sock.send(pending) :]
        if readable:
            for kind, body in wire.receive():
                if kind & 0xF0 == PUBLISH and acknowledged:
                    (size,) = struct.unpack_from(">H", body)
                    ranges = json.loads(body[2 + size :])["seq"]
                    confirmed += sum(high - low + 1 for low, high in ranges)
                elif kind & 0xF0 == 0x40 and not acknowledged:
                    confirmed += 1
            quiet_since = time.monotonic()
        if time.monotonic() - quiet_since > 180:
            raise SystemExit(f"nothing acknowledged for 180 s at {confirmed} of {load.packs} packs")
    return {"started": started, "ended": time.time(), "confirmed": confirmed}


def drain(port: int, packs: int) -> dict[str, float]:
    """Subscribe, confirm each message to the broker and do nothing else, until `packs` have come."""
    wire = Wire(port, "drain", "bypuls/v1/+/up", qos=1)
    print("ready", flush=True)
    count = 0
    while count < packs:
        replies = []
        for kind, body in wire.receive():
            if kind & 0xF0 == PUBLISH:
                (size,) = struct.unpack_from(">H", body)
                replies.append(puback(body[2 + size : 4 + size]))
        count += len(replies)
        wire.sock.sendall(b"".join(replies))
    return {"ended": time.time()}


def main() -> None:
    """Run one of the two as a process; prints its times as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=["send", "drain"])
    for name in ("port", "streams", "per-pack", "packs", "window", "start"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--acknowledged", action="store_true")
    words = parser.parse_args()
    load = Load(words.streams, words.per_pack, words.packs, words.start)
    if words.part == "send":
        print(json.dumps(send(words.port, load, words.window, words.acknowledged)))
    else:
        print(json.dumps(drain(words.port, load.packs)))


if __name__ == "__main__":
    main()
