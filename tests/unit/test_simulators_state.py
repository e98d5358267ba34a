"""The state file of a replay is whole or told to be broken, and belongs to one replay at a time."""

from pathlib import Path

import pytest

from bypuls.errors import BypulsError
from simulators.replay_state import Entry, ReplayState, default_path


def test_what_is_saved_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "state.json"
    with ReplayState(path) as state:
        state.entries["broker node digest"] = Entry("log", 50, 176, 17)
        state.save()
    with ReplayState(path) as state:
        assert state.entries == {"broker node digest": Entry("log", 50, 176, 17)}


def test_a_crash_while_saving_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with ReplayState(path) as state:
        state.entries["name"] = Entry("log", 50, 176, 17)
        state.save()
    (tmp_path / "state.json.unfinished").write_text('{"version":1,"reco')
    with ReplayState(path) as state:
        assert state.entries["name"].safe == 17


@pytest.mark.parametrize(
    "content", ["", "{", '{"version":1}', '{"version":1,"recordings":{"a":{"log":3}}}', "\x80"]
)
def test_a_damaged_file_is_told_with_its_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(BypulsError, match=r"state\.json is damaged .* delete it"), ReplayState(path):
        pass


def test_a_file_of_another_version_is_not_misread(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"version":2,"recordings":{}}')
    with pytest.raises(BypulsError, match="has version 2, known is 1"), ReplayState(path):
        pass


def test_two_replays_do_not_share_a_state_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    uses = pytest.raises(BypulsError, match="another replay uses the state file")
    with ReplayState(path), uses, ReplayState(path):
        pass
    with ReplayState(path):
        pass


def test_a_file_that_cannot_be_made_gives_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BypulsError, match="can't be used"), ReplayState(tmp_path / "file" / "state.json"):
        pass


def test_the_default_file_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert default_path() == tmp_path / "state" / "bypuls" / "replay.json"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert default_path() == tmp_path / ".local" / "state" / "bypuls" / "replay.json"
