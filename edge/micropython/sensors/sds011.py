"""SDS011: particulate matter by a serial line (Nova Fitness data sheet V1.3), 10 bytes each second."""

import time

_LONGEST = 5_000  # ms without a frame, of which there is one each second


class SDS011:
    """An SDS011 that reports by itself, as it does when new; `settings`: `uart`, as the board wants it."""

    def __init__(self, settings, board):
        self._line = board.uart(settings.get("uart", {}), 9600)
        self._heard = time.ticks_ms()
        self._bytes = bytearray(40)
        self._length = 0

    def read(self):
        """Return `pm2_5` and `pm10` (ug/m3) of the newest frame, nothing if it was read before.

        Raises OSError where none has come for 5 s.
        """
        waiting = self._line.any()
        while waiting:
            # The newest bytes count: what is older than the buffer is pushed out.
            came = self._line.read(min(waiting, len(self._bytes)))
            if not came:
                break
            kept = (bytes(self._bytes[: self._length]) + came)[-len(self._bytes) :]
            self._bytes[: len(kept)] = kept
            self._length = len(kept)
            waiting = self._line.any()
        for at in range(self._length - 10, -1, -1):
            if is_frame(self._bytes, at):
                low, high = number(self._bytes, at + 2), number(self._bytes, at + 4)
                self._length = 0
                self._heard = time.ticks_ms()
                return {"pm2_5": low / 10, "pm10": high / 10}
        if time.ticks_diff(time.ticks_ms(), self._heard) > _LONGEST:
            raise OSError("no frame of an SDS011 has come for 5 s; is its TX wired to our RX, and 5 V there?")
        return {}


def is_frame(data, at):
    """Tell whether a measurement begins at `at`: head, kind, tail and checksum are right."""
    good = data[at] == 0xAA and data[at + 1] == 0xC0 and data[at + 9] == 0xAB
    return good and sum(data[at + 2 : at + 8]) & 0xFF == data[at + 8]


def number(data, at):
    """Return the 16 bits at `at`, the low byte first."""
    return data[at] | data[at + 1] << 8
