"""Packs: the RFC's own examples, the quick way against the careful way, and everything that can be wrong."""

import json
from contextlib import suppress
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bypuls.errors import PackError
from bypuls.quarantine import Reason
from bypuls.senml import MAX_PAYLOAD, Pack, Record, decode, encode_cbor, encode_json
from bypuls.senml.resolution import resolve

Reading = tuple[str, str, float, float]


def readings(pack: Pack) -> list[Reading]:
    """Resolve a pack's columns, the obvious way."""
    return [
        (pack.base_name + name, unit or pack.base_unit, pack.base_time + time, pack.base_value + value)
        for name, unit, time, value in zip(pack.names, pack.units, pack.times, pack.values, strict=True)
    ]


def reasons(pack: Pack) -> list[tuple[Reason, tuple[int, ...] | None]]:
    return [(fault.reason, fault.records) for fault in pack.faults]


def refusal(payload: bytes) -> PackError:
    with pytest.raises(PackError) as caught:
        decode(payload)
    return caught.value


def test_the_multiple_datapoints_example_of_the_rfc_is_resolved_as_the_rfc_says() -> None:
    # RFC 8428, section 5.1.2 and its resolved form in 5.1.4.
    pack = decode(b"""[
        {"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,
         "n":"voltage","u":"V","v":120.1},
        {"n":"current","t":-5,"v":1.2},
        {"n":"current","t":-4,"v":1.3}]""")
    base = "urn:dev:ow:10e2073a0108006:"
    assert readings(pack) == [
        (base + "voltage", "V", 1.276020076001e9, 120.1),
        (base + "current", "A", 1.276020071001e9, 1.2),
        (base + "current", "A", 1.276020072001e9, 1.3),
    ]


def test_base_fields_hold_until_they_are_set_again() -> None:
    pack = decode(
        b'[{"bn":"a/","bt":1e9,"bu":"Cel","n":"x","v":1},{"bn":"b/","n":"x","v":2},{"bu":"K","n":"x","v":3}]'
    )
    assert readings(pack) == [("a/x", "Cel", 1e9, 1.0), ("b/x", "Cel", 1e9, 2.0), ("b/x", "K", 1e9, 3.0)]


def test_a_base_value_is_added_and_stands_for_a_missing_value() -> None:
    pack = decode(b'[{"bv":20,"n":"a","v":1.5},{"n":"b"},{"n":"c","vb":true}]')
    assert [reading[3] for reading in readings(pack)] == [21.5, 20.0, 1.0]


def test_a_boolean_becomes_zero_or_one() -> None:
    assert [
        r[3] for r in readings(decode(b'[{"n":"lamp_state","vb":true},{"n":"lamp_state","vb":false,"t":1}]'))
    ] == [1, 0]


def test_a_sum_becomes_a_stream_of_its_own() -> None:
    pack = decode(b'[{"bs":100,"n":"power","u":"W","v":5,"s":20},{"n":"energy","u":"J","s":3}]')
    assert readings(pack) == [
        ("power", "W", 0, 5),
        ("power.sum", "W.s", 0, 120),
        ("energy.sum", "J.s", 0, 103),
    ]
    assert pack.records == [0, 0, 1]


def test_log_seq_and_gap_are_read_from_the_first_record() -> None:
    pack = decode(b'[{"log":"b3f9","seq":4711,"gap":[[1,3],[7,7]],"n":"no2","v":1},{"n":"no2","t":1,"v":2}]')
    assert (pack.log, pack.seq, pack.gap) == ("b3f9", 4711, [(1, 3), (7, 7)])


def test_a_pack_may_hold_nothing_but_its_log_and_seq() -> None:
    pack = decode(b'[{"log":"a","seq":0,"gap":[[1,5]]}]')
    assert (readings(pack), pack.faults, pack.seq) == ([], [], 0)


def test_unknown_fields_are_ignored() -> None:
    assert readings(decode(b'[{"n":"no2","v":1,"colour":"red"}]')) == [("no2", "", 0.0, 1.0)]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"[]", Reason.EMPTY),
        (b"\x80", Reason.EMPTY),
        (b" " * (MAX_PAYLOAD + 1), Reason.TOO_LARGE),
        (b"no json", Reason.MALFORMED),
        (b'[{"n":"no2","v":1}', Reason.MALFORMED),
        (b'[{"n":"no2","v":NaN}]', Reason.MALFORMED),
        (b'[{"n":"no2","v":Infinity}]', Reason.MALFORMED),
        (b'[{"n":"no2","v":1e999}]', Reason.MALFORMED),
        (b'[{"n":"no2\xff","v":1}]', Reason.MALFORMED),
        (b"[" * 100_000, Reason.MALFORMED),
        (b"\x81" * 100_000, Reason.MALFORMED),
        (b"\x82\xa1", Reason.MALFORMED),
        (b'{"n":"no2","v":1}', Reason.TYPE),
        (b'"no2"', Reason.TYPE),
        (b'[{"bt":"today","n":"no2","v":1}]', Reason.TYPE),
        (b'[{"n":"no2","v":1,"must_":2}]', Reason.UNKNOWN_FIELD),
        (b'[{"bver":11,"n":"no2","v":1}]', Reason.VERSION),
    ],
    ids=lambda value: value.name if isinstance(value, Reason) else repr(value[:24]),
)
def test_a_message_of_which_nothing_can_be_used_is_refused_with_a_reason(
    payload: bytes, reason: Reason
) -> None:
    error = refusal(payload)
    assert error.reason is reason
    assert error.detail


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"n": "no2", "v": "1"}, Reason.TYPE),
        ({"n": 5, "v": 1}, Reason.TYPE),
        ({"n": "no2", "v": [1]}, Reason.TYPE),
        ({"n": "no2", "vb": 1}, Reason.TYPE),
        ({"n": "no2", "v": 1, "t": "now"}, Reason.TYPE),
        (17, Reason.TYPE),
        (None, Reason.TYPE),
        ({"n": "no2"}, Reason.NO_VALUE),
        ({}, Reason.NO_VALUE),
        ({"n": "sky", "vs": "blue"}, Reason.NOT_A_NUMBER),
        ({"n": "sky", "vd": "aGk"}, Reason.NOT_A_NUMBER),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "write", [lambda records: json.dumps(records).encode(), cbor2.dumps], ids=["json", "cbor"]
)
def test_one_bad_record_is_named_and_the_good_ones_stand(record: Any, reason: Reason, write: Any) -> None:
    pack = decode(write([{"n": "pm10", "v": 1}, record, {"n": "pm10", "t": 1, "v": 2}]))
    assert readings(pack) == [("pm10", "", 0.0, 1.0), ("pm10", "", 1.0, 2.0)]
    assert reasons(pack) == [(reason, (1,))]
    assert pack.records == [0, 2]


@pytest.mark.parametrize(
    "first",
    [{"log": "a"}, {"seq": 1}, {"log": "a", "seq": -1}, {"log": "a", "seq": 1.5}, {"log": "", "seq": 1}],
    ids=str,
)
def test_a_seq_that_cant_be_read_is_named_and_the_readings_stand(first: dict[str, Any]) -> None:
    pack = decode(json.dumps([first | {"n": "no2", "v": 1}]).encode())
    assert (pack.log, pack.seq, len(pack.values)) == (None, None, 1)
    assert reasons(pack) == [(Reason.TYPE, (0,))]


def test_a_pack_refused_as_a_whole_still_tells_its_seq_so_that_it_can_be_acknowledged() -> None:
    error = refusal(b'[{"log":"a","seq":9,"n":"no2","v":1,"must_":2}]')
    assert (error.log, error.seq) == ("a", 9)


def test_cbor_labels_are_those_of_the_rfc() -> None:
    record = {-2: "dev/", -3: 1e9, -4: "Cel", 0: "air_temperature", 2: 21.5, 6: 2}
    assert readings(decode(cbor2.dumps([record]))) == [("dev/air_temperature", "Cel", 1e9 + 2, 21.5)]


def test_a_label_spelled_with_escapes_counts_like_the_plain_one() -> None:
    plain = decode(b'[{"n":"a","v":1},{"bv":100,"n":"b","v":1}]')
    escaped = decode(b'[{"n":"a","v":1},{"\\u0062v":100,"n":"b","v":1}]')
    assert readings(plain) == readings(escaped) == [("a", "", 0, 1), ("b", "", 0, 101)]


def test_bytes_after_a_cbor_pack_are_not_dropped_in_silence() -> None:
    assert refusal(cbor2.dumps([{0: "a", 2: 1}]) + b"\xff\xff").reason is Reason.MALFORMED


def test_a_version_beyond_all_bounds_is_refused_and_its_pack_acknowledged() -> None:
    error = refusal(cbor2.dumps([{-1: 10**5000, "log": "a", "seq": 3, 0: "a", 2: 1}]))
    assert (error.reason, error.log, error.seq) == (Reason.TYPE, "a", 3)


def test_a_gap_with_its_ends_reversed_is_named() -> None:
    pack = decode(b'[{"log":"a","seq":9,"gap":[[5,1],[6,7]],"n":"no2","v":1}]')
    assert (pack.gap, reasons(pack)) == ([(6, 7)], [(Reason.TYPE, (0,))])


def test_infinities_in_cbor_reach_the_checks_as_values() -> None:
    assert readings(decode(cbor2.dumps([{0: "no2", 2: float("inf")}])))[0][3] == float("inf")


names = st.text("abcbnbtbubv/_.", min_size=1, max_size=8)
numbers = st.floats(-1e6, 1e6)
record_fields = st.fixed_dictionaries(
    {"n": names},
    optional={
        "v": numbers,
        "u": st.sampled_from(["", "Cel", "bn"]),
        "t": numbers,
        "bn": names,
        "bt": numbers,
        "bu": st.just("K"),
        "bv": numbers,
        "vb": st.booleans(),
        "s": numbers,
    },
)


@given(st.lists(record_fields, min_size=1, max_size=6), st.booleans())
@settings(max_examples=500)
def test_the_quick_way_gives_what_the_careful_way_gives(
    records: list[dict[str, Any]], numbered: bool
) -> None:
    if numbered:
        records[0] |= {"log": "b", "seq": 1}
    careful = resolve(records)
    for payload in (json.dumps(records).encode(), cbor2.dumps(records)):
        quick = decode(payload)
        assert readings(quick) == readings(careful)
        assert (quick.log, quick.seq, reasons(quick)) == (careful.log, careful.seq, reasons(careful))


@given(st.lists(st.tuples(names, numbers, numbers), min_size=1, max_size=20))
@settings(max_examples=200)
def test_what_is_encoded_is_decoded_to_the_last_bit(rows: list[tuple[str, float, float]]) -> None:
    records = [Record(n=name, t=time, v=value) for name, time, value in rows]
    records[0].log, records[0].seq = "a1", 7
    for payload in (encode_json(records), encode_cbor(records)):
        pack = decode(payload)
        assert list(zip(pack.names, pack.times, pack.values, strict=True)) == rows
        assert (pack.log, pack.seq) == ("a1", 7)


@given(st.binary(max_size=200))
@settings(max_examples=500)
def test_no_bytes_whatever_raise_anything_but_a_pack_error(payload: bytes) -> None:
    for prefix in (b"", b"[", b"\x81", b'[{"n":"'):
        with suppress(PackError):
            decode(prefix + payload)


def test_a_gap_in_too_many_pieces_is_named_and_the_pack_is_acknowledged_all_the_same() -> None:
    pieces = [[2 * number, 2 * number] for number in range(1_001)]
    records = [{"n": "no2", "v": 1.0, "log": "a", "seq": 5_000, "gap": pieces}]
    pack = decode(json.dumps(records).encode())
    assert (pack.log, pack.seq, pack.gap, pack.values) == ("a", 5_000, [], [1.0])
    assert [(fault.reason, fault.records) for fault in pack.faults] == [(Reason.TYPE, (0,))]
    assert "length <= 1000" in pack.faults[0].detail
    records[0]["gap"] = pieces[:1_000]
    assert len(decode(json.dumps(records).encode()).gap) == 1_000
