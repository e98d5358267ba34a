"""One SenML record as it travels."""

from typing import Annotated, Any

import msgspec

VERSION = 10
"""The SenML version that RFC 8428 defines."""

Sequence = Annotated[int, msgspec.Meta(ge=0, lt=2**63 - 1)]
Version = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
Gap = Annotated[list[tuple[Sequence, Sequence]], msgspec.Meta(max_length=1_000)]
LogId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]


class BaseFields(msgspec.Struct, gc=False, omit_defaults=True, kw_only=True):
    """The fields that hold for the records after them too, until they are set again."""

    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    bs: float | None = None
    bver: Version | None = None


class Record(BaseFields, gc=False, omit_defaults=True, kw_only=True):
    """A whole record; `log`, `seq` and `gap` are ours and count in the first record only.

    `gap` declares the closed ranges of seq that the node dropped because its store was full.
    Unknown fields are ignored when read, as the RFC asks.
    """

    log: LogId | None = None
    seq: Sequence | None = None
    gap: Gap | None = None
    n: str = ""
    u: str = ""
    v: float | None = None
    vs: str | None = None
    vb: bool | None = None
    vd: Any = None
    s: float | None = None
    t: float = 0.0
    ut: float = 0.0


CBOR_LABELS: dict[str, int] = {
    "bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6,
    "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8,
}  # fmt: skip
"""What a field is called in CBOR (RFC 8428, table 4)."""
