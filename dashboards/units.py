"""Grafana's names of the units that the dashboards use, in which values come; words for keys."""

from grafana_foundation_sdk.models import units

from bypuls.quantities import QUANTITIES

CONCENTRATION = units.MicrogramPerCubicMeter
COUNT = units.Number
DATE = "time:DD.MM.YYYY"
DAYS = "suffix: dager"
DISCHARGE = "suffix: m³/s"
DOSE = "suffix: mm/h"
FLOW = "suffix: m³/h"
INDEX = units.Number
LEVEL = "suffix: m"
METRES_PER_HOUR = "suffix: m/h"
MOMENT = "time:DD.MM. HH:mm"
PER_DAY = "suffix: %/døgn"
PER_HOUR = "suffix: per time"
PER_SECOND = "suffix: /s"
POWER = units.Watt
PERCENT = units.Percent
PRESSURE = "suffix: bar"
SECONDS = "s"
SHARE = units.PercentUnit
SIGNAL = "suffix: dBm"
SIZE = "bytes"
SOUND = units.Decibel
TEXT = units.String
TIMES = "suffix: ganger"
VOLTAGE = "volt"
VOLUME = "suffix: m³"
WORK = "kwatth"

NAMES = {quantity.key: quantity.nb for quantity in QUANTITIES.values()}
COMPONENTS = {"no2": "NO₂", "pm10": "PM10", "pm2_5": "PM2,5", "o3": "O₃"}
PERIODS = {"hour": "time", "day": "døgn", "year": "år"}
