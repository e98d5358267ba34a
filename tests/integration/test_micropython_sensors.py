"""The drivers of the MicroPython agent, run by a real MicroPython on the bytes of the data sheets."""

from testbed.micropython import DEVICE_TESTS, run_micropython


def test_the_drivers_read_the_frames_of_the_data_sheets() -> None:
    run_micropython(DEVICE_TESTS / "drivers.py")
