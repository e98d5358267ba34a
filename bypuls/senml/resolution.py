"""The careful way through a pack: every rule of RFC 8428, record by record."""

from collections import defaultdict
from typing import Any

import msgspec

from bypuls.errors import PackError
from bypuls.quarantine import Fault, Reason
from bypuls.senml.pack import Pack
from bypuls.senml.record import VERSION, BaseFields, Gap, Record

_OURS = ("log", "seq", "gap")


def resolve(raw: list[Any]) -> Pack:
    """Resolve decoded records (field name to value) into a pack without base fields.

    A record that can't be a reading is left out and named in `faults`; the others stand.
    Raises PackError where the RFC, or a base field that can't be read, refuses the pack as a whole.
    """
    pack = Pack([], [], [], [], records=[])
    faults: dict[tuple[Reason, str], list[int]] = defaultdict(list)
    _read_sequence(pack, raw[0], faults)
    try:
        _refuse_unknown_fields(raw)
        _resolve_records(pack, raw, faults)
    except PackError as error:
        error.log, error.seq = pack.log, pack.seq
        raise
    pack.faults = [Fault(reason, detail, tuple(where)) for (reason, detail), where in faults.items()]
    return pack


def _resolve_records(pack: Pack, raw: list[Any], faults: dict[tuple[Reason, str], list[int]]) -> None:
    base = BaseFields()

    def add(index: int, name: str, unit: str, time: float, value: float) -> None:
        pack.names.append(name)
        pack.units.append(unit)
        pack.times.append(time)
        pack.values.append(value)
        assert pack.records is not None
        pack.records.append(index)

    for index, fields in enumerate(raw):
        base = _next_base(base, fields, index)
        try:
            record = msgspec.convert(_without_ours(fields), Record)
        except (msgspec.ValidationError, OverflowError) as error:
            faults[Reason.TYPE, str(error)].append(index)
            continue
        name = (base.bn or "") + record.n
        unit = record.u or base.bu or ""
        time = (base.bt or 0.0) + record.t
        value = record.v if record.vb is None else float(record.vb)
        if (value, record.s, record.vs, record.vd) == (None, None, None, None) and not _only_sets_base(
            fields, record
        ):
            if base.bv is None:
                faults[Reason.NO_VALUE, "the record has neither v, vb nor s"].append(index)
            else:
                value = 0.0  # a missing value counts as zero beside a base value (RFC 8428, section 4.1)
        if record.vs is not None or record.vd is not None:
            faults[Reason.NOT_A_NUMBER, "vs and vd are not numbers; there is no table for them yet"].append(
                index
            )
        if value is not None:
            # A base value shifts numbers; a boolean has none.
            add(index, name, unit, time, value + ((base.bv or 0.0) if record.vb is None else 0.0))
        if record.s is not None:
            add(index, f"{name}.sum", f"{unit}.s" if unit else "", time, record.s + (base.bs or 0.0))


def _only_sets_base(fields: dict[str, Any], record: Record) -> bool:
    """Tell whether a record holds just base fields, or the pack's log and seq, and measures nothing."""
    setting = (*BaseFields.__struct_fields__, *_OURS)
    return not (record.n or record.u or record.t) and any(map(fields.__contains__, setting))


def _refuse_unknown_fields(raw: list[Any]) -> None:
    for index, fields in enumerate(raw):
        for key in fields if isinstance(fields, dict) else ():
            if isinstance(key, str) and key.endswith("_"):
                raise PackError(
                    Reason.UNKNOWN_FIELD,
                    f"record {index} has the field {key!r}: the trailing _ says that it must be understood, "
                    "and it isn't (RFC 8428, section 4.4)",
                )


def _next_base(base: BaseFields, fields: object, index: int) -> BaseFields:
    if not isinstance(fields, dict):
        return base
    try:
        own = msgspec.convert(
            {k: v for k, v in fields.items() if k in BaseFields.__struct_fields__}, BaseFields
        )
    except (msgspec.ValidationError, OverflowError) as error:
        raise PackError(
            Reason.TYPE,
            f"record {index}: {error}; a base field holds for all records after it, so none can be read",
        ) from error
    if own.bver is not None and own.bver > VERSION:
        raise PackError(Reason.VERSION, f"bver is {own.bver}, the newest version known here is {VERSION}")
    return BaseFields(
        bn=base.bn if own.bn is None else own.bn,
        bt=base.bt if own.bt is None else own.bt,
        bu=base.bu if own.bu is None else own.bu,
        bv=base.bv if own.bv is None else own.bv,
        bs=base.bs if own.bs is None else own.bs,
    )


def _without_ours(fields: object) -> object:
    return {k: v for k, v in fields.items() if k not in _OURS} if isinstance(fields, dict) else fields


def _read_sequence(pack: Pack, fields: object, faults: dict[tuple[Reason, str], list[int]]) -> None:
    """Read log, seq and gap; when log and seq can't be read, the readings still stand, unacknowledged."""
    if not isinstance(fields, dict):
        return
    try:
        record = msgspec.convert({k: fields[k] for k in ("log", "seq") if k in fields}, Record)
    except (msgspec.ValidationError, OverflowError) as error:
        faults[Reason.TYPE, str(error)].append(0)
        return
    if (record.log is None) != (record.seq is None):
        faults[Reason.TYPE, "log and seq go together: one of them is missing"].append(0)
        return
    pack.log, pack.seq = record.log, record.seq
    try:
        gap = [] if fields.get("gap") is None else msgspec.convert(fields["gap"], Gap)
    except (msgspec.ValidationError, OverflowError) as error:
        faults[Reason.TYPE, f"gap: {error}"].append(0)
        return
    pack.gap = [(low, high) for low, high in gap if low <= high]
    if pack.gap != gap:
        faults[Reason.TYPE, "a gap is a closed range of seq, its lower end first"].append(0)
