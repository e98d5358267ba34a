"""Why a message, or a part of it, is kept in quarantine instead of being stored as readings."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The closed list of reasons; also the label of the metric that counts them."""

    TOPIC = "topic"
    NODE = "node"
    UNKNOWN_NODE = "unknown_node"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    TYPE = "type"
    UNKNOWN_FIELD = "unknown_field"
    VERSION = "version"
    NAME = "name"
    NO_VALUE = "no_value"
    NOT_A_NUMBER = "not_a_number"
    NOT_FINITE = "not_finite"
    UNIT = "unit"
    TIME = "time"
    TOO_MANY_CHANNELS = "too_many_channels"
    CONFLICT = "conflict"
    REFUSED = "refused"


MEANING: dict[Reason, str] = {
    Reason.TOPIC: "the topic is not one of the wire contract",
    Reason.NODE: "the node name breaks the grammar",
    Reason.UNKNOWN_NODE: "enrolment is closed and the node is not registered",
    Reason.EMPTY: "the payload is empty",
    Reason.TOO_LARGE: "the payload exceeds the limit",
    Reason.MALFORMED: "the payload is neither valid JSON nor valid CBOR",
    Reason.TYPE: "a field has the wrong type",
    Reason.UNKNOWN_FIELD: "a field ending in _ must be understood and isn't (RFC 8428, section 4.4)",
    Reason.VERSION: "the pack's SenML version is newer than 10",
    Reason.NAME: "a channel name is missing or breaks the grammar",
    Reason.NO_VALUE: "a record has neither a value nor a sum",
    Reason.NOT_A_NUMBER: "string and data values (vs, vd) have no table yet",
    Reason.NOT_FINITE: "NaN and infinities are not readings",
    Reason.UNIT: "the unit is unknown or does not fit the quantity",
    Reason.TIME: "the time is before 2000 or more than 5 minutes in the future",
    Reason.TOO_MANY_CHANNELS: "the node has as many channels as it may have",
    Reason.CONFLICT: "the stream has another value at this instant",
    Reason.REFUSED: "the database refused this message alone",
}


MOST_DETAIL = 2_000
"""Longest detail of a merged fault, in characters."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a message: the whole of it, or the records at the given positions."""

    reason: Reason
    detail: str
    records: tuple[int, ...] | None = None


def _join(one: Fault, other: Fault) -> Fault:
    whole = one.records is None or other.records is None
    records = None if whole else tuple(sorted({*(one.records or ()), *(other.records or ())}))
    detail = one.detail if other.detail in one.detail else f"{one.detail}; {other.detail}"
    return Fault(one.reason, detail[:MOST_DETAIL], records)


def merge(faults: Iterable[tuple[int, Fault]]) -> list[tuple[int, Fault]]:
    """Make faults of the same message (index) and reason one, which names all their records and details."""
    merged: dict[tuple[int, Reason], Fault] = {}
    for index, fault in faults:
        known = merged.get((index, fault.reason))
        merged[index, fault.reason] = fault if known is None else _join(known, fault)
    return [(index, fault) for (index, _), fault in merged.items()]
