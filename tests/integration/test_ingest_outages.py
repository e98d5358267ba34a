"""Ingest through outages of the database: what waited is checked again, in order."""

import psycopg

from bypuls.quality import Flag
from testbed import Device, Ingest, Mosquitto
from testbed.packs import NOW, count, locked_readings, pack


def end_waiting_commit(connection: psycopg.Connection[tuple[object, ...]], ingest: Ingest) -> None:
    """Wait until a commit of ingest waits for a lock, and end its connection."""
    waiting = (
        b"FROM pg_stat_activity WHERE datname = current_database()"
        b" AND usename = 'bypuls_ingest' AND wait_event_type = 'Lock'"
    )
    ingest.wait_for(lambda: connection.execute(b"SELECT " + waiting).rowcount == 1, "wait for a lock")
    connection.execute(b"SELECT pg_terminate_backend(pid) " + waiting)


def test_after_an_outage_the_numbers_of_the_registry_are_learnt_anew(
    database_url: str, mosquitto: Mosquitto
) -> None:
    with Ingest(database_url, mosquitto.port) as ingest, Device(mosquitto.port) as device:
        device.send("bypuls/v1/first-1/up", pack(1))
        ingest.wait_for(lambda: device.acknowledged("first-1", "a") == {1}, "acknowledge")
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("TRUNCATE reading, pack_log, stream, node RESTART IDENTITY CASCADE")
            connection.execute("INSERT INTO node (node) VALUES ('other-1')")
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s"
            connection.execute(end, ["bypuls-ingest-test%"])
        device.send("bypuls/v1/first-1/up", pack(2))
        ingest.wait_for(lambda: device.acknowledged("first-1", "a") == {1, 2}, "acknowledge")
        assert (
            count(database_url, "reading NATURAL JOIN stream NATURAL JOIN node WHERE node = 'first-1'") == 1
        )


def test_a_batch_checked_again_after_an_outage_keeps_its_flags(
    database_url: str, mosquitto: Mosquitto
) -> None:
    def heat(seq: int, value: float) -> list[dict[str, object]]:
        return [{"log": "a", "seq": seq, "bt": NOW + seq, "n": "air_temperature", "v": value}]

    with Ingest(database_url, mosquitto.port) as ingest, Device(mosquitto.port) as device:
        device.send("bypuls/v1/warm-1/up", heat(1, 10.0))
        ingest.wait_for(lambda: device.acknowledged("warm-1", "a") == {1}, "acknowledge")
        with psycopg.connect(database_url, autocommit=True) as connection:
            with locked_readings(database_url):
                device.send("bypuls/v1/warm-1/up", heat(2, 40.0))
                end_waiting_commit(connection, ingest)
            ingest.wait_for(lambda: device.acknowledged("warm-1", "a") == {1, 2}, "acknowledge")
            flags = connection.execute("SELECT flags FROM reading ORDER BY time").fetchall()
    assert flags == [(0,), (int(Flag.STEP),)]


def test_a_backlog_of_batches_is_checked_again_in_the_order_of_its_arrival(
    database_url: str, mosquitto: Mosquitto
) -> None:
    def flags_of(node: str) -> list[int]:
        rows = connection.execute(
            "SELECT flags FROM reading JOIN stream USING (stream_id) JOIN node USING (node_id)"
            " WHERE node = %s ORDER BY time",
            [node],
        )
        return [flags for (flags,) in rows]

    def send(node: str) -> None:
        for seq in range(40):
            value = 10.0 if seq % 2 else 30.0
            pack = [{"log": "a", "seq": seq, "bt": NOW - 60 * (40 - seq), "n": "air_temperature", "v": value}]
            device.send(f"bypuls/v1/{node}/up", pack)

    everything = set(range(40))
    # A message a batch: several are checked while one waits for the database.
    with (
        Ingest(database_url, mosquitto.port, INGEST_BATCH_BYTES="1") as ingest,
        Device(mosquitto.port) as device,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        send("calm-1")
        ingest.wait_for(lambda: device.acknowledged("calm-1", "a") == everything, "acknowledge")
        with locked_readings(database_url):
            send("torn-1")
            for _ in range(2):
                end_waiting_commit(connection, ingest)
        ingest.wait_for(lambda: device.acknowledged("torn-1", "a") == everything, "acknowledge")
        assert flags_of("torn-1") == flags_of("calm-1")
        assert any(flags_of("calm-1"))


def test_a_database_that_does_not_answer_is_told_while_the_commit_waits(
    database_url: str, mosquitto: Mosquitto
) -> None:
    with Ingest(database_url, mosquitto.port) as ingest, Device(mosquitto.port) as device:
        with locked_readings(database_url):
            device.send("bypuls/v1/wait-1/up", pack(1))
            ingest.wait_for(
                lambda: ingest.metric("connected", neighbour="database") == 0, "miss the database", timeout=20
            )
            assert "database does not answer" in ingest.log.read_text()
        ingest.wait_for(lambda: ingest.metric("connected", neighbour="database") == 1, "hear from it")
        ingest.wait_for(lambda: "database answered" in ingest.log.read_text(), "tell it")
        assert count(database_url) == 1
