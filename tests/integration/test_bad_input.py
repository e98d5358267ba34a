"""Bad input through a real broker, ingest and database: it ends in exactly one place and stops nothing."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import cbor2
import psycopg
import pytest

from bypuls.quarantine import Reason
from bypuls.senml import MAX_PAYLOAD
from testbed import Databases, Device, Ingest, Mosquitto

NOW = float(int(time.time()))
_numbers = count(1)


@dataclass
class Place:
    """The running parts, and a node name that no other test uses."""

    ingest: Ingest
    device: Device
    database: psycopg.Connection
    node: str

    @property
    def up(self) -> str:
        return f"bypuls/v1/{self.node}/up"

    def send(self, payload: bytes | list[dict[str, object]], topic: str | None = None) -> None:
        """Send a message, and after it a good one, and wait until that one is stored: so both are through."""
        self.device.send(topic or self.up, payload)
        marker = f"marker-{next(_numbers)}"
        self.device.send(f"bypuls/v1/{marker}/up", [{"n": "no2", "bt": NOW, "v": 1, "log": "m", "seq": 1}])
        self.ingest.wait_for(
            lambda: self.device.acknowledged(marker, "m") == {1}, "take a good message after a bad one"
        )

    def readings(self) -> list[tuple[str, float, int]]:
        query = """SELECT channel, value, flags FROM reading NATURAL JOIN stream NATURAL JOIN node
                   WHERE node = %s ORDER BY channel, time"""
        return [(str(c), float(v), int(f)) for c, v, f in self.database.execute(query, [self.node])]

    def quarantined(self, topic: str | None = None) -> list[tuple[str, list[int] | None, int]]:
        query = "SELECT reason, records, times FROM quarantine WHERE topic = %s ORDER BY reason"
        return [(str(r), w, int(n)) for r, w, n in self.database.execute(query, [topic or self.up])]

    def detail(self) -> str:
        row = self.database.execute("SELECT detail FROM quarantine WHERE topic = %s", [self.up]).fetchone()
        return str(row[0]) if row else ""


@pytest.fixture(scope="module")
def running(
    databases: Databases, mosquitto: Mosquitto
) -> Iterator[tuple[Ingest, Device, psycopg.Connection]]:
    with (
        databases.migrated() as url,
        Ingest(url, mosquitto.port, INGEST_MAX_CHANNELS="20") as ingest,
        Device(mosquitto.port) as device,
        psycopg.connect(url, autocommit=True) as database,
    ):
        yield ingest, device, database


@pytest.fixture
def place(running: tuple[Ingest, Device, psycopg.Connection]) -> Place:
    return Place(*running, node=f"bad-{next(_numbers)}")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"[]", Reason.EMPTY),
        (b"x" * (MAX_PAYLOAD + 1), Reason.TOO_LARGE),
        (b'[{"n":"no2","v":', Reason.MALFORMED),
        (b"\x82\xa1\x00", Reason.MALFORMED),
        (b'[{"n":"no2","v":NaN}]', Reason.MALFORMED),
        (b'[{"n":"no2\xc3\x28","v":1}]', Reason.MALFORMED),
        (b'{"n":"no2","v":1}', Reason.TYPE),
        (b'[{"bt":"now","n":"no2","v":1}]', Reason.TYPE),
        (b'[{"n":"no2","v":1,"x_":1}]', Reason.UNKNOWN_FIELD),
        (b'[{"bver":99,"n":"no2","v":1}]', Reason.VERSION),
    ],
    ids=lambda value: value.name if isinstance(value, Reason) else "",
)
def test_an_unreadable_message_goes_to_quarantine_whole(place: Place, payload: bytes, reason: Reason) -> None:
    before = place.ingest.metric("quarantined", reason=reason.value)
    place.send(payload)
    assert place.quarantined() == [(reason, None, 1)]
    assert place.readings() == []
    assert place.ingest.metric("quarantined", reason=reason.value) == before + 1
    row = place.database.execute(
        "SELECT payload, payload_size FROM quarantine WHERE topic = %s", [place.up]
    ).fetchone()
    assert row == (payload[:MAX_PAYLOAD], len(payload))


@pytest.mark.parametrize(
    ("record", "reason", "told"),
    [
        ({"n": "no2", "v": "12"}, Reason.TYPE, "Expected `float"),
        ({"n": "no2"}, Reason.NO_VALUE, "neither v"),
        ({"n": "no2", "vs": "much"}, Reason.NOT_A_NUMBER, "vs and vd"),
        ({"n": "no2", "u": "furlong", "v": 1}, Reason.UNIT, "'furlong' is unknown; 'no2' is kept in 'ug/m3'"),
        ({"n": "no2", "u": "m", "v": 1}, Reason.UNIT, "'m' (length) can't be converted"),
        ({"n": "no2", "u": "x" * 40, "v": 1}, Reason.UNIT, "at most 32"),
        ({"n": "no2", "v": 1, "t": 3600}, Reason.TIME, "ahead of receipt, the limit is 300 s"),
        ({"n": "no2", "v": 1, "t": -NOW + 2**28 + 10}, Reason.TIME, "before 2000"),
        ({"n": "no2", "v": 1, "t": 1e300}, Reason.TIME, "ahead of receipt"),
        ({"n": "", "v": 1}, Reason.NAME, "no name"),
        ({"n": "no 2", "v": 1}, Reason.NAME, "must begin with a letter or digit"),
        ({"n": "a\x00b", "v": 1}, Reason.NAME, "must begin with a letter or digit"),
        ({"n": "n" * 129, "v": 1}, Reason.NAME, "129 characters, the limit is 128"),
    ],
    ids=lambda value: value.name if isinstance(value, Reason) else "",
)
def test_of_a_pack_with_one_bad_record_only_that_goes_to_quarantine(
    place: Place, record: dict[str, object], reason: Reason, told: str
) -> None:
    place.send(
        [{"bt": NOW, "n": "pm10", "v": 3, "log": "a", "seq": 1}, record, {"n": "pm10", "t": -1, "v": 2}]
    )
    assert place.readings() == [("pm10", 2.0, 0), ("pm10", 3.0, 0)]
    assert place.quarantined() == [(reason, [1], 1)]
    assert told in place.detail()
    assert place.device.acknowledged(place.node, "a") == {1}


def test_nan_and_infinity_in_cbor_go_to_quarantine(place: Place) -> None:
    values = [float("nan"), float("inf"), 1.0, float("-inf")]
    place.send(cbor2.dumps([{0: "no2", 2: value, 6: NOW - at} for at, value in enumerate(values)]))
    assert place.readings() == [("no2", 1.0, 0)]
    assert place.quarantined() == [(Reason.NOT_FINITE, [0, 1, 3], 1)]


def test_an_unknown_field_is_ignored(place: Place) -> None:
    place.send([{"n": "no2", "v": 1, "bt": NOW, "colour": "red"}])
    assert (place.readings(), place.quarantined()) == ([("no2", 1.0, 0)], [])


def test_a_value_outside_the_plausible_range_is_stored_and_flagged(place: Place) -> None:
    place.send(
        [{"bt": NOW, "n": "relative_humidity", "v": 100}, {"n": "relative_humidity", "v": 100.5, "t": 1}]
    )
    assert place.readings() == [("relative_humidity", 100.0, 0), ("relative_humidity", 100.5, 1)]
    assert place.quarantined() == []


def test_a_reading_in_another_known_unit_is_converted(place: Place) -> None:
    place.send(
        [
            {"bt": NOW, "bu": "K", "n": "air_temperature", "v": 273.15},
            {"n": "air_pressure", "u": "Pa", "v": 101325},
        ]
    )
    assert place.readings() == [("air_pressure", 1013.25, 0), ("air_temperature", 0.0, 0)]


def test_a_spread_in_another_unit_is_scaled_and_not_shifted(place: Place) -> None:
    place.send(
        [
            {"bt": NOW, "bu": "K", "n": "air_temperature.std", "v": 0.5},
            {"n": "air_temperature.var", "v": 0.25},
        ]
    )
    assert place.readings() == [("air_temperature.std", 0.5, 0)]
    assert place.quarantined() == [(Reason.UNIT, [1], 1)]


def test_a_channel_of_unknown_quantity_is_stored_without_one(place: Place) -> None:
    place.send([{"bt": NOW, "n": "lab/smell", "u": "ou/m3", "v": 4}])
    assert place.readings() == [("lab/smell", 4.0, 0)]
    query = "SELECT quantity, unit FROM stream JOIN node USING (node_id) WHERE node = %s"
    assert place.database.execute(query, [place.node]).fetchone() == (None, "ou/m3")


def test_the_same_instant_again_is_a_repeat_with_the_same_value_and_a_conflict_with_another(
    place: Place,
) -> None:
    repeats, conflicts = place.ingest.metric("repeats"), place.ingest.metric("conflicts")
    place.send([{"bt": NOW, "n": "no2", "v": 5}])
    place.send([{"bt": NOW, "n": "no2", "v": 5}])
    assert place.quarantined() == []
    place.send([{"bt": NOW, "n": "pm10", "v": 1}, {"n": "no2", "v": 6}])
    assert place.readings() == [("no2", 5.0, 0), ("pm10", 1.0, 0)]
    assert place.quarantined() == [(Reason.CONFLICT, [1], 1)]
    assert "has the value 5.0 at" in place.detail()
    assert place.ingest.metric("repeats") == repeats + 1
    assert place.ingest.metric("conflicts") == conflicts + 1


def test_of_two_values_for_one_instant_in_one_pack_the_first_is_stored(place: Place) -> None:
    place.send([{"bt": NOW, "n": "no2", "v": 5}, {"n": "no2", "v": 6}, {"n": "no2", "v": 5}])
    assert place.readings() == [("no2", 5.0, 0)]
    assert place.quarantined() == [(Reason.CONFLICT, [1], 1)]


def test_a_seq_used_again_with_other_content_loses_nothing(place: Place) -> None:
    place.send([{"bt": NOW, "n": "no2", "v": 5, "log": "a", "seq": 1}])
    place.send([{"bt": NOW - 60, "n": "no2", "v": 7, "log": "a", "seq": 1}, {"n": "no2", "t": 60, "v": 6}])
    assert place.readings() == [("no2", 7.0, 0), ("no2", 5.0, 0)]
    assert place.quarantined() == [(Reason.CONFLICT, [1], 1)]
    assert place.device.acknowledged(place.node, "a") == {1}


def test_the_same_bad_message_again_only_counts_up(place: Place) -> None:
    for _ in range(3):
        place.send(b"rubbish")
    assert place.quarantined() == [(Reason.MALFORMED, None, 3)]


def test_the_same_bytes_with_relative_times_are_another_message_each_time(place: Place) -> None:
    for _ in range(2):
        place.send([{"n": "no2", "u": "furlong", "v": 1}])
    assert place.quarantined() == [(Reason.UNIT, [0], 1), (Reason.UNIT, [0], 1)]


def test_a_pack_with_relative_times_sent_again_is_known_by_its_seq(place: Place) -> None:
    first = [{"n": "no2", "t": -5, "v": 1, "log": "a", "seq": 1}, {"n": "no2", "u": "furlong", "v": 2}]
    repeats = place.ingest.metric("repeats")
    for _ in range(2):
        place.send(first)
    assert place.readings() == [("no2", 1.0, 0)]
    assert place.quarantined() == [(Reason.UNIT, [1], 1)]
    assert place.ingest.metric("repeats") == repeats + 1
    place.send([{"n": "no2", "v": 3, "log": "a", "seq": 2}])
    assert place.readings() == [("no2", 1.0, 0), ("no2", 3.0, 0)]


def test_more_channels_than_a_node_may_have_go_to_quarantine(place: Place) -> None:
    place.send([{"bt": NOW, "n": f"c{number:02}", "v": number} for number in range(25)])
    assert len(place.readings()) == 20
    assert place.quarantined() == [(Reason.TOO_MANY_CHANNELS, [20, 21, 22, 23, 24], 1)]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("bypuls/v2/{}/up", Reason.TOPIC),
        ("bypuls/v1/{}/up/extra", Reason.TOPIC),
        ("bypuls/v1/{}_/up", Reason.NODE),
        ("bypuls/v1/UPPER-{}/up", Reason.NODE),
    ],
)
def test_a_topic_that_isnt_ours_goes_to_quarantine(place: Place, pattern: str, reason: Reason) -> None:
    topic = pattern.format(place.node)
    place.send([{"n": "no2", "v": 1}], topic)
    assert place.quarantined(topic) == [(reason, None, 1)]


def test_a_status_is_kept_with_its_node_and_a_bad_one_goes_to_quarantine(place: Place) -> None:
    status = f"bypuls/v1/{place.node}/status"
    place.send(b'{"state":"online","version":"1.0"}', status)
    query = "SELECT state FROM node WHERE node = %s"
    assert place.database.execute(query, [place.node]).fetchone() == ("online",)
    place.send(b'{"state":"asleep"}', status)
    assert place.quarantined(status) == [(Reason.TYPE, None, 1)]
    assert place.database.execute(query, [place.node]).fetchone() == ("online",)


def test_a_message_that_the_database_refuses_ends_alone_in_quarantine(place: Place) -> None:
    place.database.execute("ALTER TABLE reading ADD CONSTRAINT superstition CHECK (value <> -666)")
    try:
        for number in range(20):
            value = -666.0 if number == 13 else float(number)
            place.device.send(
                place.up, [{"bt": NOW - number, "n": "no2", "v": value, "log": "a", "seq": number}]
            )
        place.ingest.wait_for(
            lambda: len(place.device.acknowledged(place.node, "a")) == 20, "get past the culprit"
        )
    finally:
        place.database.execute("ALTER TABLE reading DROP CONSTRAINT superstition")
    assert sorted(value for _, value, _ in place.readings()) == [float(n) for n in range(20) if n != 13]
    assert place.quarantined() == [(Reason.REFUSED, None, 1)]
    assert "superstition" in place.detail()


def request_replay(place: Place) -> Callable[[], str | None]:
    place.database.execute("UPDATE quarantine SET replay_requested_at = now() WHERE topic = %s", [place.up])

    def outcome() -> str | None:
        row = place.database.execute(
            "SELECT replay_outcome FROM quarantine WHERE topic = %s", [place.up]
        ).fetchone()
        return None if row is None else row[0]

    return outcome


def test_a_replayed_message_is_stored_once_its_fault_is_gone(place: Place) -> None:
    place.database.execute("ALTER TABLE reading ADD CONSTRAINT superstition CHECK (value <> -666)")
    try:
        place.send([{"n": "no2", "v": -666}])
    finally:
        place.database.execute("ALTER TABLE reading DROP CONSTRAINT superstition")
    outcome = request_replay(place)
    place.ingest.wait_for(lambda: outcome() == "resolved", "replay")
    assert place.readings() == [("no2", -666.0, 1)]
    query = """SELECT time = received_at FROM quarantine, reading NATURAL JOIN stream NATURAL JOIN node
               WHERE node = %s AND topic = %s"""
    assert place.database.execute(query, [place.node, place.up]).fetchone() == (True,), (
        "relative times count from receipt"
    )


def test_a_replay_that_the_database_refuses_again_stops_nothing(place: Place) -> None:
    place.database.execute("ALTER TABLE reading ADD CONSTRAINT superstition CHECK (value <> -667)")
    try:
        place.send([{"n": "no2", "v": -667}])
        outcome = request_replay(place)
        place.ingest.wait_for(lambda: "superstition" in (outcome() or ""), "settle the replay")
        place.send([{"n": "pm10", "bt": NOW, "v": 1}])
        assert place.readings() == [("pm10", 1.0, 0)]
    finally:
        place.database.execute("ALTER TABLE reading DROP CONSTRAINT superstition")


def test_a_replay_that_ends_in_another_fault_is_not_called_resolved(place: Place) -> None:
    place.send([{"bt": NOW, "n": "no2", "v": 5}])
    place.send([{"bt": NOW, "n": "no2", "v": 6}])
    outcome = request_replay(place)
    place.ingest.wait_for(lambda: outcome() is not None, "replay")
    assert (outcome() or "").startswith("conflict: ")
    assert place.quarantined() == [(Reason.CONFLICT, [0], 1)]


def test_a_node_deleted_underneath_is_enrolled_again(place: Place) -> None:
    place.send([{"bt": NOW, "n": "no2", "v": 1, "log": "a", "seq": 1}])
    for table in (
        "reading USING stream NATURAL JOIN node n WHERE reading.stream_id = stream.stream_id AND",
        "stream USING node n WHERE stream.node_id = n.node_id AND",
        "node n WHERE",
    ):
        place.database.execute(f"DELETE FROM {table} n.node = %s".encode(), [place.node])  # noqa: S608
    place.send([{"bt": NOW, "n": "no2", "v": 2, "log": "a", "seq": 2}])
    assert place.readings() == [("no2", 2.0, 0)]
    assert place.device.acknowledged(place.node, "a") == {1, 2}


def test_a_replayed_message_that_is_still_bad_says_so_and_is_not_doubled(place: Place) -> None:
    place.send([{"n": "no2", "u": "furlong", "v": 1}])
    outcome = request_replay(place)
    place.ingest.wait_for(lambda: outcome() is not None, "replay")
    assert "unit: unit 'furlong' is unknown" in (outcome() or "")
    assert place.quarantined() == [(Reason.UNIT, [0], 1)]
