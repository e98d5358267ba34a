"""The small parts of the kernel."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypuls import quality, topics
from bypuls.channels import of_channel
from bypuls.errors import PackError, SettingsError
from bypuls.quantities import QUANTITIES, Kind
from bypuls.quarantine import MEANING, Fault, Reason, merge
from bypuls.readings import ReadingBatch
from bypuls.sequences import closed_ranges, multirange
from bypuls.settings import DatabaseSettings, IngestSettings, load
from bypuls.topics import Leaf, Topic
from bypuls.units import UNITS, conversion


def batch(count: int) -> ReadingBatch:
    return ReadingBatch(
        np.arange(count, dtype=np.int32),
        np.arange(count) * 10,
        np.arange(count) / 2,
        np.zeros(count, np.int16),
    )


def test_a_topic_is_built_and_read_back() -> None:
    assert topics.topic("air-01", Leaf.UP) == "bypuls/v1/air-01/up"
    assert topics.parse("bypuls/v1/air-01/ack") == Topic("air-01", Leaf.ACK)


@pytest.mark.parametrize("name", ["", "Air", "air_1", "-air", "a" * 64, "a/b", "luft\u00e5", "+", "a\n"])
def test_a_node_name_outside_the_grammar_is_refused(name: str) -> None:
    assert not topics.is_node(name)
    with pytest.raises(PackError) as caught:
        topics.parse(f"bypuls/v1/{name}/up")
    assert caught.value.reason in (Reason.NODE, Reason.TOPIC)


@pytest.mark.parametrize(
    "text", ["", "bypuls/v2/a/up", "bypuls/v1/a", "bypuls/v1/a/up/x", "other/v1/a/up", "bypuls/v1/a/down"]
)
def test_a_topic_that_isnt_ours_is_refused(text: str) -> None:
    with pytest.raises(PackError) as caught:
        topics.parse(text)
    assert caught.value.reason is Reason.TOPIC


def test_every_quantity_has_a_known_unit_and_a_range_and_labels() -> None:
    for key, quantity in QUANTITIES.items():
        assert key == quantity.key
        assert quantity.unit in UNITS
        assert quantity.low < quantity.high
        assert quantity.nb
        assert quantity.en


def test_the_last_segment_of_a_channel_names_quantity_and_statistic() -> None:
    channel = of_channel("inlet/water_level.min")
    assert channel.quantity is QUANTITIES["water_level"]
    assert channel.statistic == "min"
    assert of_channel("urn:dev:wind_direction").quantity is QUANTITIES["wind_direction"]
    assert QUANTITIES["wind_direction"].kind is Kind.CIRCULAR
    assert of_channel("smell").quantity is None


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (300.0, "K", "Cel", 26.85),
        (212.0, "[degF]", "Cel", 100.0),
        (0.05, "mg/m3", "ug/m3", 50.0),
        (0.5, "/", "%", 50.0),
        (101_325.0, "Pa", "hPa", 1013.25),
        (36.0, "km/h", "m/s", 10.0),
        (math.pi, "rad", "deg", 180.0),
        (125.0, "cm", "m", 1.25),
        (90.0, "l/s", "m3/s", 0.09),
        (3.6e6, "J", "kWh", 1.0),
        (2.0, "dBW", "dBm", 32.0),
        (1013.0, "mbar", "hPa", 1013.0),
    ],
)
def test_units_convert_as_physics_says(value: float, source: str, target: str, expected: float) -> None:
    change = conversion(source, target)
    assert change is not None
    assert value * change.factor + change.offset == pytest.approx(expected, rel=1e-12)


def test_two_spellings_of_one_unit_leave_every_bit() -> None:
    for source, target in (("%RH", "%"), ("Cel", "Cel"), ("mbar", "hPa"), ("L/s", "l/s"), ("count", "1")):
        change = conversion(source, target)
        assert change is not None
        assert (change.factor, change.offset) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("source", "target"), [("Cel", "m"), ("furlong", "m"), ("m", "furlong"), ("dB", "dBm")]
)
def test_units_that_dont_fit_give_no_conversion(source: str, target: str) -> None:
    assert conversion(source, target) is None


def test_a_value_at_the_end_of_its_range_is_plausible_and_the_next_one_is_not() -> None:
    value = np.array([0.0, 100.0, np.nextafter(100, 101), -1e-9, 5000.0])
    low, high = np.array([0.0, 0, 0, 0, np.nan]), np.array([100.0, 100, 100, 100, np.nan])
    flags = quality.out_of_range(value, low, high)
    assert flags.dtype == np.int16
    assert flags.tolist() == [0, 0, 1, 1, 0]
    assert quality.explain(1) == ["out_of_range"]
    assert quality.explain(0) == []


def test_columns_of_different_length_are_no_batch() -> None:
    with pytest.raises(ValueError, match="one length"):
        ReadingBatch(np.zeros(2, np.int32), np.zeros(2, np.int64), np.zeros(3), np.zeros(2, np.int16))


def test_a_part_of_a_batch_is_taken_by_mask_or_position() -> None:
    whole = batch(5)
    assert whole.take(np.array([True, False, True, False, True])).stream.tolist() == [0, 2, 4]
    assert whole.take(np.array([3, 1])).value.tolist() == [1.5, 0.5]
    assert len(ReadingBatch.empty()) == 0


@given(st.lists(st.integers(0, 60)))
def test_ranges_hold_exactly_the_numbers_they_were_made_of(numbers: list[int]) -> None:
    ranges = closed_ranges(numbers)
    assert [n for low, high in ranges for n in range(low, high + 1)] == sorted(set(numbers))
    assert all(one[1] + 1 < other[0] for one, other in pairwise(ranges))


def test_a_multirange_is_written_as_postgresql_reads_it() -> None:
    assert multirange([(4, 7), (9, 9)]) == "{[4,7],[9,9]}"
    assert multirange([]) == "{}"


def test_every_reason_is_explained() -> None:
    assert set(MEANING) == set(Reason)


def test_faults_of_one_message_and_reason_become_one() -> None:
    faults = [
        (0, Fault(Reason.UNIT, "x", (1,))),
        (0, Fault(Reason.UNIT, "y", (3, 2))),
        (1, Fault(Reason.UNIT, "x", (0,))),
        (0, Fault(Reason.TIME, "z", (1,))),
    ]
    assert merge(faults) == [
        (0, Fault(Reason.UNIT, "x; y", (1, 2, 3))),
        (1, Fault(Reason.UNIT, "x", (0,))),
        (0, Fault(Reason.TIME, "z", (1,))),
    ]


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BYPULS_DATABASE_URL", raising=False)
    with pytest.raises(SettingsError, match="BYPULS_DATABASE_URL: Field required"):
        load(DatabaseSettings)


@pytest.mark.parametrize(
    "url", ["postgres:/u:secret17@db/x", "postgresq://u:secret17@db/x", "postgresql://u:secret17%zz@db/x"]
)
def test_a_malformed_database_url_is_refused_without_showing_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("BYPULS_DATABASE_URL", url)
    with pytest.raises(SettingsError, match=r"BYPULS_DATABASE_URL: .*not a PostgreSQL URL") as caught:
        load(DatabaseSettings)
    assert "secret17" not in str(caught.value)


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYPULS_INGEST_QUEUE_BYTES", "secret17")
    with pytest.raises(SettingsError, match="BYPULS_INGEST_QUEUE_BYTES") as caught:
        load(IngestSettings)
    assert "secret17" not in str(caught.value)
