"""What ESP32 and Pico W have in common: Wi-Fi, clock, pins. Only board files import machine and network."""

import time

import machine
import network
from micropython import const

_RETRY = const(30_000)  # ms after which a Wi-Fi that doesn't come up is tried anew


class Hardware:
    """A board; `settings["wifi"]`: ssid and password. `pins`: the usual ones, where settings name none."""

    pins = {}

    def __init__(self, settings):
        wifi = settings.get("wifi")
        if not wifi:
            raise ValueError("wifi: is missing; it needs ssid and password")
        network.hostname(settings["node"][:32])
        self._wifi = wifi
        self._station = network.WLAN(network.STA_IF)
        self._station.active(True)
        self._tried_at = None
        self._buses = {}

    def online(self):
        """Return whether there is a network, and see to it that there will be; never wait."""
        if self._station.isconnected():
            return True
        now = time.ticks_ms()
        if self._tried_at is None or time.ticks_diff(now, self._tried_at) > _RETRY:
            if self._tried_at is not None:
                self._station.disconnect()
            self._tried_at = now
            self._station.connect(self._wifi["ssid"], self._wifi.get("password"))
        return False

    def clock(self):
        """Return the board's own clock in ms since 1970, None where it was not set.

        It counts from 2000 or from 1970, and begins there when the power comes; a reset leaves it alone.
        """
        seconds = time.time() + (946_684_800 if time.gmtime(0)[0] == 2000 else 0)
        return seconds * 1000 if seconds > 1_735_689_600 else None

    def tls(self, plain, settings):
        """Return an encrypted socket over a connected one; `settings` are those of the broker.

        A certificate has dates, and a board that was without power knows none: it asks a time server first.
        """
        from boards.encryption import wrap

        if self.clock() is None:
            import ntptime

            ntptime.host = settings.get("ntp", ntptime.host)
            ntptime.settime()
        return wrap(plain, settings)

    def i2c(self, settings):
        """Return the I2C bus of `id`, `sda`, `scl`; sensors that name the same one share it."""
        which = settings.get("id", 0)
        if which not in self._buses:
            sda, scl = (machine.Pin(settings.get(pin, self.pins[pin])) for pin in ("sda", "scl"))
            self._buses[which] = machine.I2C(which, sda=sda, scl=scl, freq=settings.get("freq", 100_000))
        return self._buses[which]

    def uart(self, settings, baud):
        """Return the serial line of `id`, `tx`, `rx`."""
        tx, rx = (machine.Pin(settings.get(pin, self.pins[pin])) for pin in ("tx", "rx"))
        return machine.UART(settings.get("id", 1), baud, tx=tx, rx=rx, timeout=0)

    def pulses(self, pin, bounce):
        """Return an object whose `count` rises with each falling edge, but for those within `bounce` ms."""
        return _Pulses(machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP), bounce)


class _Pulses:
    def __init__(self, pin, bounce):
        self.count = 0
        self._bounce = bounce
        self._last = time.ticks_ms()
        pin.irq(self._fell, machine.Pin.IRQ_FALLING)

    def _fell(self, pin):
        now = time.ticks_ms()
        if not 0 <= time.ticks_diff(now, self._last) < self._bounce:  # after 6 days it is negative
            self.count += 1
        self._last = now


def reset():
    """Start again after a fault; the pause leaves time to interrupt it by Ctrl-C."""
    time.sleep(10)
    machine.reset()
