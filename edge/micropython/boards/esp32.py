"""An ESP32 with MicroPython's own firmware."""

import machine

from boards.hardware import Hardware, reset

__all__ = ["Board", "reset"]


class Board(Hardware):
    """The usual pins are those of a DevKit."""

    pins = {"sda": 21, "scl": 22, "tx": 17, "rx": 16}

    def __init__(self, settings):
        super().__init__(settings)
        # It leaves time for a name service that doesn't answer.
        self._watchdog = machine.WDT(timeout=settings.get("watchdog", 60) * 1000)

    def feed(self):
        """Tell the watchdog that all is well."""
        self._watchdog.feed()

    def adc(self, pin):
        """Return a function that gives the microvolts at a pin, 32 to 39, up to about 3.1 V."""
        return machine.ADC(machine.Pin(pin), atten=machine.ADC.ATTN_11DB).read_uv
