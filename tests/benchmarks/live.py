"""What 1,000 listeners to live readings cost ingest at full load, on the same machine as they."""

import json
import selectors
import socket
import sys
import time
from statistics import median
from urllib.parse import urlsplit

from benchmarks.load import CHANNELS, START, Load
from benchmarks.processes import cpu_seconds, run
from benchmarks.throughput import check, send

from bypuls.registry import RegisteredNode
from bypuls.store.registration import register
from testbed import Databases, Ingest, Mosquitto
from testbed.api import Api

LISTENERS = 1_000
GOAL = 0.05
_LOAD = Load(1_000, 50, 30_000)


def listen(url: str, count: int) -> None:
    """Open so many streams and read whatever comes until the input ends; then print how much it was."""
    where = urlsplit(url)
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    for _ in range(count):
        connection = socket.create_connection((where.hostname, where.port))
        connection.sendall(b"GET /api/v1/live HTTP/1.1\r\nHost: bench\r\n\r\n")
        assert b"200 OK" in connection.recv(4_096)  # it listens
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ)
    print("ready", flush=True)
    began = time.process_time()
    bytes_, pushes, last = 0, 0, 0.0
    buffer = bytearray(1 << 20)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                print(json.dumps({"bytes": bytes_, "pushes": pushes, "cost": time.process_time() - began}))
                return
            assert isinstance(key.fileobj, socket.socket)
            size = key.fileobj.recv_into(buffer)
            assert size, "a listener was dropped"
            bytes_ += size
        now = time.monotonic()
        pushes, last = pushes + (now - last > 0.5), now


def loaded(databases: Databases, listeners: int) -> tuple[float, dict[str, float], float]:
    """Return readings a second of ingest, what the listeners got, and the API's processor seconds."""
    # The newest readings of the load are of now, so that they are pushed.
    recent = Load(_LOAD.streams, _LOAD.per_pack, _LOAD.packs, _shift())
    with (
        databases.migrated() as url,
        Mosquitto() as broker,
        Ingest(url, broker.port) as ingest,
        Api(url) as api,
    ):
        register(url, [_node(number) for number in range(recent.nodes)])
        clients = run("benchmarks.live", api.url, str(listeners))
        assert clients.stdout is not None
        assert clients.stdin is not None
        assert clients.stdout.readline() == "ready\n"
        before = cpu_seconds(api.pid)
        seconds = send(broker.port, recent, acknowledged=True)
        cost = cpu_seconds(api.pid) - before
        output, _ = clients.communicate(timeout=60)
        check(url, recent.readings)
        assert ingest.running
    return recent.readings / seconds, json.loads(output), cost


def report(databases: Databases, runs: int) -> None:
    """Print the table: medians of `runs`, in turn without listeners and with them."""
    print(f"\nIngest (one worker, 1,000 open streams, 50 readings a pack) beside the API, medians of {runs}")
    without, beside, got, costs = [], [], [], []
    for _ in range(runs):
        without.append(loaded(databases, 0)[0])
        rate, heard, cost = loaded(databases, LISTENERS)
        beside.append(rate)
        got.append(heard)
        costs.append(cost)
    for what, rates in (("without listeners", without), (f"with {LISTENERS:,} of them", beside)):
        print(f"{what:<20} {median(rates):>9,.0f} readings/s ({min(rates):,.0f}-{max(rates):,.0f})")
    print(f"slower by {1 - median(beside) / median(without):.1%}; goal: {GOAL:.0%}")
    each = median(heard["bytes"] for heard in got) / LISTENERS
    print(
        f"each listener got {each / 1e6:.2f} MB in {median(heard['pushes'] for heard in got):.0f} pushes; "
        f"the API took {median(costs):.2f} s of a core, the listeners {median(h['cost'] for h in got):.2f} s"
    )


def _shift() -> int:
    rounds = _LOAD.packs // _LOAD.nodes
    span = rounds * _LOAD.per_pack // len(CHANNELS) * 10
    return int(time.time()) - START - span


def _node(number: int) -> RegisteredNode:
    streams = [{"channel": channel, "open_data": True} for channel in CHANNELS]
    return RegisteredNode.model_validate({"node": f"node-{number}", "stream": streams})


if __name__ == "__main__":
    listen(sys.argv[1], int(sys.argv[2]))
