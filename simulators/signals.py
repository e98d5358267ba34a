"""What each kind of simulated node measures, from the scene: functions of time and seed alone.

They take the scene, the node's name (two nodes of a kind have different chance) and the length of the node's
interval in seconds, over which totals count, and return values by channel, in the catalogue's units and with
a sensor's resolution.
"""

import numpy as np

from bypuls.readings import SECOND, FloatArray, TimeArray
from simulators import rhythm, sun
from simulators.scene import Scene

Values = dict[str, FloatArray]

_HOUR, _DAY = 3_600.0, 86_400.0
_LAMP_HEIGHT = -3.0  # degrees: the lamps go on when the sun is lower than this
_LAMP_POWER, _LAMP_STANDBY = 42.0, 0.5  # W
_LAMP_EPOCH = 19_723.0  # 2024-01-01, in solar days
_BAYS = 4


def roadside_air(scene: Scene, node: str, _interval: float) -> Values:
    """Air beside a busy road."""
    return _air(scene, node, exposure=1.0)


def town_air(scene: Scene, node: str, _interval: float) -> Values:
    """Air in the town, away from the busiest roads."""
    return _air(scene, node, exposure=0.45)


def weather(scene: Scene, node: str, interval: float) -> Values:
    """A weather station."""
    return {
        "air_temperature": np.round(scene.temperature, 1),
        "relative_humidity": np.round(scene.humidity, 0),
        "air_pressure": np.round(scene.pressure, 1),
        "wind_speed": np.round(scene.wind, 1),
        "wind_direction": np.round(scene.wind_direction, 0),
        "rainfall": _count(scene, f"{node}/rain", 100 * scene.rain * interval / _HOUR) / 100,
    }


def main_river(scene: Scene, node: str, _interval: float) -> Values:
    """Level and discharge of the Glomma, with a flood in May, by a rating curve."""
    discharge = _glomma(scene) + 4 * scene.noise.smooth(f"{node}/turbulence", scene.time, 300)
    return {"discharge": np.round(discharge, 1), "water_level": np.round(_glomma_level(discharge), 3)}


def backwater(scene: Scene, node: str, _interval: float) -> Values:
    """Level and temperature of the Nitelva, which the Glomma holds back."""
    level = (
        0.4
        + 0.8 * _glomma_level(_glomma(scene))
        + 0.01 * scene.noise.smooth(f"{node}/waves", scene.time, 200)
    )
    warm = (
        9.3
        - 11 * np.cos(scene.season - 0.6)
        + 0.5 * np.cos(2 * np.pi * (sun.solar_time(scene.time) - 17 / 24))
    )
    warm += 1.2 * scene.noise.smooth(f"{node}/warm", scene.time, 5 * _DAY)
    warm = np.maximum(warm, 0.1) + 0.02 * scene.noise.smooth(f"{node}/eddies", scene.time, 600)
    return {"water_level": np.round(level, 3), "water_temperature": np.round(warm, 2)}


def sound(scene: Scene, node: str, interval: float) -> Values:
    """Sound level at the station: a hum, traffic, and trains that stop there."""
    slot = scene.time // (600 * SECOND)
    into = scene.time % (600 * SECOND) / SECOND - 550 * scene.noise.uniform(f"{node}/train", slot)
    train = (into >= 0) & (into < max(35.0, interval)) & (rhythm.strolling(scene.time) > 0.03)
    energy = (
        10**4.3
        + scene.traffic * 10**6.1
        + train * 10 ** (6.9 + 0.3 * scene.noise.uniform(f"{node}/kind", slot))
    )
    level = 10 * np.log10(energy) + 0.9 * scene.noise.smooth(f"{node}/near", scene.time, 20)
    return {"sound_level": np.round(level, 1)}


def road(scene: Scene, node: str, interval: float) -> Values:
    """Vehicles and bicycles on road 159, counted."""
    pleasant = np.clip((scene.temperature + 8) / 20, 0.1, 1) / (1 + scene.rain)
    platoons = 1 + 0.3 * scene.noise.smooth(f"{node}/platoons", scene.time, 180)
    return {
        "vehicle_count": _count(
            scene, f"{node}/vehicles", 1_400 * scene.traffic * platoons * interval / _HOUR
        ),
        "bicycle_count": _count(scene, f"{node}/bicycles", 110 * scene.traffic * pleasant * interval / _HOUR),
    }


def square(scene: Scene, node: str, interval: float) -> Values:
    """People who cross a square, counted."""
    groups = 1 + 0.45 * scene.noise.smooth(f"{node}/groups", scene.time, 240)
    return {
        "people_count": _count(scene, node, 1_500 * rhythm.strolling(scene.time) * groups * interval / _HOUR)
    }


def parking(scene: Scene, node: str, _interval: float) -> Values:
    """Bays of a car park, each taken or free for a while."""
    return {f"bay-{bay}/occupancy": _bay(scene, f"{node}/bay-{bay}") for bay in range(1, _BAYS + 1)}


def street_light(scene: Scene, _node: str, _interval: float) -> Values:
    """A lamp that burns while the sun is down, and its meter."""
    on = scene.sun_height < _LAMP_HEIGHT
    energy = (
        _LAMP_POWER * _dark_hours(scene.time)
        + _LAMP_STANDBY * (sun.solar_time(scene.time) - _LAMP_EPOCH) * 24
    )
    return {
        "lamp_state": on.astype(np.float64),
        "power": np.where(on, _LAMP_POWER, 0.0) + _LAMP_STANDBY,
        "energy": np.floor(energy) / 1_000,
    }


def water_meter(scene: Scene, node: str, _interval: float) -> Values:
    """The meter and the pressure of a district's water."""
    # Time that runs unevenly makes the flow uneven, and the meter still never falls: a wave of 200 s over an
    # hour is steeper than -1 nowhere.
    uneven = scene.time + (200 * SECOND * scene.noise.wave(node, scene.time, _HOUR)).astype(np.int64)
    pressure = (
        5.7 - 0.35 * rhythm.consumption(uneven) + 0.03 * scene.noise.smooth(f"{node}/surge", scene.time, 60)
    )
    return {
        "water_volume": np.floor(9_000 * rhythm.consumed(uneven)) / 1_000,
        "pipe_pressure": np.round(pressure, 2),
    }


def waste(scene: Scene, node: str, _interval: float) -> Values:
    """A waste container that is emptied once a week, and the state of its sensor."""
    weeks = rhythm.consumed(scene.time) / 168 - 7 / 168  # emptied early on Wednesday
    amount = 0.55 + 0.4 * scene.noise.uniform(node, np.floor(weeks).astype(np.int64))
    fill: FloatArray = 100 * amount * (weeks % 1) + 0.4 * scene.noise.smooth(f"{node}/echo", scene.time, 900)
    signal = -94 + 3 * scene.noise.smooth(f"{node}/radio", scene.time, 2 * _HOUR)
    return {
        "fill_level": np.round(fill.clip(0, 100), 0),
        "battery_voltage": np.round(3.58 + 0.003 * scene.temperature, 2),
        "signal_strength": np.round(signal + 1.5 * scene.noise.smooth(f"{node}/fading", scene.time, 60), 0),
    }


def _air(scene: Scene, node: str, exposure: float) -> Values:
    eddies = 1 + 0.2 * scene.noise.smooth(f"{node}/eddies", scene.time, 600)
    grain = scene.noise.smooth(f"{node}/grain", scene.time, 30)
    traffic = exposure * scene.traffic * scene.stagnation * eddies
    stoves = np.clip((12 - scene.air_mass) / 14, 0, 1.5) * rhythm.evening(scene.time) * scene.stagnation
    far = 4 + 1.5 * scene.noise.smooth("haze", scene.time, 2 * _DAY)
    fine = far + 4 * traffic + 11 * stoves * eddies + 0.3 * grain
    studs = 1 + 2 * np.exp(-(((sun.day_of_year(scene.time) - 95) / 25) ** 2))
    coarse = (2.5 + 13 * traffic * studs) / (1 + 2 * scene.rain) + 0.5 + 0.3 * np.abs(grain)
    return {
        "no2": np.round(4 + 42 * traffic + 0.8 * grain, 1),
        "pm10": np.round(fine + coarse, 1),
        "pm2_5": np.round(fine, 1),
    }


def _glomma(scene: Scene) -> FloatArray:
    day = sun.day_of_year(scene.time)
    flood = 1_050 * np.exp(-0.5 * ((day - 148) / 20) ** 2) + 260 * np.exp(-0.5 * ((day - 285) / 28) ** 2)
    melt, inflow = (
        scene.noise.smooth("melt", scene.time, 6 * _DAY),
        scene.noise.smooth("inflow", scene.time, 4 * _DAY),
    )
    discharge: FloatArray = 400 + flood * (1 + 0.2 * melt) + 45 * inflow
    return discharge


def _glomma_level(discharge: FloatArray) -> FloatArray:
    return (discharge / 190) ** 0.6


def _bay(scene: Scene, name: str) -> FloatArray:
    """Return whether a bay is taken; cars change at instants of chance, about twice in three hours."""
    stay = 5_400 * SECOND
    shifted = scene.time + int(scene.noise.uniform(name, np.zeros(1, np.int64))[0] * stay)
    slot = shifted // stay
    change = scene.noise.uniform(f"{name}/change", slot) * stay
    turn = np.where(shifted % stay < change, slot, slot + 1)
    # The chance at the car's arrival, not now, or a bay would flicker.
    return (scene.noise.uniform(f"{name}/car", turn) < rhythm.parking(turn * stay)).astype(np.float64)


def _dark_hours(time: TimeArray) -> FloatArray:
    """Return for how many hours the lamps have burnt since 2024-01-01."""
    day = np.floor(sun.solar_time(time))
    days = np.arange(_LAMP_EPOCH, max(float(day.max()), _LAMP_EPOCH) + 1) if len(time) else np.empty(0)
    dark = 24 * (1 - sun.daylight(days, _LAMP_HEIGHT))
    before = np.concatenate([[0.0], np.cumsum(dark)])[np.maximum(day - _LAMP_EPOCH, 0).astype(np.int64)]
    hour, half = 24 * (sun.solar_time(time) - day), 12 * (1 - sun.daylight(day, _LAMP_HEIGHT))
    return before + np.minimum(hour, half) + np.maximum(hour - (24 - half), 0)


def _count(scene: Scene, name: str, expected: FloatArray) -> FloatArray:
    """Return whole numbers whose mean is `expected`."""
    return np.floor(np.maximum(expected, 0) + scene.noise.uniform(name, scene.time // 1_000))
