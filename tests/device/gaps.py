"""Runs under MicroPython: gaps are merged, survive a restart, and never get lost, however many there are."""

import os

from store_kit import empty

from node.gaps import Gaps

FOLDER = "gapped"
empty(FOLDER)
os.mkdir(FOLDER)
gaps = Gaps(FOLDER)
gaps.declare(10, 12)
gaps.declare(13, 20)
gaps.declare(30, 30)
assert gaps.undeclared(100) == [(10, 20), (30, 30)] and gaps.undeclared(101) == []
gaps.declare(31, 40)  # it has grown: it is to be told again
assert gaps.undeclared(101) == [(30, 40)]
gaps.acknowledge(100)
assert not gaps.covers(15) and gaps.covers(35)
assert Gaps(FOLDER).undeclared(1) == [(30, 40)]
gaps.lost(90, 110)  # the pack that told of it was dropped itself
assert gaps.undeclared(120) == [(30, 40)]
gaps.acknowledge(120)
assert os.listdir(FOLDER) == []
lost = set()
for number in (500, 100, 300, 700, 200, 650, 50, 900, 800, 10, 1000, 420, 5, 1100):
    gaps.declare(number, number + 3)
    lost |= set(range(number, number + 4))
    assert all(gaps.covers(seq) for seq in lost), number
    told = gaps.undeclared(number)
    again = Gaps(FOLDER)
    assert all(again.covers(seq) for seq in lost), number
assert len(os.listdir(FOLDER)) == 8
empty(FOLDER)
