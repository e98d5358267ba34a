"""Intervals that the platform sets for nodes with the MicroPython agent."""

import json
import time
from pathlib import Path
from typing import Any

from testbed import Link, Mosquitto
from testbed.acknowledger import Acknowledger
from testbed.heard import Statuses, readings, settings
from testbed.micropython import MicroNode

WRONG: list[tuple[Any, str]] = [
    ({"id": "x", "reprot": 5}, "reprot: there is no such field, but id, report, sensors, channels"),
    ({"id": "x", "report": "5"}, 'report: "5" must be seconds, 0.001 to 86400, or 0'),
    ({"id": "x", "channels": {"no3": {"window": 1}}}, "channels.no3: there is no such field, but no2"),
    ({"id": "x", "channels": {"no2": {"windw": 1}}}, "channels.no2.windw: there is no such field"),
    ({"id": "x", "channels": {"no2": {"window": 0.0001}}}, "channels.no2.window: 0.0001 must be seconds"),
    ({"id": "x", "channels": {"no2": {"statistics": ["avg"]}}}, 'channels.no2.statistics: ["avg"]'),
    ({"id": "x", "channels": {"no2": {"statistics": ["mean", "n"]}}}, "channels.no2.statistics: "),
    ({"id": "x", "channels": {"no2": {"window": {}}}}, "channels.no2.window: {} must be seconds"),
    ({"id": "x", "channels": [1]}, "channels: must be an object"),
    ({"id": "x", "sensors": {"sim": 5}}, "sensors.sim: must be an object"),
    ({"id": "x", "sensors": {"sim": {"every": 0}}}, "sensors.sim.every: 0 must be seconds"),
    ({"id": "x", "sensors": {"sim": {"every": 1e999}}}, "sensors.sim.every: inf must be seconds"),
    ({"id": "y" * 65}, 'id: "yyy'),
    ({"id": 5}, "id: 5 must be a text of at most 64 characters"),
    ([5], "the whole: must be an object"),
    ({"id": "x", "channels": {"c" * 800: {}}}, "channels.ccc"),
]  # fmt: skip
"""Messages, and how what is told of them begins."""


def test_a_wrong_message_of_the_platform_is_reported_and_not_followed(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger, statuses: Statuses
) -> None:
    def wait_for_error(sentence: str) -> None:
        platform.wait_for(lambda: statuses.status(name)["config"].get("error", "").startswith(sentence))

    topic = f"bypuls/v1/{name}/config"
    with MicroNode(settings(name, store={"pack_bytes": 256}), mosquitto.port, tmp_path) as node:
        node.start()
        platform.wait_for(lambda: statuses.status(name).get("clock") == "known")
        for message, sentence in WRONG:
            statuses.send(topic, json.dumps(message).replace("Infinity", "1e999").encode(), retain=True)
            wait_for_error(sentence)
            expected = message.get("id") if isinstance(message, dict) else None
            told = statuses.status(name)["config"]["id"]
            assert told == (expected[:64] if isinstance(expected, str) else None)
        statuses.send(topic, b'{"id": ', retain=True)
        wait_for_error("it is no JSON")
        statuses.send(topic, b'{"id": "right", "report": 0}', retain=True)
        platform.wait_for(lambda: statuses.status(name)["config"] == {"id": "right"})
        node.kill()
        assert "Traceback" not in node.process.log.read_text()


def test_intervals_from_the_platform_are_followed_kept_and_reported(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger, statuses: Statuses
) -> None:
    def wait_for_config(expected: dict[str, Any]) -> None:
        platform.wait_for(lambda: statuses.status(name).get("config") == expected)

    topic = f"bypuls/v1/{name}/config"
    asked = {
        "id": "winter", "report": 0, "sensors": {"sim": {"every": 0.02}},
        "channels": {"no2": {"window": 0.2, "statistics": ["mean", "n"]}},
    }  # fmt: skip
    with MicroNode(settings(name), mosquitto.port, tmp_path) as node:
        node.start()
        wait_for_config({})
        platform.wait_for(lambda: statuses.status(name).get("clock") == "known")
        statuses.send(topic, json.dumps(asked).encode(), retain=True)
        wait_for_config({"id": "winter"})
        platform.wait_for(lambda: len(readings(platform, "no2.n")) > 5)
        assert set(list(readings(platform, "no2.n").values())[2:-1]) <= {9, 10, 11}
        wrong = {"id": "odd", "channels": {"no2": {"window": -1}}, "sensors": {"sim": {"every": 9}}}
        statuses.send(topic, json.dumps(wrong).encode(), retain=True)
        wait_for_config(
            {"id": "odd", "error": "channels.no2.window: -1 must be seconds, 0.001 to 86400, or 0"}
        )
        before = len(readings(platform, "no2.n"))
        platform.wait_for(lambda: len(readings(platform, "no2.n")) > before + 3)  # the old one stands
        node.kill()
        statuses.send(topic, b"", retain=True)
        link = Link("127.0.0.1", mosquitto.port)
        with link:
            settings_file = tmp_path / "config.json"
            settings_file.write_text(
                json.dumps(node.settings | {"broker": {"host": "127.0.0.1", "port": link.port}})
            )
            link.cut()
            node.start()
            time.sleep(1)
            link.heal()  # without having heard of it again, it kept what it was told
            before = len(readings(platform, "no2.n"))
            platform.wait_for(lambda: len(readings(platform, "no2.n")) >= before + 3)
            node.kill()
