"""What sensors are connected to in tests: real pseudo-terminals, and fakes where Linux needs the hardware."""

import os
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serial_device(repeats: bytes = b"", exchange: list[tuple[bytes, bytes]] | None = None) -> Iterator[str]:
    """Give the path of a pseudo-terminal with a sensor at its other end, and check what that is asked.

    It sends `repeats` again and again by itself, or answers each thing it is asked as `exchange` says.
    """
    ours, theirs = os.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    done = threading.Event()
    wrong: list[str] = []

    def repeat() -> None:
        while not done.wait(0.02):
            os.write(ours, repeats)

    def answer() -> None:
        for asked, reply in exchange or []:
            heard = b""
            while len(heard) < len(asked) and (more := os.read(ours, len(asked) - len(heard))):
                heard += more
            if heard != asked:
                wrong.append(f"asked {heard.hex(' ')} in place of {asked.hex(' ')}")
                return
            os.write(ours, reply)

    thread = threading.Thread(target=repeat if repeats else answer, daemon=True)
    thread.start()
    try:
        yield os.ttyname(theirs)
        thread.join(0 if repeats else 5)
        assert not wrong, wrong
    finally:
        done.set()
        thread.join(5)
        os.close(ours)
        os.close(theirs)


class FakeI2c:
    """In place of smbus2.SMBus, which needs a kernel with the bus: registers with recorded content."""

    registers: dict[int, bytes]

    def __init__(self) -> None:
        self.bus = -1
        self.written: list[tuple[int, int]] = []

    def open(self, bus: int) -> None:
        """Open a bus."""
        self.bus = bus

    def read_i2c_block_data(self, _address: int, register: int, length: int) -> list[int]:
        """Return the recorded content, like a chip that counts the register up."""
        for begin, content in self.registers.items():
            if begin <= register < begin + len(content):
                part = content[register - begin :][:length]
                assert len(part) == length, f"register 0x{register:02x}: only {len(part)} bytes are recorded"
                return list(part)
        raise AssertionError(f"register 0x{register:02x} is not recorded")

    def write_byte_data(self, _address: int, register: int, value: int) -> None:
        """Note what is written."""
        self.written.append((register, value))

    def close(self) -> None:
        """Nothing is held."""


class FakeLine:
    """In place of a gpiod.LineRequest, which needs a GPIO chip: so many edges come before each reading."""

    def __init__(self, edges: list[int]) -> None:
        self._edges = edges
        self._seen = 0
        self._waiting = False
        self._turn = 0
        self.released = False

    def wait_edge_events(self, _timeout: object) -> bool:
        """Tell whether edges wait."""
        self._waiting = not self._waiting and self._edges[self._turn] > 0
        if not self._waiting:
            self._turn += 1
        return self._waiting

    def read_edge_events(self) -> list["FakeEdge"]:
        """Return the edges that wait; no more than 16, as a kernel whose buffer has overflowed."""
        self._seen += self._edges[self._turn]
        return [FakeEdge(number) for number in range(max(0, self._seen - 16), self._seen + 1)]

    def release(self) -> None:
        """Let go."""
        self.released = True


class FakeEdge:
    """An edge with its number on the line."""

    def __init__(self, number: int) -> None:
        self.line_seqno = number
