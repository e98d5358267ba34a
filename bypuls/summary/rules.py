"""The rules in one table: what is said of the town, when, and how much it matters."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bypuls.summary import air, mobility, noise, presence, water, weather
from bypuls.summary.clauses import Finding, Severity, Words
from bypuls.summary.snapshot import Snapshot

Find = Callable[[Snapshot, Mapping[str, float]], Iterator[Finding]]

CALM, NOTICE, WARNING, ALARM = Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """When `find` finds something with these limits, the sentence is said; braces hold what it found.

    `label` is what is then said of its nodes on the map, where they aren't judged as badly by themselves.
    """

    id: str
    theme: str | None
    severity: Severity
    find: Find
    limits: Mapping[str, float]
    nb: str
    en: str
    label: Words | None = None


# The limits are ours, but for the classes of the air (bypuls.air_quality) and the wind's names (Beaufort). A
# gauge's levels come from the registry; they are no flood warnings of NVE, and aren't called so.
_LOUD = {"least": 70, "above": 15, "lasting": 5}  # dB: as a busy road, and above the usual level of an hour
_RISE = {"rise": 0.04}  # m/h: a gauge's own noise, waves and locks, stays below half of it
_DROP = {"bar": 0.6, "ratio": 1.25, "metres": 2_000}

_GRADED = (
    "Ved {place} {has_been}, med {value}~µg/m³ den siste timen.",
    "At {place}, {has_been}, with {value}~µg/m³ in the last hour.",
)
_OVER = (
    "{place} er {over}~m over {level} grense{rising}.",
    "{place} is {over}~m above its {level} threshold{rising}.",
)

RULES: tuple[Rule, ...] = (
    # What is not known
    Rule("town.empty", None, NOTICE, presence.nothing, {},
         "Det er ikke kommet noen målinger ennå.",
         "No measurements have come in yet."),
    Rule("town.stale", None, WARNING, presence.stale, {},
         "Det er ikke kommet nye målinger siden {when}.",
         "No new measurements have come in since {when}."),
    Rule("silent", None, NOTICE, presence.silent, {},
         "Det kommer ikke data fra {silent} av {all} {stations} for {theme}.",
         "No data are coming from {silent} of {all} {stations} for {theme}."),
    Rule("patchy", None, NOTICE, presence.patchy, {},
         "Mye av den siste timen mangler fra {poor} {stations} for {theme}.",
         "Much of the last hour is missing from {poor} {stations} for {theme}."),

    # Air
    Rule("air.very_high", "air", ALARM, air.worst, {"class": 4}, *_GRADED),
    Rule("air.high", "air", WARNING, air.worst, {"class": 3}, *_GRADED),
    Rule("air.moderate", "air", NOTICE, air.worst, {"class": 2}, *_GRADED),
    Rule("air.cause.fireworks", "air", NOTICE, air.fireworks, _LOUD,
         "Trolig er det røyk fra fyrverkeri: Lydnivået ved {place} var oppe i {level}~dB.",
         "It is probably smoke from fireworks: the sound level at {place} reached {level}~dB."),
    Rule("air.cause.inversion", "air", NOTICE, air.inversion, {"wind": 1, "temperature": 3},  # m/s, Cel
         "Trolig ligger kald luft stille over byen: {temperature}~°C, {wind}~m/s vind og ingen nedbør.",
         "Cold air probably lies still over the town: {temperature}~°C, {wind}~m/s of wind and no rain."),
    Rule("air.cause.road_dust", "air", NOTICE, air.road_dust,
         {"fine": 0.5, "metres": 3_000, "vehicles": 800},
         "Trolig er det veistøv: Det er tørt, og den siste timen passerte {vehicles} kjøretøy {place}.",
         "It is probably road dust: it is dry, and in the last hour {vehicles} vehicles passed {place}."),
    Rule("air.good", "air", CALM, air.good, {},
         "Luften er {good}.",
         "The air is {good}."),

    # Rivers and pipes
    Rule("river.red", "water", ALARM, water.over, {"level": 2} | _RISE, *_OVER),
    Rule("river.orange", "water", ALARM, water.over, {"level": 1} | _RISE, *_OVER),
    Rule("river.yellow", "water", WARNING, water.over, {"level": 0} | _RISE, *_OVER),
    Rule("river.rising", "water", NOTICE, water.rising, _RISE,
         "{place} stiger {rate}~cm i timen{below}.",
         "{place} is rising {rate}~cm an hour{below}.",
         Words("Stiger", "Rising")),
    Rule("pipe.burst", "water", ALARM, water.burst, _DROP,
         "Trolig er en vannledning sprukket ved {place}: Vanntrykket er {pressure}~bar, {drop}~bar under det "
         "vanlige, og måleren ved {meter} viser {flow}~m³ i timen, mot vanligvis høyst {used} på denne "
         "tiden.",
         "A water main has probably burst near {place}: the water pressure is {pressure}~bar, {drop}~bar "
         "below the usual, and the meter at {meter} shows {flow}~m³ an hour, usually at most {used} at this "
         "time.",
         Words("Trolig ledningsbrudd", "Probable burst")),
    Rule("pipe.drop", "water", WARNING, water.drop, _DROP,
         "Vanntrykket ved {place} er {pressure}~bar, {drop}~bar under det vanlige.",
         "The water pressure at {place} is {pressure}~bar, {drop}~bar below the usual.",
         Words("Lavt trykk", "Low pressure")),
    Rule("river.quiet", "water", CALM, water.quiet, _RISE,
         "Ingen elv stiger merkbart{some}{below}.",
         "No river is rising noticeably{some}{below}."),

    # People
    Rule("noise.high", "noise", NOTICE, noise.high, _LOUD,
         "Det er uvanlig mye støy ved {place}: opptil {level}~dB, der nivået over en time vanligvis er høyst "
         "{usual}~dB på denne tiden.",
         "It is unusually loud at {place}: up to {level}~dB, where the level of an hour is usually at most "
         "{usual}~dB at this time.",
         Words("Uvanlig mye støy", "Unusually loud")),
    Rule("people.many", "mobility", NOTICE, mobility.people, {"ratio": 1.5, "more": 300},
         "Uvanlig mange er ute ved {place}: {count} passerte den siste timen, mot vanligvis høyst {usual} på "
         "denne tiden.",
         "Unusually many people are about at {place}: {count} passed in the last hour, usually at most "
         "{usual} at this time.",
         Words("Uvanlig mange", "Unusually many")),
    Rule("vehicles.many", "mobility", NOTICE, mobility.vehicles, {"ratio": 1.5, "more": 300},
         "Det er uvanlig mye trafikk ved {place}: {count} kjøretøy den siste timen, mot vanligvis høyst "
         "{usual} på denne tiden.",
         "Traffic is unusually heavy at {place}: {count} vehicles in the last hour, usually at most {usual} "
         "at this time.",
         Words("Uvanlig mye trafikk", "Heavy traffic")),
    Rule("parking.full", "parking", CALM, mobility.full_parking, {"share": 0.95, "bays": 5},
         "{full} på {place}: {taken} av {all} plasser er opptatt.",
         "Parking is {full} at {place}: {taken} of {all} bays are taken."),
    Rule("bins.full", "waste", CALM, mobility.full_bins, {"percent": 90},
         "{full} av {all} {bins} {are} nesten {filled}.",
         "{full} of {all} {bins} {are} nearly {filled}."),

    # Weather
    Rule("rain.heavy", "weather", NOTICE, weather.heavy_rain, {"mm": 4},
         "Det regner kraftig ved {place}: {value}~mm den siste timen.",
         "It is raining heavily at {place}: {value}~mm in the last hour.",
         Words("Kraftig regn", "Heavy rain")),
    Rule("wind.strong", "weather", NOTICE, weather.strong_wind, {"speed": 10.8},
         "Det blåser kraftig ved {place}: {value}~m/s.",
         "The wind is strong at {place}: {value}~m/s.",
         Words("Sterk vind", "Strong wind")),
    Rule("weather.now", "weather", CALM, weather.now, {},
         "Det er {temperature}~°C{rain}{wind}.",
         "It is {temperature}~°C{rain}{wind}."),
)  # fmt: skip
