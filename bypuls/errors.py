"""The errors that Bypuls raises on purpose; everything else is a defect."""

from bypuls.quarantine import Reason


class BypulsError(Exception):
    """Base of all errors that Bypuls raises on purpose; the message says what to do next."""


class PackError(BypulsError):
    """A whole message can't be read as a pack; the message names value, limit and likely mistake.

    `log` and `seq` are known where the pack could be read so far that it can be acknowledged.
    """

    def __init__(self, reason: Reason, detail: str, log: str | None = None, seq: int | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.log = log
        self.seq = seq


class StoreError(BypulsError):
    """The database refused what was asked of it; trying the same again gives the same answer."""


class StoreUnavailable(StoreError):
    """The database can't be reached or can't answer now; trying again later may succeed."""


class QueryTooSlow(StoreUnavailable):
    """A statement ran into its timeout; a smaller one may succeed."""


class SettingsError(BypulsError):
    """A setting is missing or wrong; the message names it."""
