"""The baseline: what most tutorials do, made as durable as the service. A process for one run."""

import json
import os
from typing import Any

import psycopg
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    """Insert each pack in its callback with executemany, commit, then acknowledge; until it is killed."""
    connection = psycopg.connect(os.environ["BYPULS_DATABASE_URL"])
    streams: dict[tuple[str, str], int] = {}

    def store(client: Client, _data: Any, message: MQTTMessage) -> None:
        node = message.topic.split("/")[2]
        records = json.loads(message.payload)
        base = records[0].get("bt", 0.0)
        rows = [
            (
                base + record.get("t", 0.0),
                streams.setdefault((node, record["n"]), len(streams) + 1),
                record["v"],
            )
            for record in records
        ]
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO reading (time, stream_id, value, flags) VALUES (to_timestamp(%s), %s, %s, 0) "
                "ON CONFLICT DO NOTHING",
                rows,
            )
        connection.commit()
        client.ack(message.mid, message.qos)
        seq = records[0]["seq"]
        client.publish(f"bypuls/v1/{node}/ack", json.dumps({"log": records[0]["log"], "seq": [[seq, seq]]}))

    client = Client(CallbackAPIVersion.VERSION2, manual_ack=True)
    client.on_message = store
    client.on_connect = lambda client, *_: client.subscribe("bypuls/v1/+/up", qos=1)
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect("127.0.0.1", int(os.environ["BYPULS_MQTT_PORT"]))
    client.loop_forever()


if __name__ == "__main__":
    main()
