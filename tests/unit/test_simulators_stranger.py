"""Somebody else under our nodes' names is told of once, and not taken for what an earlier run left behind."""

from simulators.stranger import Stranger


def test_acknowledgements_that_an_earlier_run_left_behind_are_no_stranger() -> None:
    told: list[str] = []
    now = [100.0]
    stranger = Stranger(told.append, lambda: now[0])
    for now[0] in (100.0, 101.0, 104.9):
        stranger.notice("air-01")
    assert not told
    assert not stranger.is_here


def test_a_stranger_is_told_of_once_and_gone_after_a_minute() -> None:
    told: list[str] = []
    now = [100.0]
    stranger = Stranger(told.append, lambda: now[0])
    for now[0] in (100.0, 105.0, 200.0):
        stranger.notice("air-01")
    assert len(told) == 1
    assert "air-01" in told[0]
    assert stranger.is_here
    now[0] = 261.0
    assert not stranger.is_here
