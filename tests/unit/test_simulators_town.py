"""The simulated town is a pure function of seed and time, in the right units and within what is plausible."""

import numpy as np
import pytest

from bypuls.channels import of_channel
from bypuls.errors import BypulsError
from bypuls.quantities import Kind
from bypuls.readings import SECOND
from simulators.town import town as towns
from simulators.town.scenarios import SCENARIOS, Forces
from simulators.town.town import Town, rounded
from testbed.town_values import DAY, KINDS, NODES, PLAN, YEAR, group_of, instants, measured, town


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_of_a_year_is_plausible_and_has_its_sensors_resolution(kind: str) -> None:
    group = group_of(town(), kind)
    values = measured(town(), kind, YEAR)
    assert list(values) == [channel.name for channel in group.channels]
    for channel in group.channels:
        meaning, column = of_channel(channel.name), values[channel.name]
        assert meaning.quantity is not None
        assert column.shape == (len(group.names), len(YEAR))
        assert column.dtype == np.float64
        assert meaning.quantity.low <= column.min()
        assert column.max() <= meaning.quantity.high
        assert np.array_equal(column, np.round(column, channel.decimals))
        if meaning.quantity.kind is Kind.STATE:
            assert set(column.ravel().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("kind", KINDS)
def test_any_instant_is_the_same_by_itself_as_among_others_and_after_a_restart(kind: str) -> None:
    group, ticks = group_of(town(7), kind), instants("2026-02-03T22:10:00+00:00", 5 * DAY, 1_000)
    together = measured(town(7), kind, ticks)
    again = Town(PLAN, NODES, 7, Forces([], 0))  # with no history at all
    for position in (0, 123, len(ticks) - 1):
        tick = np.full((len(group.names), 1), ticks[position])
        alone = rounded(group, again.measure(group_of(again, kind), np.arange(len(group.names)), tick))
        for channel, values in alone.items():
            assert values[:, 0].tolist() == together[channel][:, position].tolist(), channel


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"light"}))  # lamps follow the sun
def test_another_seed_gives_another_town(kind: str) -> None:
    one, other = (measured(town(seed), kind, YEAR[:240]) for seed in (1, 2))
    assert all((one[channel] != other[channel]).any() for channel in one)


@pytest.mark.parametrize("kind", KINDS)
def test_two_nodes_of_a_kind_differ(kind: str) -> None:
    for channel, values in measured(town(), kind, YEAR[:240]).items():
        if channel != "lamp_state":
            assert len({tuple(row) for row in values.tolist()}) == len(values), channel


def test_every_node_has_a_place_an_owner_and_intervals_that_the_registry_takes() -> None:
    assert len({node.node for node in NODES}) == len(NODES) == 85
    for node in NODES:
        entry = node.registered()
        assert entry.owner is not None
        assert entry.owner.endswith("(simulated)")
        assert 59.85 < node.latitude < 60.1
        assert 10.9 < node.longitude < 11.4
        assert {stream.expected_interval for stream in entry.stream} == {node.interval}
        assert 10 <= node.interval <= 3_600
    assert {stream.open_data for node in NODES for stream in node.registered().stream} == {True, False}


RAELINGEN = np.array(
    [
        (59.9274, 11.0882), (59.9374, 11.0729), (59.9451, 11.0582), (59.9530, 11.0364), (59.9548, 11.0253),
        (59.9502, 11.0211), (59.9429, 11.0227), (59.9401, 11.0124), (59.9354, 11.0138), (59.9378, 11.0191),
        (59.9303, 11.0290),
    ]
)  # fmt: skip
"""The north of the municipality across the Nitelva, to about 60 m, after Kartverket's borders."""


def test_no_node_stands_across_the_river_in_the_neighbouring_municipality() -> None:
    for node in NODES:
        corners = RAELINGEN - [node.latitude, node.longitude]
        (south, west), (north, east) = corners.T, np.roll(corners, -1, axis=0).T
        crossed = (south > 0) != (north > 0)
        to_the_east = west[crossed] - south[crossed] * (east - west)[crossed] / (north - south)[crossed] > 0
        assert to_the_east.sum() % 2 == 0, node.node


def test_a_town_is_multiplied_plausibly() -> None:
    many = towns.read("lillestrom", 1_000)
    assert many[:85] == NODES
    assert len({node.node for node in many}) == 1_000
    copies = many[85:]
    assert all(abs(copy.latitude - NODES[number % 85].latitude) < 0.02 for number, copy in enumerate(copies))
    for number, copy in enumerate(copies):
        like, kept = NODES[number % 85], {"height", "static", "share", "river", "exposure", "days_to_full"}
        assert copy.place == copy.registered().place == f"{like.place} {number // 85 + 2}"
        for name, value in copy.parameters.items():
            own = like.parameters[name]
            assert value == own if name in kept or own == 0 else 0.7 * own <= value < own, (copy.node, name)
        moved = (copy.latitude, copy.longitude) != (like.latitude, like.longitude)
        assert moved == (copy.kind != "river"), copy.node
    assert len(towns.read("lillestrom", 14)) == len(KINDS)
    assert {node.kind for node in towns.read("lillestrom", 14)} == set(KINDS)
    with pytest.raises(BypulsError, match="0 nodes were asked for"):
        towns.read("lillestrom", 0)
    with pytest.raises(BypulsError, match="there is no town 'oslo'; known are lillestrom"):
        towns.read("oslo")


def test_a_stretch_of_time_is_cut_into_blocks_without_gaps_or_overlaps() -> None:
    one, start, step = town(), int(YEAR[250]) + 123, 977 * SECOND
    whole = [
        (name, int(tick))
        for block in one.blocks(start, start + 40 * step)
        for name, ticks in zip([block.group.names[row] for row in block.rows], block.tick, strict=True)
        for tick in ticks.tolist()
    ]
    pieces = [
        (block.group.names[row], tick)
        for piece in range(40)
        for block in one.blocks(start + piece * step, start + (piece + 1) * step)
        for row, ticks in zip(block.rows.tolist(), block.tick, strict=True)
        for tick in ticks.tolist()
    ]
    assert len(set(whole)) == len(whole)
    assert sorted(whole) == sorted(pieces)
    expected = sum(40 * 977 / node.interval for node in NODES)
    assert len(whole) == pytest.approx(expected, abs=len(NODES))


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_scenario_shows_where_it_says_and_leaves_the_time_before_alone(name: str) -> None:
    at = int(instants("2026-11-18T12:00+00:00", 1, 1)[0])
    one, usual = town(7, name, at), town(7)
    begin, end = one.scene.forces.span(name)
    for shown in PLAN.shows[name]:
        stream, _, statistic = shown.partition(":")
        node, _, channel = stream.partition("/")
        group = next(group for group in one.groups if node in group.names)
        row = np.array([group.names.index(node)])
        now = np.arange(begin, end, group.step)[None, :]
        before = now[:, :100] - 5 * DAY * SECOND
        with_it, without = (each.measure(group, row, now)[channel][0] for each in (one, usual))
        if statistic == "increase":
            with_it, without = np.diff(with_it), np.diff(without)
        if statistic in ("min", "mean"):
            fold = np.min if statistic == "min" else np.mean
            assert fold(with_it) < 0.75 * fold(without), shown
        else:
            assert with_it.max() > 1.3 * without.max(), shown
        if name != "flood":
            then, usually = (each.measure(group, row, before)[channel] for each in (one, usual))
            assert np.array_equal(then, usually)


def test_a_scenario_that_is_not_known_is_told_with_those_that_are() -> None:
    with pytest.raises(BypulsError, match="there is no scenario 'war'; known are everyday, inversion, flood"):
        Forces(["war"], 0)
