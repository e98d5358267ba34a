"""What the MicroPython agent makes of samples, run by a real MicroPython, equals the vectors and the core."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from bypuls import senml
from bypuls.numeric.statistics import statistics
from bypuls.numeric.summary import summarise
from bypuls.quantities import QUANTITIES, Kind
from bypuls.units import UNITS, conversion
from testbed import Ingest, Mosquitto
from testbed.device import Device
from testbed.micropython import DEVICE_TESTS, run_micropython

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "edge"
NAMES = sorted(path.name for path in VECTORS.glob("*.json"))


@pytest.fixture(scope="module")
def packs() -> dict[str, bytes]:
    """The pack that the device makes of each vector."""
    lines = run_micropython(DEVICE_TESTS / "vectors.py", str(VECTORS)).splitlines()
    return {name: text.encode() for name, text in (line.split(" ", 1) for line in lines)}


def resolved(payload: bytes) -> dict[tuple[str, int], tuple[str, float]]:
    """Return unit and value by name and time (us) of a pack."""
    pack = senml.decode(payload)
    assert pack.faults == []
    found = {}
    for name, unit, time, value in zip(pack.names, pack.units, pack.times, pack.values, strict=True):
        key = (pack.base_name + name, round((pack.base_time + time) * 1e6))
        assert key not in found
        found[key] = (unit or pack.base_unit, value)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_pack_of_a_vector_is_the_one_it_names(name: str, packs: dict[str, bytes]) -> None:
    vector: dict[str, Any] = json.loads((VECTORS / name).read_text())
    expected, made = resolved(json.dumps(vector["pack"]).encode()), resolved(packs[name])
    assert made.keys() == expected.keys()
    for key, (unit, value) in expected.items():
        assert made[key][0] == unit, key
        assert made[key][1] == pytest.approx(value, rel=1e-6, abs=1e-9), key


def test_the_database_holds_the_readings_that_the_vectors_name(
    packs: dict[str, bytes], mosquitto: Mosquitto, database_url: str
) -> None:
    vectors = {name: json.loads((VECTORS / name).read_text()) for name in NAMES}
    expected = {
        (vector["node"], channel, time): value
        for vector in vectors.values()
        for channel, time, value in vector["readings"]
    }
    query = """
        SELECT n.node, s.channel, (extract(epoch FROM r.time) * 1000000)::bigint, r.value
        FROM reading r JOIN stream s USING (stream_id) JOIN node n USING (node_id)
        WHERE n.node LIKE 'vector-%'
    """
    with Ingest(database_url, mosquitto.port) as ingest, Device(mosquitto.port) as device:
        for name, vector in vectors.items():
            device.send(f"bypuls/v1/{vector['node']}/up", packs[name])
        nodes = [vector["node"] for vector in vectors.values()]
        ingest.wait_for(lambda: all(device.acknowledged(node, "vector") for node in nodes), "acknowledge")
        with psycopg.connect(database_url) as connection:
            rows = connection.execute(query).fetchall()
            assert connection.execute("SELECT count(*) FROM quarantine").fetchone() == (0,)
    stored = {(node, channel, time): value for node, channel, time, value in rows}
    assert stored.keys() == expected.keys()
    for key, value in expected.items():
        assert stored[key] == pytest.approx(value, rel=1e-6, abs=1e-9), key


WIDTH = 10_000


@pytest.mark.parametrize(
    ("quantity", "low", "high"),
    [
        ("air_pressure", 950.0, 1050.0),
        ("no2", -5.0, 900.0),
        ("wind_direction", 0.0, 360.0),
        ("sound_level", 25.0, 130.0),
        ("rainfall", 0.0, 3.0),
    ],
)
def test_windows_of_random_samples_equal_those_of_the_numeric_core(
    quantity: str, low: float, high: float, tmp_path: Path
) -> None:
    rng = np.random.default_rng(4)
    time = np.cumsum(rng.integers(1, 900, 3_000)) + 1_780_000_000_000
    value = np.round(rng.uniform(low, high, len(time)), 3)
    kind = QUANTITIES[quantity].kind
    wanted = ["mean", "n"] if kind is Kind.CIRCULAR else ["mean", "min", "max", "n"]
    vector = {
        "channels": [
            {"channel": quantity, "quantity": quantity, "interval": WIDTH / 1000, "statistics": wanted}
        ],
        "samples": [
            [quantity, at / 1000, each] for at, each in zip(time.tolist(), value.tolist(), strict=True)
        ],
    }
    (tmp_path / "random.json").write_text(json.dumps(vector))
    line = run_micropython(DEVICE_TESTS / "vectors.py", str(tmp_path), heap="8m")
    made = resolved(line.split(" ", 1)[1].encode())
    first, last = int(time[0]) // WIDTH, int(time[-1]) // WIDTH
    edges = np.arange(first, last + 2, dtype=np.int64) * WIDTH * 1000
    summary = summarise(np.zeros(len(time), np.int32), time * 1000, value, edges=edges, kind=kind)
    columns = statistics(summary, wanted, edges=edges)
    starts = edges[summary.window]
    for statistic, column in columns.items():
        name = quantity if statistic == "mean" else f"{quantity}.{statistic}"
        for start, expected in zip(starts.tolist(), column.tolist(), strict=True):
            if math.isnan(expected):
                assert (name, start) not in made
            else:
                assert made.pop((name, start))[1] == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert made == {}


def test_the_device_knows_the_catalogue_as_it_is() -> None:
    code = "import sys\nfrom node.quantities import of\nfor key in sys.argv[1:]: print(key, *of(key))"
    lines = run_micropython(code, *QUANTITIES, "cpu_temperature").splitlines()
    expected = [f"{each.key} {each.unit} {each.kind}" for each in QUANTITIES.values()]
    assert [line.rstrip() for line in lines] == [*expected, "cpu_temperature  linear"]


def test_the_device_converts_between_the_units_that_the_platform_converts_between() -> None:
    code = (
        "import sys\nfrom node.quantities import alike\nfor unit in sys.argv[1:]: print(*sorted(alike(unit)))"
    )
    spelled = [unit for unit in UNITS if conversion(unit, unit)]
    lines = run_micropython(code, *spelled).splitlines()
    expected = [" ".join(sorted(other for other in UNITS if conversion(unit, other))) for unit in spelled]
    assert lines == expected


def test_sums_that_are_not_finite_are_not_sent() -> None:
    run_micropython(DEVICE_TESTS / "overflow.py")


def test_ticks_wrap_around_and_the_platforms_clock_is_judged_by_integers() -> None:
    run_micropython(DEVICE_TESTS / "clocks.py")
