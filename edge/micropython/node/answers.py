"""What the platform answers: acknowledgements, read where they lie, without floats and almost without memory.

A list of ranges could be larger than what is free, and a 32-bit float could not hold the platform's clock.
"""

from micropython import const

_EARLIEST = const(946_684_800_000)  # ms since 1970: 2000 to 2100, as the Raspberry Pi agent has it
_LATEST = const(4_102_444_800_000)


def is_for(message, log):
    """Tell whether this is an acknowledgement of packs of `log`. Raises ValueError where it is none."""
    at = _value(message, b'"log"')
    for _ in ranges(message):
        pass
    name = b'"%s"' % log.encode()
    return message[at : at + len(name)] == name


def ranges(message):
    """Give the closed ranges of seq. Raises ValueError where they aren't pairs of whole numbers."""
    at = _value(message, b'"seq"')
    depth, low, number = 0, -1, -1
    while True:
        byte = message[at] if at < len(message) else 0
        at += 1
        if 0x30 <= byte <= 0x39:
            number = max(number, 0) * 10 + byte - 0x30
        elif byte == 0x5B and depth < 2:  # [
            depth, low, number = depth + 1, -1, -1
        elif byte == 0x2C and depth == 2 and low < 0 <= number:  # , in a pair
            low, number = number, -1
        elif byte == 0x5D and depth == 2 and low >= 0 and number >= 0:  # ] of a pair
            yield low, number
            depth, low, number = 1, -1, -1
        elif byte == 0x5D and depth == 1 and number < 0:
            return
        elif not (byte in b" \t\r\n" or (byte == 0x2C and depth == 1 and number < 0)):
            raise ValueError("seq is no list of ranges")


def clock(message):
    """Return the platform's clock in ms since 1970; None where no number is told that can be one."""
    try:
        at = _value(message, b'"now"')
    except ValueError:
        return None
    ms, decimals = 0, -1
    while at < len(message) and ms < _LATEST:
        byte = message[at]
        if byte == 0x2E and decimals < 0:
            decimals = 0
        elif not 0x30 <= byte <= 0x39:
            break
        elif decimals < 3:
            ms = ms * 10 + byte - 0x30
            decimals += decimals >= 0
        at += 1
    ms *= 10 ** (3 - max(decimals, 0))
    ended = at < len(message) and message[at] in b",} \t\r\n"
    return ms if ended and _EARLIEST <= ms < _LATEST else None


def _value(message, key):
    """Return where the value of a key begins."""
    at, size = 0, len(key)
    while message[at : at + size] != key:
        at += 1
        while at < len(message) and message[at] != 0x22:
            at += 1
        if at + size > len(message):
            raise ValueError("an acknowledgement has log and seq")
    at += size
    while at < len(message) and message[at] in b" \t\r\n:":
        at += 1
    return at
