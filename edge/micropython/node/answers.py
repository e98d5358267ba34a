"""What the platform answers: acknowledgements, read without floats, which could not hold its clock."""

import json


def read(message):
    """Return log, ranges of seq and the platform's clock (ms since 1970; None where it is not told).

    Raises ValueError for anything else than an acknowledgement.
    """
    text = bytes(message)
    found = json.loads(text)
    log, ranges = found["log"], found["seq"]
    for low, high in ranges:
        if not isinstance(low, int) or not isinstance(high, int):
            raise ValueError("a seq is no integer")
    return log, ranges, _clock(text) if "now" in found else None


def _clock(text):
    at = text.rfind(b'"now"')
    digits = text[text.find(b":", at) + 1 :].strip()
    end = 0
    while end < len(digits) and digits[end] in b"0123456789.":
        end += 1
    whole, _, part = digits[:end].partition(b".")
    return int(whole) * 1000 + int((part + b"000")[:3])
