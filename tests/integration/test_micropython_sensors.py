"""The drivers of the MicroPython agent, run by a real MicroPython on the bytes of the data sheets."""

import shutil
import time
from pathlib import Path

from testbed import Mosquitto
from testbed.acknowledger import Acknowledger
from testbed.heard import Statuses, readings, settings
from testbed.micropython import DEVICE, DEVICE_TESTS, MicroNode, run_micropython

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "sensors"


def test_the_drivers_read_the_frames_of_the_data_sheets_and_of_the_shared_vectors() -> None:
    shared = [str(VECTORS / f"{kind}.json") for kind in ("bme280", "sds011")]
    run_micropython(DEVICE_TESTS / "drivers.py", *shared)


HESITANT = '''
calls = 0


class Hesitant:
    """Fails at its fifth reading, has nothing new for seven seconds, then a value at each third reading, but
    text once.
    """

    def __init__(self, settings, board):
        pass

    def read(self):
        global calls
        calls += 1
        if calls == 5:
            raise OSError("no answer")
        if calls == 151:
            return {"pm10": "n/a"}
        return {"pm10": calls} if calls > 145 and calls % 3 == 0 else {}
'''


def test_a_sensor_without_a_new_value_is_no_fault_and_ends_none_and_text_is_one(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger, statuses: Statuses
) -> None:
    device = shutil.copytree(DEVICE, tmp_path / "device")
    (device / "sensors" / "hesitant.py").write_text(HESITANT)
    registry = device / "sensors" / "__init__.py"
    line = 'SENSORS = {\n    "hesitant": ("sensors.hesitant", "Hesitant", "pm10", ""),\n'
    registry.write_text(registry.read_text().replace("SENSORS = {\n", line))
    sensors = {"hesitant": {"every": 0.05}}
    channels = {"pm10": {"sensor": "hesitant", "window": 0}}
    with MicroNode(
        settings(name, sensors=sensors, channels=channels), mosquitto.port, tmp_path, device=device
    ) as node:
        node.start()
        platform.wait_for(lambda: statuses.status(name).get("problems") == ["hesitant: no answer"])
        failed = time.monotonic()
        platform.wait_for(lambda: statuses.status(name)["problems"] == [])
        assert time.monotonic() - failed > 1  # as long as nothing was measured, the problem was not over
        platform.wait_for(lambda: len(readings(platform, "pm10")) > 5)
        assert {value % 3 for value in readings(platform, "pm10").values()} == {0}
        assert 151 not in readings(platform, "pm10").values()
        assert "hesitant: unsupported types" in node.process.log.read_text()
        node.kill()
        assert node.process.log.read_text().count("no answer") == 1
