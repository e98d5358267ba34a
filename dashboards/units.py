"""Grafana's names of the units that the dashboards use, in which values come; words for keys.

Grafana puts the space before a suffix itself.
"""

from grafana_foundation_sdk.models import units

from bypuls.quantities import QUANTITIES

CONCENTRATION = units.MicrogramPerCubicMeter
COUNT = units.Number
DATE = "time:DD.MM.YYYY"
DAYS = "suffix:dager"
DISCHARGE = "suffix:m³/s"
DOSE = "suffix:mm/h"
FLOW = "suffix:m³/h"
HOURS = "suffix:timer"
INDEX = units.Number
LEVEL = "suffix:m"
METRES_PER_HOUR = "suffix:m/h"
MOMENT = "time:DD.MM. HH:mm"
PER_DAY = "suffix:%/døgn"
PER_HOUR = "suffix:per time"
PER_SECOND = "suffix:/s"
POWER = "suffix:W"
"""Not Grafana's watt: without decimals it tells 1.6 kW as 2 kW."""

PERCENT = units.Percent
PRESSURE = "suffix:bar"
SECONDS = "dtdhms"
"""Of seconds, shown as hours:minutes:seconds: Grafana's own unit says "1.5 mins" and "2 days"."""

FRACTIONS = "suffix:s"
"""Of seconds, many of them parts of one."""

SHARE = units.PercentUnit
SIGNAL = "suffix:dBm"
SIZE = "bytes"
SOUND = units.Decibel
TEXT = units.String
TIMES = "suffix:ganger"
VOLTAGE = "volt"
VOLUME = "suffix:m³"
WORK = "suffix:kWh"

NAMES = {quantity.key: quantity.nb for quantity in QUANTITIES.values()}
COMPONENTS = {"no2": "NO₂", "pm10": "PM10", "pm2_5": "PM2,5", "o3": "O₃"}
PERIODS = {"hour": "time", "day": "døgn", "year": "år"}
SIGNS = {"m": "m", "m3/s": "m³/s"}
"""Of units as the catalogue has them."""

STATES = {"online": "tilkoblet", "offline": "frakoblet"}
"""Of nodes, as they or their last will said."""

DIRECTIONS = {"inbound": "inn", "outbound": "ut"}
"""Of counters, as their channels are named."""

FLAGS = {
    "clock": "feil klokke",
    "gap": "etter et hull",
    "out_of_range": "umulig verdi",
    "spike": "enkelt utslag",
    "step": "for stort sprang",
    "stuck": "står fast",
}
"""Of what a quality check found."""

REASONS = {
    "topic": "ukjent emne",
    "node": "ugyldig nodenavn",
    "unknown_node": "ukjent node",
    "empty": "tom melding",
    "too_large": "for stor melding",
    "malformed": "uleselig melding",
    "type": "feil type",
    "unknown_field": "ukjent felt",
    "version": "for ny versjon",
    "name": "ugyldig kanalnavn",
    "no_value": "uten verdi",
    "not_a_number": "ikke et tall",
    "not_finite": "ikke et endelig tall",
    "unit": "feil enhet",
    "time": "umulig tidspunkt",
    "too_many_channels": "for mange kanaler",
    "conflict": "i strid med en annen",
    "refused": "avvist av databasen",
}
"""Why messages are in quarantine."""
