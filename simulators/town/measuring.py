"""What each kind of node measures: from the scene to values by channel, for many nodes and instants at once.

Each function takes the nodes, the scene at the instants of reporting, and the scene in the middle of the
intervals that end there, from which counts and sound levels come. All arrays are (nodes, instants). Values
are in the catalogue's units; the resolution of the sensor is put on them afterwards.
"""

from collections.abc import Callable

import numpy as np

from bypuls.readings import SECOND, FloatArray
from simulators.town import bins, chance, lamps, rhythm, rivers, sensing, sun
from simulators.town.scene import At, Scene
from simulators.town.sensing import Sites, Values

_HOUR = 3_600.0
_HECTOPASCAL = 8.4  # m that the pressure takes to fall by one


Measure = Callable[[Sites, At, At, Scene], Values]


def air(sites: Sites, at: At, _over: At, _scene: Scene) -> Values:
    """Parameters: `traffic` and `stoves`, how much of each is near, 1 on average."""
    eddies = 0.25 * sensing.wave(sites, at, "eddies", 1_500) + 0.3 * sensing.wave(sites, at, "near", 8_000)
    mixed = at("stagnation") * (1 + eddies)
    cars = at("traffic") * mixed * sites["traffic"]
    smoke = at("smoke") * np.minimum(mixed, 2)
    wood = at("stoves") * mixed * sites["stoves"]
    fine = at("haze") * (1 + 0.2 * eddies) + 2.0 * cars + 5.2 * wood + 1.5 * at("traffic") + 85 * smoke
    coarse = 2.2 + 3.2 * cars * at("dust") + 40 * smoke
    no2 = 3 + 24 * cars / (1 + 0.07 * cars) + 1.5 * wood
    ozone = np.maximum(at("ozone") - 0.7 * no2, 1.5)
    grain = 1 + 0.04 * sensing.normal(sites, at, "grain")
    return {
        "no2": no2 + 0.7 * sensing.normal(sites, at, "no2"),
        "pm10": (fine + coarse) * grain + 0.3,
        "pm2_5": fine * grain,
        "o3": ozone + 0.8 * sensing.normal(sites, at, "o3"),
    }


def weather(sites: Sites, at: At, over: At, _scene: Scene) -> Values:
    """Parameters: `height` above the sea, in m."""
    above = sites["height"] - 110
    humid = (
        at("humidity")
        + 0.02 * above
        + sensing.wave(sites, at, "humid", 1_800)
        + sensing.normal(sites, at, "h")
    )
    wind, gust = sensing.wind_at(sites, at, 1.0)
    pressure = at("pressure") - sites["height"] / _HECTOPASCAL
    wet = np.maximum(1 + 0.35 * sensing.wave(sites, over, "rain", 2_400), 0)
    tips = 10 * over("rain") * wet * sites.interval / _HOUR
    return {
        "air_temperature": at("temperature") - 0.0065 * above
        + 0.35 * sensing.wave(sites, at, "warm", 1_500) + 0.05 * sensing.normal(sites, at, "t"),
        "relative_humidity": np.clip(humid, 12, 100),
        "air_pressure": pressure + 0.06 * sensing.normal(sites, at, "p"),
        "wind_speed": wind,
        "wind_direction": sensing.direction_at(sites, at, gust),
        "rainfall": sensing.count(sites, over, "tips", tips) / 10,
    }  # fmt: skip


def wind(sites: Sites, at: At, _over: At, _scene: Scene) -> Values:
    """Parameters: `exposure`, the wind there in terms of the town's."""
    speed, gust = sensing.wind_at(sites, at, sites["exposure"])
    return {
        "wind_speed": speed,
        "wind_speed.max": speed * (1.3 + 0.2 * np.abs(gust)) + 0.1,
        "wind_direction": sensing.direction_at(sites, at, gust),
    }


def river(sites: Sites, at: At, _over: At, scene: Scene) -> Values:
    """Parameters: `river`, and `share` of its water that flows by."""
    known, which = scene.plan.rivers, np.broadcast_to(sites["river"].astype(np.int64), at.time.shape)
    mouths = {name: at.river(number) for number, name in enumerate(known)}
    swell = 1 + 0.012 * sensing.wave(sites, at, "swell", 2_700) + 0.004 * sensing.normal(sites, at, "gauge")
    flow = np.choose(which, list(mouths.values())) * sites["share"] * swell
    level = np.choose(which, [rivers.level(each, flow, mouths, known) for each in known.values()])
    warms = np.choose(which, [each.warms for each in known.values()])
    daily = warms * np.cos(2 * np.pi * (sun.solar_time(at.time, scene.plan.at) - 17 / 24))
    # Under ice and near it nothing changes.
    warm = at("water_warmth")
    thawed = np.clip((warm - 0.5) / 8, 0, 1)
    warm = warm + thawed * (daily + 0.15 * sensing.wave(sites, at, "eddies", 3_600))
    return {
        "water_level": level + 0.003 * sensing.normal(sites, at, "waves"),
        "discharge": flow,
        "water_temperature": np.maximum(warm, 0.05) + 0.02 * sensing.normal(sites, at, "t"),
    }


def noise(sites: Sites, at: At, over: At, _scene: Scene) -> Values:
    """Parameters: `traffic`, the road's share, 1 on average, and `trains`, that of the railway."""
    slot = over.time // (600 * SECOND)
    into = over.time % (600 * SECOND) / SECOND - 540 * chance.uniform(chance.of(sites.key, "train"), slot)
    runs = chance.uniform(chance.of(sites.key, "service"), slot) < over("trains")
    train = (into >= 0) & (into < np.maximum(40.0, sites.interval)) & runs
    passing = train * sites["trains"] * 10 ** (6.7 + 0.3 * chance.uniform(chance.of(sites.key, "kind"), slot))
    bangs = over("fireworks")
    gale = 10 ** (3.4 + 0.12 * over("wind"))
    energy = 10**4.2 + gale + over("traffic") * sites["traffic"] * 10**6.0 + passing + bangs * 10**8.3
    level = (
        10 * np.log10(energy)
        + 1.1 * sensing.wave(sites, over, "near", 90)
        + 0.5 * sensing.normal(sites, over, "near")
    )
    peak = 5 + 3 * np.abs(sensing.normal(sites, over, "peak")) + 12 * (bangs > 0.02)
    return {
        "sound_level": level,
        "sound_level.max": level + peak,
        "battery_voltage": sensing.battery(sites, at),
    }


def traffic(sites: Sites, at: At, over: At, _scene: Scene) -> Values:
    """Parameters: `vehicles` an hour and direction at the rush."""
    platoons = 1 + 0.18 * sensing.wave(sites, over, "platoons", 240)
    road_use = platoons * sites["vehicles"] * sites.interval / _HOUR
    # Into town in the morning, out of it in the afternoon.
    traffic, tide = over("traffic"), over("tide")
    sunny = np.sin(np.radians(np.maximum(at("sun_height"), 0))) * (1 - 0.8 * at("cloud"))
    night = np.clip(-at("sun_height") / 8, 0, 1) * (1 - at("cloud"))
    road = at("temperature") + 16 * sunny - 2.5 * night + 0.3 * sensing.wave(sites, at, "road", 1_800)
    return {
        "inbound/vehicle_count": sensing.count(sites, over, "in", road_use * (traffic + tide)),
        "outbound/vehicle_count": sensing.count(sites, over, "out", road_use * (traffic - tide)),
        "road_temperature": road + 0.1 * sensing.normal(sites, at, "road"),
    }


def bicycle(sites: Sites, at: At, over: At, _scene: Scene) -> Values:
    """Parameters: `bicycles` an hour and direction at the rush of a fine day."""
    most = sites["bicycles"] * sites.interval / _HOUR
    traffic = over("traffic") * over("cycling")
    # Who came by bicycle rides it home in any weather; and no more can be of the tide than ride at all.
    tide = np.clip(over("tide") * over("cycling_back"), -traffic, traffic)
    came, went = (
        most * np.maximum(1 + 0.2 * sensing.wave(sites, over, way, 700), 0) for way in ("came", "went")
    )
    return {
        "inbound/bicycle_count": sensing.count(sites, over, "in", came * (traffic + tide)),
        "outbound/bicycle_count": sensing.count(sites, over, "out", went * (traffic - tide)),
        "battery_voltage": sensing.battery(sites, at),
    }


def parking(sites: Sites, at: At, _over: At, scene: Scene) -> Values:
    """Parameters: `commuters`, their share of the bays (shoppers have the rest), and `fair`, its pull."""
    clock = rhythm.Clock(at.time)
    return {f"bay-{bay}/occupancy": _bay(sites, at, scene, clock, f"bay-{bay}") for bay in range(1, 17)}


def water_meter(sites: Sites, at: At, _over: At, scene: Scene) -> Values:
    """Parameters: `mean_flow`, in m³/h. The zone around the burst main is fed through its meter."""
    burst, (_, leaked) = scene.plan.burst_main, scene.forces.leaking(at.time)
    # The clock of a zone differs by minutes, and it leaks a little all the time.
    late = (1_800 * SECOND * chance.uniform(chance.of(sites.key, "late"), sensing.ONCE)).astype(np.int64)
    # People are no clockwork: the zone runs some minutes early or late, but never backwards.
    wander = (180 * SECOND * sensing.wave(sites, at, "habits", 2_700)).astype(np.int64)
    used = rhythm.consumed(at.time - late + wander)
    own = (sensing.metres_from(sites, burst.at) < burst.reach / 3).astype(np.float64)
    warm = 0.55 * at("water_warmth") + 3.2 + 0.1 * sensing.wave(sites, at, "warm", 7_200)
    return {
        "water_volume": sites["mean_flow"] * used + own * leaked,
        "water_temperature": warm + 0.05 * sensing.normal(sites, at, "t"),
        "battery_voltage": sensing.battery(sites, at),
        "signal_strength": sensing.signal(sites, at),
    }


def pressure(sites: Sites, at: At, _over: At, scene: Scene) -> Values:
    """Parameters: `static`, the pressure while nobody draws water, in bar."""
    main = scene.plan.burst_main
    near = np.exp(-sensing.metres_from(sites, main.at) / main.reach)
    drawn = 0.32 * at("use") * (1 + 0.15 * sensing.wave(sites, at, "taps", 600))
    burst = near * 2.6 * at("leak") / 110
    return {
        "pipe_pressure": np.maximum(
            sites["static"] - drawn - burst + 0.02 * sensing.normal(sites, at, "p"), 0
        ),
        "battery_voltage": sensing.battery(sites, at),
        "signal_strength": sensing.signal(sites, at),
    }


def visitors(sites: Sites, _at: At, over: At, _scene: Scene) -> Values:
    """Parameters: `crowd`, the hall's share of the visitors."""
    crowd = 2_600 * sites["crowd"] * sites.interval / _HOUR
    key, stay = chance.of(sites.key, "groups"), round(rhythm.STAY * rhythm.HOUR)
    # Who comes in together goes out together.
    came, went = (
        np.maximum(1 + 0.3 * chance.wave(key, time, 900), 0.1) for time in (over.time, over.time - stay)
    )
    return {
        "entrance/people_count": sensing.count(sites, over, "in", crowd * came * over("entering")),
        "exit/people_count": sensing.count(sites, over, "out", crowd * went * over("leaving")),
    }


def people(sites: Sites, _at: At, over: At, _scene: Scene) -> Values:
    """Parameters: `walkers` an hour at the rush, and `fair`, which share of a fair's visitors walks by."""
    groups = np.maximum(1 + 0.3 * sensing.wave(sites, over, "groups", 300), 0.05)
    party = 1.2 * over("fireworks")
    walking = (over("strolling") + party) * sites["walkers"] + 4_000 * over("fair") * sites["fair"]
    return {"people_count": sensing.count(sites, over, "people", walking * groups * sites.interval / _HOUR)}


KINDS: dict[str, tuple[Measure, tuple[str, ...]]] = {
    "air": (air, ("traffic", "stoves")),
    "weather": (weather, ("height",)),
    "wind": (wind, ("exposure",)),
    "river": (river, ("river", "share")),
    "noise": (noise, ("traffic", "trains")),
    "traffic": (traffic, ("vehicles",)),
    "bicycle": (bicycle, ("bicycles",)),
    "parking": (parking, ("commuters", "fair")),
    "light": (lamps.light, ("lamps",)),
    "water-meter": (water_meter, ("mean_flow",)),
    "pressure": (pressure, ("static",)),
    "waste": (bins.waste, ("days_to_full",)),
    "visitors": (visitors, ("crowd",)),
    "people": (people, ("walkers", "fair")),
}
"""By kind how it measures, and its parameters, each a number but for `river`."""


def _bay(sites: Sites, at: At, scene: Scene, clock: rhythm.Clock, name: str) -> FloatArray:
    """Return whether a bay is taken: by a commuter all day, else by cars that stay for an hour or two."""
    stay = 5_400 * SECOND
    key = chance.of(sites.key, name)
    shifted = at.time + (chance.uniform(key, sensing.ONCE) * stay).astype(np.int64)
    slot, into = np.divmod(shifted, stay)
    turn = slot + (into >= chance.uniform(chance.of(key, "change"), slot) * stay)
    # The chance at the car's arrival, not now, or a bay would flicker.
    then, car = scene.at(turn * stay), chance.uniform(chance.of(key, "car"), turn)
    arrives = 7.6 + 3.5 * clock.free + 0.7 * chance.normal(chance.of(key, "arrives"), clock.day)
    leaves = 16.2 + chance.normal(chance.of(key, "leaves"), clock.day)
    comes = np.where(clock.free, 0.25, 0.95 * (1 - clock.away))
    commutes = (clock.hour >= arrives) & (clock.hour < leaves)
    commutes &= chance.uniform(chance.of(key, "comes"), clock.day) < comes
    theirs = chance.uniform(chance.of(key, "theirs"), sensing.ONCE) < sites["commuters"]
    taken = np.where(theirs, commutes, car < then("shopping"))
    return (taken | (car < np.minimum(sites["fair"] * then("fair"), 0.98))).astype(np.float64)
