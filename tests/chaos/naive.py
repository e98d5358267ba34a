"""The baseline: a node as most tutorials write it. As a program, the node itself; for the harness, a Node."""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from chaos.node import Node
from chaos.tap import Pack
from testbed.process import Process


def main(port: int, name: str, folder: Path) -> None:
    """Measure every 50 ms, publish with QoS 1, and take the broker's PUBACK for safe; paho reconnects."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
    journal, confirmed = folder / "journal", folder / "confirmed"
    number = journal.read_bytes().count(b"\n") if journal.exists() else 0
    before = number - 1
    with journal.open("a", buffering=1) as measured, confirmed.open("a", buffering=1) as safe:

        def confirm(_client: Any, _data: Any, mid: int, *_: Any) -> None:
            safe.write(f"{before + mid}\n")  # paho numbers what it publishes from 1

        client.on_publish = confirm
        client.reconnect_delay_set(1, 4)
        client.connect_async("127.0.0.1", port, 20)
        client.loop_start()
        while True:
            now = time.time_ns() // 1_000
            measured.write(f"{number},{now}\n")
            pack = [{"n": "no2", "u": "ug/m3", "t": now / 1e6, "v": number}]
            client.publish(f"bypuls/v1/{name}/up", json.dumps(pack), qos=1)
            number += 1
            time.sleep(0.05)


class NaiveNode(Node):
    """Runs the baseline; it has no store that could be torn or wiped, and its clock is always right."""

    kind = "naive"
    keeps_windows = False

    def __init__(self, name: str, port: int, first: int = 0) -> None:
        super().__init__(name, port, first)
        self.link = type(self.link)("127.0.0.1", port)  # untapped: nothing of it says which pack it is
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bypuls-chaos-")))
        command = [sys.executable, "-m", "chaos.naive", str(self.link.port), name, str(self._folder)]
        paths = f"PYTHONPATH={Path(__file__).parents[1]}"
        self._process = Process(
            ["setpriv", "--pdeathsig", "KILL", "env", paths, *command], self._folder / "log"
        )
        self._stack.callback(self._process.close)

    @property
    def log(self) -> Path:
        return self._process.log

    def start(self) -> None:
        self._process.start(lambda: True)

    def stop(self) -> None:
        self._process.kill()  # it has no order in which it could end

    def end(self) -> None:
        self._process.kill()

    def send(self, number: signal.Signals) -> None:
        self._process.send(number)

    @property
    def running(self) -> bool:
        return self._process.running

    def samples(self) -> Mapping[int, int]:
        path = self._folder / "journal"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return {int(number): int(at) for number, at in (line.split(",") for line in lines)}

    def acknowledged(self) -> Mapping[str, frozenset[int]]:
        """Return the numbers of the samples that the broker has confirmed, as far as the node noted it."""
        path = self._folder / "confirmed"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return {"": frozenset(map(int, lines))}

    def tear(self, size: int) -> set[Pack]:
        return set()

    def fills(self, sizes: Sequence[int]) -> bool:
        return False

    def wipe_store(self) -> None:
        pass

    def shift(self, seconds: float) -> None:
        pass


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
