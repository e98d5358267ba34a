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


def multirange(ranges: Iterable[Range]) -> str:
    """Write closed ranges as PostgreSQL's int8multirange text, such as `{[4,7],[9,9]}`."""
    return "{" + ",".join(f"[{low},{high}]" for low, high in ranges) + "}"
