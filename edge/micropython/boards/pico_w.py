"""A Raspberry Pi Pico W (or Pico 2 W) with MicroPython's own firmware."""

import machine

from boards.hardware import Hardware, reset

__all__ = ["Board", "reset"]


class Board(Hardware):
    """The usual pins are those of I2C0 and UART1."""

    pins = {"sda": 4, "scl": 5, "tx": 8, "rx": 9}

    def __init__(self, settings):
        super().__init__(settings)
        self._patience = self._left = settings.get("watchdog", 60)
        # This watchdog bites after 8 s at most, and looking up a name may take longer: so a timer feeds it,
        # as long as the agent has been heard of.
        self._watchdog = machine.WDT(timeout=8000)
        self._timer = machine.Timer(period=1000, mode=machine.Timer.PERIODIC, callback=self._second)

    def feed(self):
        """Tell the watchdog that all is well."""
        self._left = self._patience

    def adc(self, pin):
        """Return a function that gives the microvolts at a pin: 26, 27 or 28, up to 3.3 V."""
        look = machine.ADC(machine.Pin(pin))
        return lambda: look.read_u16() * 3_300_000 // 65_535

    def _second(self, timer):
        self._left -= 1
        if self._left > 0:
            self._watchdog.feed()
