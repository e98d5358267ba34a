"""The weather in a few words."""

from collections.abc import Iterator, Mapping
from statistics import fmean

from bypuls.summary.clauses import Evidence, Finding, How, Words, of_window
from bypuls.summary.snapshot import LAST_HOUR, Sensor, Snapshot

Limits = Mapping[str, float]

# Beaufort's scale as MET Norway names it; the upper end of each, in m/s.
_WIND = (
    (0.3, Words("stille", "calm air")),
    (1.6, Words("flau vind", "light air")),
    (3.4, Words("svak vind", "a light breeze")),
    (5.5, Words("lett bris", "a gentle breeze")),
    (8.0, Words("laber bris", "a moderate breeze")),
    (10.8, Words("frisk bris", "a fresh breeze")),
    (13.9, Words("liten kuling", "a strong breeze")),
    (17.2, Words("stiv kuling", "a near gale")),
    (20.8, Words("sterk kuling", "a gale")),
    (24.5, Words("liten storm", "a severe gale")),
    (28.5, Words("full storm", "a storm")),
    (32.7, Words("sterk storm", "a violent storm")),
    (float("inf"), Words("orkan", "a hurricane")),
)


def now(snapshot: Snapshot, _limits: Limits) -> Iterator[Finding]:
    """Tell temperature, and rain and wind where they are measured, as means over the stations."""
    warmth = [evidence for _, evidence in _stations(snapshot, "air_temperature", "mean")]
    if not warmth:
        return
    rain = [evidence for _, evidence in _stations(snapshot, "rainfall", "sum")]
    wind = [evidence for _, evidence in _stations(snapshot, "wind_speed", "mean")]
    finding = Finding(tuple(dict.fromkeys(each.node for each in (*warmth, *rain, *wind))))
    finding.parts |= {"rain": Words("", ""), "wind": Words("", "")}
    finding.say("temperature", How.MEAN, *warmth)
    if rain:
        finding.say("fallen", How.MEAN, *rain, decimals=1)
        fallen = [each.value or 0 for each in rain]
        if fmean(fallen) >= 0.05:
            words = Words(
                ", {fallen}~mm nedbør siste time", " with {fallen}~mm of rain or snow in the last hour"
            )
        elif max(fallen) > 0:
            words = Words(", litt nedbør enkelte steder", " with a little rain or snow in places")
        else:
            words = Words(", oppholdsvær", " with no rain or snow")
        finding.parts["rain"] = words
    if wind:
        speed = fmean(each.value or 0 for each in wind)
        finding.say("speed", How.MEAN, *wind, decimals=0 if speed >= 1 else 1)
        words = next(named for limit, named in _WIND if speed < limit)
        also = "and" if rain else "with"
        finding.parts["wind"] = Words(
            f" og {words.nb} ({{speed}}~m/s)", f" {also} {words.en} ({{speed}}~m/s)"
        )
    yield finding


def heavy_rain(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell where it rains most, if that is `mm` in an hour or more."""
    yield from _most(snapshot, "rainfall", "sum", limits["mm"], decimals=1)


def strong_wind(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell where it blows most, if that is `speed` m/s or more as the mean of an hour."""
    yield from _most(snapshot, "wind_speed", "mean", limits["speed"], decimals=0)


def _most(
    snapshot: Snapshot, quantity: str, statistic: str, least: float, *, decimals: int
) -> Iterator[Finding]:
    found = [each for each in _stations(snapshot, quantity, statistic) if (each[1].value or 0) >= least]
    if found:
        sensor, evidence = max(found, key=lambda each: each[1].value or 0)
        finding = Finding(tuple(each.node for each, _ in found))
        finding.parts["place"] = sensor.place
        finding.say("value", How.VALUE, evidence, decimals=decimals)
        yield finding


def _stations(snapshot: Snapshot, quantity: str, statistic: str) -> list[tuple[Sensor, Evidence]]:
    return [
        (sensor, of_window(sensor, window, statistic))
        for sensor in snapshot.plain.get(quantity, ())
        if (window := snapshot.window(sensor, LAST_HOUR)) is not None
    ]
