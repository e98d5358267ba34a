"""The rules in one table: what is said of the town, when, and how much it matters."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bypuls.summary import air, mobility, noise, presence, water, weather
from bypuls.summary.clauses import Finding, Severity
from bypuls.summary.snapshot import Snapshot

Find = Callable[[Snapshot, Mapping[str, float]], Iterator[Finding]]

CALM, NOTICE, WARNING, ALARM = Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """When `find` finds something with these limits, the sentence is said; braces hold what it found."""

    id: str
    theme: str | None
    severity: Severity
    find: Find
    limits: Mapping[str, float]
    nb: str
    en: str


# The limits are ours, but for the classes of the air (bypuls.air_quality) and the wind's names (Beaufort). A
# gauge's levels come from the registry; they are no flood warnings of NVE, and aren't called so.
_LOUD = {"least": 70, "above": 15}  # dB: as a busy road near by, and four times as loud as usual at most
_RISE = {"rise": 0.04}  # m/h: a gauge's own noise, waves and locks, stays below half of it
_DROP = {"bar": 0.6, "ratio": 1.25, "metres": 2_000}

_GRADED = (
    "Ved {place} er nivået av {component} {grade}{since}: {value} µg/m³.",
    "At {place} {component} has been {grade}{since}: {value} µg/m³.",
)
_OVER = (
    "{place} er {over} m over {level} grense{rising}.",
    "{place} is {over} m above its {level} threshold{rising}.",
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
         "Det kommer ikke data fra {silent} av {all} målepunkter for {theme}.",
         "No data come from {silent} of {all} stations for {theme}."),
    Rule("patchy", None, NOTICE, presence.patchy, {},
         "Mye av den siste timen mangler fra {poor} målepunkter for {theme}.",
         "Much of the last hour is missing from {poor} stations for {theme}."),

    # Air
    Rule("air.very_high", "air", ALARM, air.worst, {"class": 4}, *_GRADED),
    Rule("air.high", "air", WARNING, air.worst, {"class": 3}, *_GRADED),
    Rule("air.moderate", "air", NOTICE, air.worst, {"class": 2}, *_GRADED),
    Rule("air.cause.fireworks", "air", NOTICE, air.fireworks, _LOUD,
         "Trolig er det røyk fra fyrverkeri: Lydnivået ved {place} var oppe i {level} dB.",
         "It is probably smoke from fireworks: the sound level at {place} reached {level} dB."),
    Rule("air.cause.inversion", "air", NOTICE, air.inversion, {"wind": 1, "temperature": 3},  # m/s, Cel
         "Trolig ligger kald luft stille over byen: {temperature} °C, {wind} m/s vind og ingen nedbør.",
         "Cold air probably lies still over the town: {temperature} °C, {wind} m/s of wind and no rain."),
    Rule("air.cause.road_dust", "air", NOTICE, air.road_dust,
         {"fine": 0.5, "metres": 3_000, "vehicles": 800},
         "Trolig er det veistøv: Det er tørt, og {vehicles} kjøretøy passerte {place} den siste timen.",
         "It is probably road dust: it is dry, and {vehicles} vehicles passed {place} in the last hour."),
    Rule("air.good", "air", CALM, air.good, {},
         "Luften er god på {good} av {all} stasjoner.",
         "The air is good at {good} of {all} stations."),

    # Rivers and pipes
    Rule("river.red", "water", ALARM, water.over, {"level": 2} | _RISE, *_OVER),
    Rule("river.orange", "water", ALARM, water.over, {"level": 1} | _RISE, *_OVER),
    Rule("river.yellow", "water", WARNING, water.over, {"level": 0} | _RISE, *_OVER),
    Rule("river.rising", "water", NOTICE, water.rising, _RISE,
         "{place} stiger {rate} cm i timen{below}.",
         "{place} rises {rate} cm an hour{below}."),
    Rule("pipe.burst", "water", ALARM, water.burst, _DROP,
         "Vanntrykket ved {place} er {pressure} bar, {drop} bar under det vanlige, og {meter} viser {flow} "
         "m³ i timen, i ni av ti tilsvarende timer høyst {used}: Trolig er en vannledning sprukket.",
         "The water pressure at {place} is {pressure} bar, {drop} bar below the usual, and {meter} shows "
         "{flow} m³ an hour, at most {used} in nine of ten like hours: a water main has probably burst."),
    Rule("pipe.drop", "water", WARNING, water.drop, _DROP,
         "Vanntrykket ved {place} er {pressure} bar, {drop} bar under det vanlige.",
         "The water pressure at {place} is {pressure} bar, {drop} bar below the usual."),
    Rule("river.quiet", "water", CALM, water.quiet, _RISE,
         "Ingen elv stiger merkbart{some}{below}.",
         "No river rises noticeably{some}{below}."),

    # People
    Rule("noise.high", "noise", NOTICE, noise.high, _LOUD,
         "Det er uvanlig høy lyd ved {place}: {level} dB, i ni av ti tilsvarende timer høyst {usual} dB.",
         "It is unusually loud at {place}: {level} dB, at most {usual} dB in nine of ten like hours."),
    Rule("people.many", "mobility", NOTICE, mobility.people, {"ratio": 1.5, "more": 300},
         "Uvanlig mange er ute: {count} passerte {place} den siste timen, i ni av ti tilsvarende timer høyst "
         "{usual}.",
         "Unusually many are about: {count} passed {place} in the last hour, at most {usual} in nine of ten "
         "like hours."),
    Rule("vehicles.many", "mobility", NOTICE, mobility.vehicles, {"ratio": 1.5, "more": 300},
         "Uvanlig mye trafikk: {count} kjøretøy passerte {place} på en time, i ni av ti tilsvarende timer "
         "høyst {usual}.",
         "Unusually heavy traffic: {count} vehicles passed {place} in an hour, at most {usual} in nine of "
         "ten like hours."),
    Rule("parking.full", "parking", CALM, mobility.full_parking, {"share": 0.95, "bays": 5},
         "Fullt på {place}: {taken} av {all} plasser er opptatt.",
         "{place} is full: {taken} of {all} bays are taken."),
    Rule("bins.full", "waste", CALM, mobility.full_bins, {"percent": 90},
         "{full} av {all} avfallsbeholdere er nesten fulle.",
         "{full} of {all} waste bins are nearly full."),

    # Weather
    Rule("rain.heavy", "weather", NOTICE, weather.heavy_rain, {"mm": 4},
         "Det regner kraftig ved {place}: {value} mm den siste timen.",
         "It rains heavily at {place}: {value} mm in the last hour."),
    Rule("wind.strong", "weather", NOTICE, weather.strong_wind, {"speed": 10.8},
         "Det blåser kraftig ved {place}: {value} m/s.",
         "It blows hard at {place}: {value} m/s."),
    Rule("weather.now", "weather", CALM, weather.now, {},
         "Det er {temperature} °C{rain}{wind}.",
         "It is {temperature} °C{rain}{wind}."),
)  # fmt: skip
