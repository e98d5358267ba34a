"""A stand-in for ingest: it keeps every pack in memory and acknowledges it, or does not, as the test says."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bypuls import senml

Policy = Callable[[str, str, int, int], list[bytes]]
"""From node, log, seq and how often this pack has come by now: what to publish on the node's ack topic."""


def honest(_node: str, log: str, seq: int, _times: int) -> list[bytes]:
    """Acknowledge each pack when it comes."""
    return [acknowledgement(log, seq)]


def acknowledgement(log: str, *seqs: int) -> bytes:
    """Write the acknowledgement of single packs."""
    return json.dumps({"log": log, "seq": [[seq, seq] for seq in seqs], "now": 1795450000.123}).encode()


class Acknowledger:
    """Subscribed to the packs of all nodes whose name starts with `prefix`, from `with` to its end.

    `packs` has the payload of each (node, log, seq), `times` how often it came, `changed` the ones that came
    with two contents, `statuses` the states that each node announced. It answers after `delay` seconds.
    """

    def __init__(
        self,
        host: str,
        port: int,
        policy: Policy = honest,
        prefix: str = "",
        *,
        old_protocol: bool = False,
        delay: float = 0.0,
    ) -> None:
        self.packs: dict[tuple[str, str, int], bytes] = {}
        self.times: dict[tuple[str, str, int], int] = defaultdict(int)
        self.changed: list[tuple[str, str, int]] = []
        self.statuses: dict[str, list[str]] = defaultdict(list)
        self._address = (host, port)
        self._policy = policy
        self._prefix = prefix
        self._delay = delay
        self._news = threading.Condition()
        self._subscribed = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311 if old_protocol else mqtt.MQTTv5
        )
        self._client.on_connect = lambda client, *_: client.subscribe(
            [("bypuls/v1/+/up", 1), ("bypuls/v1/+/status", 1)]
        )
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._received

    def __enter__(self) -> Self:
        self._client.connect(*self._address)
        self._client.loop_start()
        assert self._subscribed.wait(10), "the broker confirms no subscription"
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait_for(self, condition: Callable[[], bool], timeout: float = 30) -> None:
        """Wait until what has been received meets a condition; fails after `timeout` seconds."""
        with self._news:
            assert self._news.wait_for(condition, timeout), f"{len(self.packs)} packs came within {timeout} s"

    def say(self, node: str, payload: bytes) -> None:
        """Publish something on the ack topic of a node."""
        self._client.publish(f"bypuls/v1/{node}/ack", payload, qos=1)

    def readings(self) -> dict[tuple[str, str], dict[int, float]]:
        """Return the value of each (node, channel) at each time, in microseconds since 1970."""
        values: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
        for (node, _, _), payload in list(self.packs.items()):  # more may come meanwhile
            pack = senml.decode(payload)
            assert pack.faults == []
            for name, time, value in zip(pack.names, pack.times, pack.values, strict=True):
                values[node, pack.base_name + name][round((pack.base_time + time) * 1e6)] = value
        return values

    def _received(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        _, _, node, leaf = message.topic.split("/")
        if not node.startswith(self._prefix):
            return
        with self._news:
            if leaf == "status":
                self.statuses[node].append(json.loads(message.payload)["state"])
            else:
                self._keep(node, bytes(message.payload))
            self._news.notify_all()

    def _keep(self, node: str, payload: bytes) -> None:
        pack = senml.decode(payload)
        assert pack.log is not None
        assert pack.seq is not None
        key = (node, pack.log, pack.seq)
        if self.packs.setdefault(key, payload) != payload:
            self.changed.append(key)
        self.times[key] += 1
        for answer in self._policy(*key, self.times[key]):
            if self._delay:
                later = threading.Timer(self._delay, self.say, (node, answer))
                later.daemon = True
                later.start()
            else:
                self.say(node, answer)
