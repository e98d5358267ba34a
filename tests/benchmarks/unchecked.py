"""`bypuls` without the quality checks of changes, to measure what they cost."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bypuls.command import main
from bypuls.numeric.checks import Checks


def _no_flags(_checks: Checks, stream: NDArray[np.int32], *_: Any, **__: Any) -> NDArray[np.int16]:
    return np.zeros(len(stream), np.int16)


if __name__ == "__main__":
    Checks.check = _no_flags  # type: ignore[assignment, method-assign]
    main()
