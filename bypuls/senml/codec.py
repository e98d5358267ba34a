"""Packs to and from bytes.

A pack of the usual shape - base fields in its first record only, just `v` in every record - becomes
columns by C code alone; everything else the RFC allows goes through `resolve`, with the same result.
"""

import re
from io import BytesIO
from operator import attrgetter
from typing import Any, cast

import cbor2
import msgspec

from bypuls.errors import PackError
from bypuls.quarantine import Reason
from bypuls.senml.pack import Pack
from bypuls.senml.record import CBOR_LABELS, Gap, LogId, Record, Sequence
from bypuls.senml.resolution import resolve

MAX_PAYLOAD = 256 * 1024
"""The largest payload that is read as a pack, in bytes."""

_decode_any = msgspec.json.Decoder().decode
_cbor_names = {label: name for name, label in CBOR_LABELS.items()}


class _Plain(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A record of the usual shape; any other field, known or not, sends its pack the careful way."""

    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    log: LogId | None = None
    seq: Sequence | None = None
    gap: Gap | None = None
    n: str = ""
    u: str = ""
    v: float | None = None
    t: float = 0.0


_decode_plain = msgspec.json.Decoder(list[_Plain]).decode
_base = attrgetter("bn", "bt", "bu", "bv")
_base_labels = re.compile(rb'"b[ntuv]"\s*:').findall


def decode(payload: bytes) -> Pack:
    """Read a payload, JSON or CBOR as its first byte tells, into columns.

    Records that can't be readings are left out and named in the pack's `faults`.
    Raises PackError where nothing of the message can be used.
    """
    if not payload:
        raise PackError(Reason.EMPTY, "the payload is empty; a pack is a JSON or CBOR array of records")
    if len(payload) > MAX_PAYLOAD:
        raise PackError(
            Reason.TOO_LARGE,
            f"the payload has {len(payload)} bytes, the limit is {MAX_PAYLOAD}; send smaller packs",
        )
    if 0x80 <= payload[0] <= 0x9F:  # a CBOR array; no JSON text starts with such a byte
        raw = _cbor_records(payload)
        try:
            records = msgspec.convert(raw, list[_Plain])
        except (msgspec.ValidationError, OverflowError):
            return resolve(raw)
        later_bases = any(_base(record) != (None, None, None, None) for record in records[1:])
        return _columns(records, later_bases) or resolve(raw)
    try:
        records = _decode_plain(payload)
    except (ValueError, RecursionError):
        return resolve(_json_records(payload))  # which finds out what is wrong, and with which record
    # Looking in the bytes is far cheaper than looking at each record, and counting is cheaper than searching.
    own = sum(field is not None for field in _base(records[0])) if records else 0
    later_bases = payload.count(b'"b') > own and len(_base_labels(payload)) > own
    later_bases = later_bases or b"\\" in payload  # a label may be spelled with escapes
    return _columns(records, later_bases) or resolve(_json_records(payload))


def encode_json(records: list[Record]) -> bytes:
    """Write records as a SenML JSON pack."""
    return msgspec.json.encode(records)


def encode_cbor(records: list[Record]) -> bytes:
    """Write records as a SenML CBOR pack, with the RFC's integer labels."""
    plain: list[dict[str, Any]] = msgspec.to_builtins(records, builtin_types=(bytes,))
    return cbor2.dumps([{CBOR_LABELS.get(k, k): v for k, v in record.items()} for record in plain])


def _columns(records: list[_Plain], later_bases: bool) -> Pack | None:
    """Turn records of the usual shape into columns; None where they are not of that shape after all."""
    # A comprehension that reads a slot takes 25 ns a record, map(attrgetter(...)) takes 58 ns.
    values = [record.v for record in records]
    if not records or later_bases or None in values:
        return None
    first = records[0]
    if (first.log is None) != (first.seq is None) or any(low > high for low, high in first.gap or ()):
        return None
    return Pack(
        [record.n for record in records],
        [record.u for record in records],
        [record.t for record in records],
        cast(list[float], values),
        first.bn or "",
        first.bu or "",
        first.bt or 0.0,
        first.bv or 0.0,
        first.log,
        first.seq,
        first.gap or [],
    )


def _json_records(payload: bytes) -> list[Any]:
    try:
        return _array(_decode_any(payload))
    except UnicodeDecodeError as error:
        raise PackError(Reason.MALFORMED, f"not valid UTF-8 at byte {error.start}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise PackError(Reason.MALFORMED, f"not valid JSON: {error}") from error


def _cbor_records(payload: bytes) -> list[Any]:
    try:
        stream = BytesIO(payload)
        decoded = cbor2.load(stream)
    except Exception as error:  # hostile bytes: whatever the decoder raises means "not CBOR"
        raise PackError(Reason.MALFORMED, f"not valid CBOR: {error}") from error
    if left := len(payload) - stream.tell():
        raise PackError(Reason.MALFORMED, f"{left} bytes follow the pack; a message is one pack")
    return [_named(record) if isinstance(record, dict) else record for record in _array(decoded)]


def _named(record: dict[Any, Any]) -> dict[Any, Any]:
    return {_cbor_names.get(k, k) if type(k) is int else k: v for k, v in record.items()}


def _array(decoded: object) -> list[Any]:
    if not isinstance(decoded, list):
        raise PackError(Reason.TYPE, f"a pack is an array of records, not {type(decoded).__name__}")
    if not decoded:
        raise PackError(Reason.EMPTY, "the pack holds no record")
    return decoded
