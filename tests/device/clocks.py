"""Runs under MicroPython: the ticks wrap around, and the platform's clock is judged."""

import node.clock
from node import answers, senml
from node.clock import Clock, later, passed


class FakeTime:
    now = (1 << 30) - 700

    @classmethod
    def ticks_ms(cls):
        return cls.now


node.clock.time = FakeTime
clock = Clock()
total = 0
for step in (100, 599, 1, 1, 5000, (1 << 29) - 1, 7, (1 << 29) - 1, (1 << 29) - 1, 12):
    FakeTime.now = (FakeTime.now + step) & ((1 << 30) - 1)
    total += step
    assert clock.tick() == total
assert passed(later((1 << 30) - 5, 10), 3) == -2
assert passed((1 << 30) - 5, later((1 << 30) - 5, 60_000)) == 60_000

NOW = 1_795_450_000_123
clock = Clock()
FakeTime.now += 500
clock.tick()
assert clock.now() == 500
assert clock.judge(NOW, 2_500) is None  # too slow an answer to begin with
assert clock.judge(NOW, 2_500) == NOW - 500  # but there is no quicker one
clock.epoch = NOW - 500
assert clock.now() == NOW
assert clock.judge(NOW - 900, 0) is None and clock.judge(NOW + 900, 0) is None  # within a second: let it be
assert clock.judge(NOW - 3_000, 2_500) is None  # 2.5 s of the 3 s may be the way of the answer
assert clock.judge(NOW + 5_000, 100) == clock.epoch + 5_000
assert clock.judge(NOW - 5_000, 100) == clock.epoch - 4_900

# The platform's clock to the millisecond, by integers; 32-bit floats would be off by a minute.
for text, ms in (
    ("1795450000.123", NOW),
    ("1795450000.1239", NOW),
    ("1795450000", NOW - 123),
    ("1795450000.5", NOW + 377),
):
    message = memoryview(b'{"log": "k", "now" : %s, "seq": [[1, 2], [4,4]]}' % text.encode())
    assert answers.is_for(message, "k")
    assert list(answers.ranges(message)) == [(1, 2), (4, 4)]
    assert answers.clock(message) == ms, text
# What can't be the time is none: the clock is left alone.
for text in (
    "946684799.999",
    "4102444800",
    "0",
    "-1795450000",
    "NaN",
    "Infinity",
    "null",
    "true",
    '"1795450000"',
    "[1795450000]",
    "1.79545e9",
    "1e300",
    "1795450000.5.5",
    "9" * 40,
):
    message = memoryview(b'{"log":"k","now":%s,"seq":[[1,2]]}' % text.encode())
    assert answers.clock(message) is None, (text, answers.clock(message))
assert answers.clock(memoryview(b'{"seq":[],"now":946684800}')) == 946_684_800_000
assert answers.clock(memoryview(b'{"seq":[],"now":4102444799.999}')) == 4_102_444_799_999
assert answers.clock(memoryview(b'{"seq":[],"now":17954500')) is None  # cut short

bare = memoryview(b'{"seq":[],"log":"k3f9a2"}')
assert answers.is_for(bare, "k3f9a2") and not answers.is_for(bare, "k") and not answers.is_for(bare, "k3f9a")
assert answers.clock(bare) is None
for wrong in (
    b"",
    b"[]",
    b"{}",
    b'{"log":"k"}',
    b'{"seq":[]}',
    b'{"log":"k","seq":[[1]]}',
    b'{"log":"k","seq":[["1","2"]]}',
    b'{"log":"k","seq":7}',
    b'{"log":"k","seq":[[1,2,3]]}',
    b'{"log":"k","seq":[[-1,2]]}',
    b'{"log":"k","seq":[[1,2]',
    b'{"log":"k","seq":[[1.5,2]]}',
    b'{"log":"k","seq":[1,2]}',
    b'{"log":"k","seq":[[[1,2]]]}',
    b'{"log":"k","seq":',
):
    try:
        answers.is_for(memoryview(wrong), "k")
    except ValueError:
        continue
    raise AssertionError(wrong)

# Times and numbers as they are written.
assert senml.seconds(NOW) == "1795450000.123"
assert senml.seconds(NOW - 123) == "1795450000"
assert senml.seconds(NOW, 7) == "1795450000.123007"
assert senml.seconds(-30_500) == "-30.500"
assert len(senml.seconds(NOW, 999)) == senml.BASE_WIDTH
assert [senml.number(value) for value in (3, True, 21.5, 1 / 3, -0.25, 1e-9, 123456789)] == [
    "3", "1", "21.5", "0.3333333333", "-0.25", "1e-09", "123456789"
]  # fmt: skip
