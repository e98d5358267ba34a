"""Turns: only so many series at once, and a problem for those that wait too long."""

from threading import Thread

import pytest

from api.problems import TooBusy
from api.turns import Turns


def test_a_turn_that_does_not_come_in_time_is_refused() -> None:
    turns = Turns(at_once=1, patience=0.01)
    with turns.taken(), pytest.raises(TooBusy, match=r"1 series are being made.*0\.01 s"), turns.taken():
        pass
    with turns.taken():
        pass  # given back


def test_a_turn_is_given_back_after_an_error() -> None:
    turns = Turns(at_once=1, patience=0.01)
    with pytest.raises(ZeroDivisionError), turns.taken():
        raise ZeroDivisionError
    with turns.taken():
        pass


def test_a_request_waits_for_its_turn() -> None:
    turns, order = Turns(at_once=1, patience=10), list[str]()

    def wait() -> None:
        with turns.taken():
            order.append("second")

    with turns.taken():
        thread = Thread(target=wait)
        thread.start()
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
