"""Runs under MicroPython: the file of the eras is cut at every byte, and eras are placed."""

import os

from store_kit import read, write

from node import eras
from node.era_notes import UNPLACED, decide, guess
from node.recovery import finish, shorten

PATH = "eras"
NOW = 1_780_000_000_000

write(PATH, b"")
guess(PATH, 4, NOW - 900_000, NOW - 1_000_000)
decide(PATH, 5, NOW - 600_000, 0)
size = len(read(PATH))
decide(PATH, 6, NOW - 300_000, 7)
whole = read(PATH)
for cut in range(size, len(whole)):
    write(PATH, whole[:cut])
    assert eras.decided(PATH, 5) == (NOW - 600_000, 0)
    assert eras.decided(PATH, 6) is None
    shorten(PATH, 5)
    decide(PATH, 7, NOW, 0)
    assert eras.decided(PATH, 7) == (NOW, 0), cut
    assert eras.decided(PATH, 5) == (NOW - 600_000, 0), cut
print("cut", len(whole) - size)

# An era that ended without a clock: placed by the board's, if that is possible, and then for good.
write(PATH, b"")
guess(PATH, 10, NOW - 50_000, NOW - 60_000)
assert eras.place(PATH, 10, NOW) == (NOW - 50_000, 11)
assert eras.place(PATH, 10, 5) == (NOW - 50_000, 11)
guess(PATH, 11, NOW + 3_600_000, NOW - 60_000)  # an hour ahead
assert eras.place(PATH, 11, NOW)[0] == UNPLACED
assert eras.place(PATH, 11, NOW + 7_200_000)[0] == UNPLACED
guess(PATH, 12, NOW - 3_600_000, NOW - 60_000)  # an hour behind what was already measured
assert eras.place(PATH, 12, NOW)[0] == UNPLACED
guess(PATH, 13, None, 0)  # a board without a clock
assert eras.place(PATH, 13, NOW)[0] == UNPLACED
assert eras.place(PATH, 14, NOW)[0] == UNPLACED

# Of two runs whose starts are in the wrong order one is wrong, and neither can be placed.
write(PATH, b"")
guess(PATH, 1, NOW - 60_000, 0)
guess(PATH, 2, NOW - 3_600_000, 0)  # an hour behind, and nothing before is known
guess(PATH, 3, NOW + 3_600_000, 0)  # impossible: that says nothing of the others
guess(PATH, 4, NOW - 30_000, 0)
assert eras.place(PATH, 1, NOW)[0] == UNPLACED
assert eras.place(PATH, 2, NOW)[0] == UNPLACED
assert eras.place(PATH, 3, NOW)[0] == UNPLACED
assert eras.place(PATH, 4, NOW)[0] == NOW - 30_000
guess(PATH, 5, NOW - 33_000, 0)  # a clock may be some seconds off
assert eras.place(PATH, 5, NOW)[0] == NOW - 33_000

for era in range(100, 200):
    decide(PATH, era, NOW, 0)
shorten(PATH, 190)
assert eras.decided(PATH, 189) is None and eras.decided(PATH, 190) and eras.decided(PATH, 199)

# A power cut while FAT renames leaves the new file alone; one that was not finished yet counts for nothing.
os.rename(PATH, PATH + ".new")
finish(PATH)
assert eras.decided(PATH, 199) and PATH + ".new" not in os.listdir()
write(PATH + ".new", whole[:30])
finish(PATH)
assert eras.decided(PATH, 199)

# An entry that a full flash tore does not take the next one with it.
write(PATH, whole[:-9])
decide(PATH, 8, NOW, 3)
assert eras.decided(PATH, 8) == (NOW, 3) and eras.decided(PATH, 5) == (NOW - 600_000, 0)
