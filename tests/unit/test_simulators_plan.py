"""A town's file is read once, says what is wrong with it, and holds everything that names the town."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from bypuls.errors import BypulsError
from bypuls.readings import SECOND
from simulators.town import plan as plans
from simulators.town import town as towns
from simulators.town.plan import TownPlan
from simulators.town.scenarios import SCENARIOS, Forces
from simulators.town.town import Town, rounded

TEXT = (plans.FOLDER / "lillestrom.toml").read_text(encoding="utf-8")
START = 1_767_000_000 * SECOND
STEP = 7_200 * SECOND


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    """Write Lillestrøm's file with changes."""
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "town.toml"
    path.write_text(text, encoding="utf-8")
    return path


def digest(plan: TownPlan) -> str:
    """Return a digest of what all nodes measure, to their resolution, every two hours of four days."""
    town = Town(plan, towns.nodes_of(plan), 7, Forces(list(SCENARIOS), START + 24 * STEP))
    found = hashlib.sha256()
    for group in town.groups:
        tick = np.broadcast_to(START + np.arange(48) * STEP, (len(group.names), 48))
        for values in rounded(group, town.measure(group, np.arange(len(group.names)), tick)).values():
            found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def test_rivers_bear_any_name_and_the_town_is_the_same(tmp_path: Path) -> None:
    renamed = plans.load(written(tmp_path, ('"leira"', '"akerselva"'), ('"glomma"', '"drammenselva"')))
    assert list(renamed.rivers) == ["drammenselva", "nitelva", "akerselva"]
    assert digest(renamed) == digest(plans.read("lillestrom"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "lillestrom"', 'name = "sand"'),  # its weather
        ("at = [59.953, 11.0495]", "at = [63.43, 10.4]"),  # its sun
        ("at = [59.956, 11.0485]", "at = [59.93, 11.16]"),  # its burst main
        ("metre = 9", "metre = 8"),
        ("held = 0.8", "held = 0.7"),
        ("area = 660", "area = 600"),
    ],
)
def test_what_the_file_says_counts(old: str, new: str, tmp_path: Path) -> None:
    assert digest(plans.load(written(tmp_path, (old, new)))) != digest(plans.read("lillestrom"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("area = 660", 'area = "large"', r"Expected `float`, got `str` - at `\$\.river\[2\]\.area`"),
        ("area = 660", "area = -1", r"Expected `float` > 0.* - at `\$\.river\[2\]\.area`"),
        ("area = 660", "aera = 660", r"`aera` - at `\$\.river\[2\]`"),
        ("[[30, 0.4]", "[[30, 0.5]", "the zones of the river nitelva have shares of 1.1 in all"),
        (
            'held_by = "glomma"',
            'held_by = "rhinen"',
            "nitelva is held by 'rhinen', which is none of its rivers",
        ),
        (
            'snow = "nitelva"',
            'snow = "rhinen"',
            "snow = 'rhinen' is none of its rivers, glomma, nitelva, leira",
        ),
        ('name = "leira"', 'name = "nitelva"', "two rivers have one name"),
        ("flood = [", "war = [", "there is no scenario 'war' to show"),
        (
            "air-02/no2:max",
            "air-99/no2:max",
            "inversion shows in 'air-99/no2:max'; that must be a stream of its",
        ),
        ("air-02/no2:max", "air-02/no2:median", "'air-02/no2:median'; that must be .* one of max, min, mean"),
        ("interval = 300", "interval = 0", r"Expected `float` > 0.* - at `\$\.kind\[0\]\.interval`"),
        (
            "thresholds.leira-02",
            "thresholds.leira-9",
            "thresholds of leira-9/water_level, and no node has this",
        ),
        ("[[kind]]", "[[kind", r"at line \d+"),
    ],
)
def test_a_file_that_makes_no_town_is_told_with_the_place_and_the_reason(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(BypulsError, match=f"the town in .*town.toml can't be (read|built): .*{told}"):
        plans.load(written(tmp_path, (old, new)))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('kind = "waste"', 'kind = "rubbish"', "there is no kind of node 'rubbish'; known are air, weather"),
        (
            "lamps = 48",
            "lamp = 48",
            r"light node 'light-01' .*the parameters \['lamp'\]; they must be \['lamps'\]",
        ),
        (
            "lamps = 48",
            'lamps = "many"',
            "the light node 'light-01' can't be built: Expected `float`, got `str`",
        ),
        ('river = "leira"', 'river = "rhinen"', "the river node 'leira-01' can't be built: Expected `float`"),
        (
            "at = [60.0021, 11.0371]",
            "at = [60.0021]",
            "the light node 'light-01' can't be built: Expected `array`",
        ),
        (
            "fill_level = 0",
            "fullness = 0",
            "'waste-01' can't be built: the channel 'fullness' names no quantity",
        ),
    ],
)
def test_a_node_that_cannot_be_built_is_named(old: str, new: str, told: str, tmp_path: Path) -> None:
    plan = plans.load(written(tmp_path, (old, new)))
    with pytest.raises(BypulsError, match=told):
        towns.nodes_of(plan)


def test_a_town_that_is_nowhere_is_told_with_those_that_are_known() -> None:
    assert plans.known() == ["lillestrom"]
    with pytest.raises(BypulsError, match="there is no town 'oslo'; known are lillestrom"):
        plans.read("oslo")
    with pytest.raises(BypulsError, match=r"can't be read: .*No such file"):
        plans.load(plans.FOLDER / "oslo.toml")
