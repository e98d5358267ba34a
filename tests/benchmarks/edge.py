"""What the Raspberry Pi agent costs, and how a node that was away for a day catches up."""

import json
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

from benchmarks.memory import Watch
from benchmarks.processes import cpu_seconds

from edge.pi.channel import Channel
from edge.pi.recorder import Recorder
from edge.pi.store import Store
from testbed import Databases, Device, Ingest, Mosquitto
from testbed.edge import Edge
from testbed.hand_clock import HandClock

OUTPUTS = {
    "no2": "ug/m3",
    "pm10": "ug/m3",
    "air_temperature": "Cel",
    "relative_humidity": "%",
    "wind_speed": "m/s",
}
SENSORS = "abcd"
STATISTICS = ("mean", "min", "max", "n")
WINDOW = 10
"""Seconds: of each second, 20 samples; of each window, 80 readings in one pack."""
DAY = 86_400
MEASURED = 60.0
NEIGHBOURS = 10


def sensors(window: float) -> str:
    """Return the configuration of 20 channels, sampled once a second by four sensors."""
    parts = []
    for place in SENSORS:
        outputs = ", ".join(f'"{output}"' for output in OUTPUTS)
        parts.append(f'[[sensor]]\nkind = "simulated"\nname = "{place}"\nevery = 1\noutputs = [{outputs}]')
        parts += [
            f'[[sensor.channel]]\nchannel = "{place}/{output}"\nwindow = {window}\n'
            f"statistics = {json.dumps(STATISTICS)}"
            for output in OUTPUTS
        ]
    return "\n".join(parts)


def footprint(databases: Databases) -> tuple[float, float, float]:
    """Return the peak memory (10^6 bytes), the share of a core, and bytes written a second, all in order."""
    with (
        databases.migrated() as url,
        Mosquitto() as broker,
        Ingest(url, broker.port),
        Edge(broker.port, "cost", sensors(WINDOW), report=10, resend=5, megabytes=64) as agent,
        Watch(agent.pid) as watch,
    ):
        time.sleep(8)  # the start is not what it costs
        begin, used, written = time.monotonic(), cpu_seconds(agent.pid), _written(agent.pid)
        time.sleep(MEASURED)
        elapsed = time.monotonic() - begin
        share = (cpu_seconds(agent.pid) - used) / elapsed
        return watch.peak, share, (_written(agent.pid) - written) / elapsed


def _written(pid: int) -> int:
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


def _day_offline(folder: Path) -> tuple[str, int]:
    """Fill a store as an agent does in a day without network, until now; return its log and last seq."""
    channels = [
        Channel(f"{place}/{output}", unit, WINDOW * 1_000_000, STATISTICS)
        for place in SENSORS
        for output, unit in OUTPUTS.items()
    ]
    clock = HandClock(time.time_ns() // 1_000 - (DAY + 30) * 1_000_000)
    samples = {channel.name: 20.0 for channel in channels}
    with Store(folder, 500_000_000) as store:
        recorder = Recorder(store, clock, channels, trust=False)
        recorder.report()
        for second in range(DAY):
            recorder.add("all", {name: value + second % 7 for name, value in samples.items()})
            clock.advance(1)
            if second % WINDOW == WINDOW - 1:
                recorder.report()
        return store.log, store.last


class Watcher(Device):
    """Notes packs and acknowledgements of a node: when each seq was safe, and when it was measured."""

    def __init__(self, port: int, node: str, log: str) -> None:
        super().__init__(port)
        self._log = log
        self.packed: dict[int, float] = {}
        self.safe: dict[int, float] = {}
        self._client.message_callback_add(f"bypuls/v1/{node}/up", self._pack)
        self._client.message_callback_add(f"bypuls/v1/{node}/ack", self._ack)
        self._topic = f"bypuls/v1/{node}/up"

    def __enter__(self) -> Self:
        super().__enter__()
        self._client.subscribe(self._topic)
        return self

    def _pack(self, _client: Any, _data: Any, message: Any) -> None:
        records = json.loads(message.payload)
        newest = max((record.get("t", 0.0) for record in records if "v" in record), default=0.0)
        self.packed.setdefault(records[0]["seq"], records[0].get("bt", 0.0) + newest)

    def _ack(self, _client: Any, _data: Any, message: Any) -> None:
        now = time.time()
        ack = json.loads(message.payload)
        if ack["log"] == self._log:
            for low, high in ack["seq"]:
                for seq in range(low, high + 1):
                    self.safe.setdefault(seq, now)


class Neighbours:
    """Other nodes, each with a pack a second; `waits` has the seconds until each was acknowledged."""

    def __init__(self, port: int) -> None:
        self._device = Device(port)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.waits: list[float] = []

    def __enter__(self) -> Self:
        self._device.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._device.__exit__()

    def _run(self) -> None:
        seq = 0
        while not self._stop.wait(1 / NEIGHBOURS):
            seq += 1
            node = f"neighbour-{seq % NEIGHBOURS}"
            begin = time.monotonic()
            record = {"log": "n", "seq": seq, "bt": time.time(), "n": "no2", "u": "ug/m3", "v": 1.0}
            self._device.send(f"bypuls/v1/{node}/up", [record])
            while seq not in self._device.acknowledged(node, "n"):
                if time.monotonic() > begin + 60:
                    break
                time.sleep(0.005)
            self.waits.append(time.monotonic() - begin)


def drain(databases: Databases) -> None:
    """Print how a day's packs of one node drain while it and its neighbours go on."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as memory:
        filled = Path(memory)
        begin = time.monotonic()
        log, last = _day_offline(filled)
        size = (filled / "edge.db").stat().st_size
        print(
            f"  a day offline: {last:,} packs with {DAY // WINDOW * 80:,} readings, {size / 1e6:.0f} MB, "
            f"made in {time.monotonic() - begin:.0f} s",
            flush=True,
        )
        # Live, windows of one second: the lag can be seen each second.
        with (
            databases.migrated() as url,
            Mosquitto() as broker,
            Ingest(url, broker.port),
            Watcher(broker.port, "away", log) as watcher,
            Neighbours(broker.port) as neighbours,
        ):
            time.sleep(10)
            quiet = list(neighbours.waits)
            agent = Edge(broker.port, "away", sensors(1), report=1, resend=5, megabytes=500)
            shutil.copytree(filled, agent.folder / "store")
            begin = time.time()
            with agent:
                agent.wait_for(lambda: sum(seq <= last for seq in watcher.safe) == last, "it drains", 100)
                took = max(watcher.safe[seq] for seq in range(1, last + 1)) - begin
            busy = neighbours.waits[len(quiet) :]
        # The window is a second long, so that its newest reading is one second older than its end.
        lags = [
            at - watcher.packed[seq] - 1
            for seq, at in watcher.safe.items()
            if seq > last + 1 and seq in watcher.packed and at < begin + took
        ]
        rate = last / took
        times = rate * WINDOW
        print(f"  drained in {took:.0f} s: {rate:.0f} packs/s, {times:,.0f} times the live rate (goal: 3)")
        print(
            f"  lag of {len(lags)} live packs meanwhile: median {statistics.median(lags):.2f} s, "
            f"worst {max(lags):.2f} s (goal: below 5)"
        )
        for name, waits in (("before", quiet), ("meanwhile", busy)):
            print(
                f"  {NEIGHBOURS} other nodes wait {name}: median {statistics.median(waits):.2f} s, "
                f"worst {max(waits):.2f} s"
            )


def report(databases: Databases) -> None:
    """Print the footprint and the drain."""
    print("\nThe Raspberry Pi agent: 20 channels once a second, windows of 10 s with mean, min, max and n")
    peak, share, written = footprint(databases)
    print(f"  memory at the peak {peak:.1f} * 10^6 bytes (goal: below 60)")
    print(f"  processor {share:.2%} of one core (goal: below 2 %)")
    print(
        f"  written to the medium {written / 1e3:.1f} kB/s, {written * 86_400 / 1e6:.0f} MB a day", flush=True
    )
    drain(databases)
