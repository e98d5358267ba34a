"""SenML (RFC 8428): a pack written bit by bit into a buffer that is there from the start."""

_DIGITS = 10 if 1.0 + 1e-9 != 1.0 else 7  # a 32-bit float has 7 significant digits
HEAD = 320
"""Bytes that may come before the readings of a pack, gaps included."""
BASE_AT = 7
"""Where the base time stands in a pack: after `[{"bt":`."""
BASE_WIDTH = 17
"""Characters of a base time to the microsecond, `1795450000.123456`."""
_UNKNOWN = b"                0"


def seconds(ms, us=0):
    """Write milliseconds and some microseconds as seconds, by integers alone."""
    sign = ""
    if ms < 0:
        sign, ms = "-", -ms
    whole, part = divmod(ms, 1000)
    if us:
        return "%s%d.%03d%03d" % (sign, whole, part, us)
    return "%s%d.%03d" % (sign, whole, part) if part else "%s%d" % (sign, whole)


def mark_of(era):
    """Return the microseconds, 1 to 999, that tell the times of an era from those of 998 others."""
    return era % 999 + 1


def number(value):
    """Write a finite number: integers whole, floats with 10 significant digits, or 7 if they have 32 bits."""
    return str(int(value)) if isinstance(value, (int, bool)) else "%.*g" % (_DIGITS, value)


def head(log, seq, gaps, base):
    """Return how a pack begins, up to its first name; `base` None reserves room for a time not known yet."""
    base = _UNKNOWN if base is None else base.encode()
    gap = '"gap":[%s],' % ",".join("[%d,%d]" % (low, high) for low, high in gaps) if gaps else ""
    return b'[{"bt":%s,"log":"%s","seq":%d,%s' % (base, log.encode(), seq, gap.encode())


def name_and_unit(name, unit):
    """Return the part of a record that never changes."""
    return b'"n":"%s",%s' % (name.encode(), b'"u":"%s",' % unit.encode() if unit else b"")


class Writer:
    """The records of the pack that is being made; `head` goes before them.

    `base`: ms of the first reading; `span`: how much later the last one is; `us`: microseconds that all
    their times carry (see `node.eras`).
    """

    def __init__(self, buffer):
        self.buffer = buffer
        self.clear()

    def clear(self):
        """Begin anew."""
        self.length = self.base = self.span = self.us = 0

    def add(self, fixed, time, us, value):
        """Add a reading; returns False, and adds nothing, where it must go into another pack."""
        if self.length and us != self.us:
            return False
        offset = time - self.base if self.length else 0
        text = b'%s%s%s"v":%s}]' % (
            b"{" if self.length else b"",
            fixed,
            b'"t":%s,' % seconds(offset).encode() if offset else b"",
            number(value).encode(),
        )
        at = self.length
        end = at + len(text)
        if end > len(self.buffer):
            if not at:
                raise ValueError("a reading of %d bytes; the pack holds %d" % (end, len(self.buffer)))
            return False
        if at:
            self.buffer[at - 1] = 0x2C  # the bracket that closed the pack becomes a comma
            self.span = max(self.span, offset)
        else:
            self.base, self.us = time, us
        self.buffer[at:end] = text
        self.length = end
        return True
