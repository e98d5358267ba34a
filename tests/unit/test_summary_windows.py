"""What the windows of the last minutes let the summary say."""

import pytest

from bypuls.readings import SECOND
from bypuls.summary import tell
from bypuls.summary.snapshot import HOUR, LAST_HOUR, TEN_MINUTES, TWO_HOURS, Sensor, Snapshot, Span
from bypuls.usual_hours import Basis, UsualHour
from bypuls.windows import Window

NOW = 480_000 * HOUR


def window(span: Span, values: list[float]) -> Window:
    """A window that ends now, of values in a row."""
    low, high, mean = min(values), max(values), sum(values) / len(values)
    start, last = NOW - span.since, NOW - 10 * SECOND
    return Window(start, NOW, len(values), mean, sum(values), low, high, values[0], start, values[-1], last)


@pytest.mark.parametrize("interval", [10, 60, 600, 900])
def test_an_hour_of_which_all_has_come_that_can_have_come_is_not_called_patchy(interval: int) -> None:
    for age in (0.06, interval - 0.06, interval + 0.06, 2 * interval + 0.06):
        newest = NOW - round(age * SECOND)
        n = len(range(newest, NOW - HOUR - 1, -interval * SECOND))
        sensor = Sensor(
            "rain-1/rainfall", "rain-1", "Kjeller", "rainfall", "", "mm", interval, time=newest, value=0
        )
        whole = Snapshot(NOW, [sensor], {(sensor.stream, LAST_HOUR): window(LAST_HOUR, [0.0] * n)})
        assert whole.window(sensor, LAST_HOUR) is not None
        assert "patchy" not in {clause.id for clause in tell(whole).clauses}
        if n > 6:
            third = Snapshot(NOW, [sensor], {(sensor.stream, LAST_HOUR): window(LAST_HOUR, [0.0] * (n // 3))})
            assert "patchy" in {clause.id for clause in tell(third).clauses}


@pytest.mark.parametrize(
    ("levels", "told"),
    [([50.0] * 57 + [71.0] * 3, False), ([50.0] * 20 + [71.0] * 40, True)],
    ids=["train", "fair"],
)
def test_a_train_is_no_unusual_noise_and_what_lasts_is(levels: list[float], told: bool) -> None:
    sensor = Sensor(
        "noise-1/sound_level",
        "noise-1",
        "Kjeller",
        "sound_level",
        "",
        "dB",
        10,
        time=NOW - 10 * SECOND,
        value=50,
    )
    windows = {(sensor.stream, span): window(span, levels) for span in (TEN_MINUTES, TWO_HOURS)}
    usual = [
        UsualHour(NOW - HOUR, 48, 52, 55, 8, Basis.WEEKDAY),
        UsualHour(NOW, 48, 52, 55, 8, Basis.WEEKDAY),
    ]
    summary = tell(Snapshot(NOW, [sensor], windows, {sensor.stream: usual}))
    assert ("noise.high" in {clause.id for clause in summary.clauses}) == told


@pytest.mark.parametrize(
    ("fallen", "words"),
    [(0.0, "no rain or snow"), (0.1, "a little rain or snow in places"), (2.0, "0.4\xa0mm")],
)
def test_it_is_called_dry_only_where_no_station_measured_rain(fallen: float, words: str) -> None:
    sensors = [
        Sensor(
            f"w-{n}/{quantity}",
            f"w-{n}",
            "Kjeller",
            quantity,
            "",
            unit,
            600,
            time=NOW - 600 * SECOND,
            value=0,
        )
        for n in range(5)
        for quantity, unit in (("air_temperature", "Cel"), ("rainfall", "mm"))
    ]
    windows = {(each.stream, LAST_HOUR): window(LAST_HOUR, [0.0] * 6) for each in sensors}
    windows["w-0/rainfall", LAST_HOUR] = window(LAST_HOUR, [fallen] + [0.0] * 5)
    [text] = [
        each.text["en"] for each in tell(Snapshot(NOW, sensors, windows)).clauses if each.id == "weather.now"
    ]
    assert words in text
