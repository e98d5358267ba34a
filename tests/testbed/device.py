"""A plain MQTT device for tests: publishes any bytes to any topic, and collects acknowledgements."""

import json
import threading
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion


class Device:
    """A client of the broker from `with` to its end; `acks` holds what came on `…/ack`, by node."""

    def __init__(self, port: int, *, protocol: MQTTProtocolVersion = MQTTv5) -> None:
        self.acks: dict[str, list[dict[str, Any]]] = {}
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self._client.max_inflight_messages_set(1000)
        self._client.on_message = self._keep
        self._client.on_connect = lambda client, *_: client.subscribe("bypuls/v1/+/ack")
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> Self:
        self._client.loop_start()
        assert self._subscribed.wait(10), "the broker did not answer"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, topic: str, payload: bytes | list[dict[str, Any]], *, retain: bool = False) -> None:
        """Publish with QoS 1, bytes or records, and wait for the broker's PUBACK."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._client.publish(topic, data, qos=1, retain=retain).wait_for_publish(10)

    def hear(self, topic: str) -> None:
        """Let `acks` hold what comes on another topic of a node too."""
        self._client.subscribe(topic, 1)

    def acknowledged(self, node: str, log: str) -> set[int]:
        """Return the seqs of a node's log that were acknowledged so far."""
        return {
            seq
            for ack in self.acks.get(node, [])
            if ack["log"] == log
            for low, high in ack["seq"]
            for seq in range(low, high + 1)
        }

    def _keep(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.acks.setdefault(message.topic.split("/")[2], []).append(json.loads(message.payload))
