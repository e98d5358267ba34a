"""What a request for a series is refused for."""

from bypuls.errors import BypulsError


class Refused(BypulsError):
    """A parameter doesn't fit the streams or the others; the message says why, and what would do."""

    def __init__(self, parameter: str, value: object, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter
        self.value = value


class TooMuch(BypulsError):
    """More was asked for than one answer may cost; the message names the number, the limit, and what fits."""
