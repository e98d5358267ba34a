"""Quantities with unit and averaging kind, and units by dimension, as in docs/wire.md (a test compares)."""

# One string takes a tenth of the memory of a dictionary.
_TABLE = b"""
linear no2=ug/m3 pm10=ug/m3 pm2_5=ug/m3 o3=ug/m3 so2=ug/m3 co=ug/m3 air_temperature=Cel
linear water_temperature=Cel road_temperature=Cel relative_humidity=% air_pressure=hPa wind_speed=m/s
linear water_level=m discharge=m3/s pipe_pressure=bar fill_level=% power=W battery_voltage=V
linear signal_strength=dBm
circular wind_direction=deg
total rainfall=mm people_count=1 vehicle_count=1 bicycle_count=1
counter water_volume=m3 energy=kWh
energetic sound_level=dB
state occupancy=1 lamp_state=1
"""
_UNITS = """
Cel K [degF]
ug/m3 mg/m3 g/m3 kg/m3
% %RH /
Pa hPa mbar kPa bar MPa
m/s km/h [kn_i]
deg rad
mm cm m km
m3/s l/s L/s m3/h
m3 l L
dB
1 count
W kW MW
J Wh MJ kWh
mV V
dBm dBW
"""


def of(quantity):
    """Return unit and kind of a quantity; `("", "linear")` where it is not known here."""
    wanted = b" " + quantity.encode() + b"="
    for line in _TABLE.split(b"\n"):
        at = line.find(wanted)
        if at >= 0:
            unit = line[at + len(wanted) :].split(b" ")[0]
            return unit.decode(), line.split(b" ")[0].decode()
    return "", "linear"


def keys():
    """Return the names of all quantities."""
    return [word.split(b"=")[0].decode() for word in _TABLE.split() if b"=" in word]


def alike(unit):
    """Return the units that a unit can be converted to and from, itself among them."""
    for line in _UNITS.split("\n"):
        if unit in line.split():
            return line.split()
    return [unit]


def is_unit(text):
    """Tell whether a unit that the catalogue does not know may be spelled so: no space, nothing invisible."""
    return all(
        ("!" <= letter <= "~" or "\u00b0" <= letter <= "\u03ff") and letter not in '"\\' for letter in text
    )
