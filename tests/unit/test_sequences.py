"""Closed ranges, against sets of numbers."""

from hypothesis import given
from hypothesis import strategies as st

from bypuls.sequences import Range, closed_ranges, merged, without

ranges = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8)).map(lambda pair: (pair[0], sum(pair))))


def numbers(closed: list[Range]) -> set[int]:
    return {number for low, high in closed for number in range(low, high + 1)}


@given(ranges)
def test_merged_ranges_are_the_fewest_that_cover_the_same_numbers(given_ranges: list[Range]) -> None:
    assert merged(given_ranges) == closed_ranges(numbers(given_ranges))


@given(ranges, ranges)
def test_what_is_taken_away_is_gone_and_the_rest_is_left(
    given_ranges: list[Range], taken: list[Range]
) -> None:
    rest = without(merged(given_ranges), taken)
    assert numbers(rest) == numbers(given_ranges) - numbers(taken)
    assert sorted(rest) == rest
