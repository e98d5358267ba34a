"""Under seeded faults of everything, the agents lose, double and falsify nothing; the baseline does."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from chaos import table
from chaos.campaign import Campaign
from chaos.naive import NaiveNode
from chaos.pi import PiNode
from chaos.platform import Platform
from chaos.run import Fleet, await_samples, run
from chaos.schedule import KINDS, LENGTH, NODES, Fault, Schedule, schedule

SEEDS = (10, 12, 17, 20, 24, 36, 37, 41, 44, 48)
"""Ten of the sixty schedules of `make chaos`, with most kinds of faults among them."""

FAILED = (13, 103)
"""Seeds that found a defect once. 13: a board began anew when its broker hung up between two packs. 103: a
board's clock, an hour slow, placed readings an hour early.
"""

TRIGGER = """
CREATE FUNCTION sabotage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.value::int % 20 = 7 THEN RETURN NULL; END IF;
    IF NEW.value::int % 20 = 13 THEN NEW.value := NEW.value + 0.5; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sabotage BEFORE INSERT ON reading FOR EACH ROW EXECUTE FUNCTION sabotage();
"""
"""A database that commits and forgets every twentieth reading, and falsifies another."""


@pytest.fixture(scope="module")
def campaign() -> Iterator[Campaign]:
    """All schedules, some at a time, begun with the first test."""
    with Campaign([*SEEDS, *FAILED], 3) as begun:
        yield begun


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [*SEEDS, *FAILED])
def test_the_agents_lose_double_and_falsify_nothing(campaign: Campaign, seed: int) -> None:
    outcome = campaign.outcomes[seed].result()
    total = table.agents([outcome])
    assert outcome.good, f"{outcome.schedule}\n" + "\n".join(total.notes)
    assert total.distinct > 100  # a schedule in which nothing happened would prove nothing


@pytest.mark.timeout(300)
def test_the_baseline_loses_what_the_broker_had_confirmed_under_the_same_schedules(
    campaign: Campaign,
) -> None:
    outcomes = [future.result() for future in campaign.outcomes.values()]
    assert table.of_kind(outcomes, NaiveNode.kind).lost_acknowledged > 0


def test_as_many_seeds_in_a_row_as_there_are_kinds_of_faults_have_them_all() -> None:
    for first in (1, 1_000):
        seeds = range(first, first + len(KINDS))
        found = {(fault.action, fault.victim) for seed in seeds for fault in schedule(seed).faults}
        assert found == set(KINDS)


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """A platform for what is planted."""
    with Platform() as made:
        yield made


def at_restart(change: Callable[[sqlite3.Connection], None]) -> Callable[[Fleet], None]:
    """Return what lets `change` be done to the store of the first Pi node when it is started again."""

    def plant(fleet: Fleet) -> None:
        node = next(each for each in fleet[NODES[0]] if isinstance(each, PiNode))
        start = node.start

        def change_and_start() -> None:
            if node.in_hand:  # it was killed
                with closing(sqlite3.connect(node.store / "edge.db", isolation_level=None)) as store:
                    change(store)
            start()

        node.start = change_and_start  # type: ignore[method-assign]

    return plant


@pytest.mark.timeout(300)
def test_a_pack_that_an_agent_throws_away_is_missed(platform: Platform) -> None:
    thrown = []

    def throw_away(store: sqlite3.Connection) -> None:
        thrown.extend(store.execute("DELETE FROM pack WHERE seq % 5 = 1 RETURNING seq").fetchall())

    faults = [Fault("cut", NODES[0], 1.0, 3.8, 0.5), Fault("kill", NODES[0], 4.0, 4.5, 0.5)]
    outcome = run(Schedule(9_001, faults), platform, prepare=at_restart(throw_away), patience=8)
    assert thrown
    assert not outcome.good
    assert outcome.verdicts["pi"].lost >= len(thrown)
    assert outcome.verdicts["micropython"].good


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("number", "faults"),
    [
        (9_003, [Fault("cut", NODES[0], 1.0, 4.5, 0.5), Fault("kill", NODES[0], 3.0, 3.5, 0.5)]),
        (9_004, [Fault("full", NODES[0], 1.2, 6.2, 0.5), Fault("kill", NODES[0], 5.2, 5.5, 0.5)]),
        (9_005, [Fault("cut", NODES[0], 1.0, 4.5, 0.5), Fault("tear", NODES[0], 3.0, 4.0, 0.5)]),
    ],
    ids=["cut off", "full", "torn"],
)
def test_a_pack_that_an_agent_declares_dropped_without_a_reason_is_told(
    platform: Platform, number: int, faults: list[Fault]
) -> None:
    dropped: list[tuple[int]] = []

    def drop_and_declare(store: sqlite3.Connection) -> None:
        dropped.extend(
            store.execute(
                # The newest, which no full store costs: of the oldest a slow machine may have dropped more.
                "DELETE FROM pack WHERE seq IN (SELECT seq FROM pack ORDER BY seq DESC LIMIT 5) RETURNING seq"
            ).fetchall()
        )
        for (seq,) in dropped:
            store.execute("INSERT INTO gap VALUES (?, ?)", [seq, seq])

    outcome = run(Schedule(number, faults), platform, prepare=at_restart(drop_and_declare), patience=8)
    assert len(dropped) == 5
    assert outcome.verdicts["pi"].undue >= 5
    assert outcome.verdicts["pi"].lost == 0
    assert not outcome.good
    assert outcome.verdicts["micropython"].good


@pytest.mark.timeout(300)
def test_a_row_that_nobody_sent_and_that_comes_after_all_have_arrived_is_noticed(platform: Platform) -> None:
    def copy(fleet: Fleet) -> None:
        await_samples([node for nodes in fleet.values() for node in nodes])
        time.sleep(LENGTH + 1.2)
        with psycopg.connect(platform.url) as connection:
            connection.execute(
                """INSERT INTO reading (stream_id, time, value, flags)
                   SELECT stream_id, time + interval '1 us', value, flags FROM reading
                   JOIN stream USING (stream_id) JOIN node USING (node_id)
                   WHERE node = 'pi-9006-0' AND channel = 'no2' LIMIT 1"""
            )

    copied: list[Future[None]] = []
    with ThreadPoolExecutor(1) as later:
        outcome = run(
            Schedule(9_006, []),
            platform,
            prepare=lambda fleet: copied.append(later.submit(copy, fleet)),
            patience=8,
        )
        copied[0].result()
    assert outcome.verdicts["pi"].wrong == 1
    assert not outcome.good


@pytest.mark.timeout(300)
def test_readings_that_the_database_forgets_or_falsifies_are_missed(platform: Platform) -> None:
    with psycopg.connect(platform.url) as connection:
        connection.execute(TRIGGER)
    try:
        outcome = run(Schedule(9_002, []), platform, patience=5)
    finally:
        with psycopg.connect(platform.url) as connection:
            connection.execute("DROP FUNCTION sabotage CASCADE")
    for kind in ("pi", "micropython"):
        verdict = outcome.verdicts[kind]
        assert verdict.lost_acknowledged > 0
        assert verdict.wrong > 0
    assert not outcome.good
