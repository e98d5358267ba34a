"""The drivers of the MicroPython agent, run by a real MicroPython on the bytes of the data sheets."""

from pathlib import Path

from testbed.micropython import DEVICE_TESTS, run_micropython

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "sensors"


def test_the_drivers_read_the_frames_of_the_data_sheets_and_of_the_shared_vectors() -> None:
    shared = [str(VECTORS / f"{kind}.json") for kind in ("bme280", "sds011")]
    run_micropython(DEVICE_TESTS / "drivers.py", *shared)
