"""Runs of whole numbers as closed ranges, as they stand in acknowledgements and in the sequence log."""

from collections.abc import Iterable

Range = tuple[int, int]
"""Both ends belong to it."""


def closed_ranges(numbers: Iterable[int]) -> list[Range]:
    """Gather numbers, in any order and repeated or not, into the fewest closed ranges, ascending."""
    ranges: list[Range] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Return the fewest closed ranges that cover these, in any order and overlapping or not, ascending."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def without(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """Return what of closed ranges lies outside of others."""
    rest = list(ranges)
    for low, high in taken:
        pieces = (((a, min(b, low - 1)), (max(a, high + 1), b)) for a, b in rest)
        rest = [(a, b) for pair in pieces for a, b in pair if a <= b]
    return rest


def multirange(ranges: Iterable[Range]) -> str:
    """Write closed ranges as PostgreSQL's int8multirange text, such as `{[4,7],[9,9]}`."""
    return "{" + ",".join(f"[{low},{high}]" for low, high in ranges) + "}"
