"""Cursors hold a position, for one query only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import cursors

QUERY = ["/api/v1/nodes", {"owner": "NILU"}]
POSITIONS = st.lists(st.one_of(st.text(max_size=50), st.integers(-(2**63), 2**63 - 1)), max_size=4)


@given(POSITIONS)
def test_a_cursor_gives_back_the_position_it_was_written_for(position: list[str | int]) -> None:
    cursor = cursors.write(QUERY, position)
    assert cursors.read(QUERY, cursor, [type(part) for part in position]) == position


@given(POSITIONS)
def test_a_cursor_stands_in_a_url_as_it_is(position: list[str | int]) -> None:
    assert set(cursors.write(QUERY, position)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


@given(st.text(max_size=100))
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no cursor of this query"):
        cursors.read(QUERY, text, [str])


@given(st.data())
def test_a_changed_cursor_is_refused(data: st.DataObject) -> None:
    cursor = cursors.write(QUERY, ["air-01"])
    place = data.draw(st.integers(0, len(cursor) - 2))  # the last character has bits that stand for nothing
    letter = data.draw(st.sampled_from("ABCwxyz019-_").filter(lambda new: new != cursor[place]))
    with pytest.raises(ValueError, match="no cursor of this query"):
        cursors.read(QUERY, cursor[:place] + letter + cursor[place + 1 :], [str])


@pytest.mark.parametrize("query", [["/api/v1/nodes", {}], ["/api/v1/streams", {"owner": "NILU"}]])
def test_a_cursor_of_another_query_is_refused(query: list[object]) -> None:
    with pytest.raises(ValueError, match="no cursor of this query"):
        cursors.read(query, cursors.write(QUERY, ["air-01"]), [str])


@pytest.mark.parametrize("kinds", [[int], [str, str], []])
def test_a_cursor_with_another_kind_of_position_is_refused(kinds: list[type[str | int]]) -> None:
    with pytest.raises(ValueError, match="no cursor of this query"):
        cursors.read(QUERY, cursors.write(QUERY, ["air-01"]), kinds)


def test_a_cursor_longer_than_any_is_refused() -> None:
    cursor = cursors.write(QUERY, ["a" * 3_000])
    with pytest.raises(ValueError, match="no cursor of this query"):
        cursors.read(QUERY, cursor, [str])
