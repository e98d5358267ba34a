"""Windows of a ramp: which samples are in a window tells its sum, since each sample is its own number."""

from collections.abc import Collection, Sequence
from itertools import combinations


def covered(numbers: Sequence[int], doubtful: Collection[int], count: int, total: float) -> list[int]:
    """Return the `count` neighbours among rising numbers whose sum is `total`; [] where there are none.

    Of the `doubtful` ones any may not have reached the window.
    """
    if count < 1:
        return []
    middle = total / count
    near = [number for number in numbers if abs(number - middle) <= count + 4]
    open_to_doubt = [number for number in near if number in doubtful]
    for size in range(len(open_to_doubt) + 1):
        for absent in combinations(open_to_doubt, size):
            there = [number for number in near if number not in absent]
            for begin in range(len(there) - count + 1):
                slice_ = there[begin : begin + count]
                if sum(slice_) == total:
                    return slice_
    return []
