"""Unit and averaging kind of each quantity, as in docs/wire.md (a test compares)."""

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


def of(quantity):
    """Return unit and kind of a quantity; `("", "linear")` where it is not known here."""
    wanted = b" " + quantity.encode() + b"="
    for line in _TABLE.split(b"\n"):
        at = line.find(wanted)
        if at >= 0:
            unit = line[at + len(wanted) :].split(b" ")[0]
            return unit.decode(), line.split(b" ")[0].decode()
    return "", "linear"
