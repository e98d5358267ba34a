"""Children, their supervisor, the data folder and interruptions, with real processes."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bypuls.embedded import child as child_module
from bypuls.embedded import folder as folder_module
from bypuls.embedded import supervisor as supervisor_module
from bypuls.embedded.child import Child
from bypuls.embedded.folder import DataFolder
from bypuls.embedded.port import free_port, require_free
from bypuls.embedded.supervisor import Supervisor
from bypuls.errors import BypulsError
from bypuls.interruption import Interrupted, Interruption

SLEEPER = "import time; print('awake', flush=True); time.sleep(60)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('awake', flush=True)
time.sleep(60)
"""
DYING = "print('first'); print('no such file: x'); raise SystemExit(3)"


@pytest.fixture
def children(tmp_path: Path) -> Iterator[list[Child]]:
    started: list[Child] = []
    yield started
    for child in started:
        child.kill()


def _child(tmp_path: Path, program: str, children: list[Child]) -> Child:
    child = Child("thing", [sys.executable, "-c", program], tmp_path / "thing.log")
    children.append(child)
    return child


def _until_it_says(child: Child, word: str) -> None:
    deadline = time.monotonic() + 10
    while word not in child.last_words():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_child_ends_when_it_is_asked_to(tmp_path: Path, children: list[Child]) -> None:
    child = _child(tmp_path, SLEEPER, children)
    assert child.fate == "not started"
    child.start()
    _until_it_says(child, "awake")
    child.ask_to_stop()
    child.wait(10)
    assert (child.running, child.fate) == (False, "SIGTERM")


def test_a_child_that_does_not_end_in_time_is_killed(tmp_path: Path, children: list[Child]) -> None:
    child = _child(tmp_path, STUBBORN, children)
    child.start()
    _until_it_says(child, "awake")
    child.ask_to_stop()
    child.wait(0.2)
    assert (child.running, child.fate) == (False, "SIGKILL")


def test_a_child_ends_with_the_thread_that_started_it(tmp_path: Path, children: list[Child]) -> None:
    child = _child(tmp_path, SLEEPER, children)

    def start() -> None:
        child.start()
        _until_it_says(child, "awake")

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    child.wait(10)
    assert child.fate == "SIGKILL"


def test_the_last_words_are_those_of_the_present_run(tmp_path: Path, children: list[Child]) -> None:
    (tmp_path / "thing.log").write_text("words of an earlier run\n")
    child = _child(tmp_path, DYING, children)
    child.start()
    child.wait(10)
    assert child.last_words() == ["first", "no such file: x"]
    assert child.last_words(1) == ["no such file: x"]
    assert child.fate == "exit status 3"


def test_a_log_is_bounded_while_it_is_written(
    tmp_path: Path, children: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_module, "MAX_LOG", 10_000)
    program = "import time\nwhile True:\n    print('x' * 99, flush=True)\n    time.sleep(0.001)"
    child = _child(tmp_path, program, children)
    child.start()
    deadline = time.monotonic() + 10
    while not (tmp_path / "thing.log.1").exists():
        assert time.monotonic() < deadline
        child.bound_log()
        time.sleep(0.01)
    assert child.log.stat().st_size < 5_000
    assert (tmp_path / "thing.log.1").stat().st_size > 10_000
    _until_it_says(child, "x" * 99)
    assert b"\0" not in child.log.read_bytes()  # it appends where the log was cut, and not where it was


def test_a_child_that_dies_again_and_again_gets_growing_pauses_and_its_last_words_are_told(
    tmp_path: Path, children: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(supervisor_module, "LONGEST_PAUSE", 0.15)
    child = _child(tmp_path, DYING, children)
    told = _told_of(child, ends=4)
    ends = [line for line in told if "ended (exit" in line]
    assert ends[0] == "thing ended (exit status 3) after 0 s; starting it again in 0.05 s"
    assert [line.rpartition(" in ")[2] for line in ends] == ["0.05 s", "0.1 s", "0.15 s", "0.15 s"]
    assert told.count("thing started again") == 3
    assert told[told.index(ends[0]) + 1] == "thing started again"
    second = told.index(ends[1])
    assert told[second + 1 : second + 4] == [
        f"  it ended 2 times; the end of {child.log}:",
        "    first",
        "    no such file: x",
    ]


def test_a_child_that_ran_well_before_it_died_gets_the_first_pause_every_time(
    tmp_path: Path, children: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(supervisor_module, "STEADY", 0.0)
    told = _told_of(_child(tmp_path, DYING, children), ends=3)
    assert [line.rpartition(" in ")[2] for line in told if "ended" in line] == ["0.05 s"] * 3


def test_a_child_that_can_not_be_started_again_is_tried_later(
    tmp_path: Path, children: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(supervisor_module, "LONGEST_PAUSE", 0.0)
    told: list[str] = []
    (tmp_path / "log").mkdir()
    child = Child("thing", [sys.executable, "-c", SLEEPER], tmp_path / "log" / "thing.log")
    children.append(child)
    supervisor = Supervisor([child], told.append)
    child.start()
    child.kill()
    (tmp_path / "log").rename(tmp_path / "gone")
    supervisor.look()
    supervisor.look()
    assert told[-1] == "thing can't be started: No such file or directory; trying again in 0 s"
    (tmp_path / "log").mkdir()
    supervisor.look()
    assert told[-1] == "thing started again"


def _told_of(child: Child, ends: int) -> list[str]:
    """Supervise a child until it has ended so many times, and return what was told."""
    told: list[str] = []
    supervisor = Supervisor([child], told.append)
    child.start()
    deadline = time.monotonic() + 20
    while sum("ended (exit" in line for line in told) < ends:
        assert time.monotonic() < deadline, told
        supervisor.look()
        time.sleep(0.01)
    return told


def test_a_data_folder_is_used_by_one_at_a_time(tmp_path: Path) -> None:
    used = rf"\(process {os.getpid()}\) uses {tmp_path}/data: stop it"
    with DataFolder(tmp_path / "data"), pytest.raises(BypulsError, match=used):
        DataFolder(tmp_path / "data").__enter__()
    with DataFolder(tmp_path / "data") as again:
        assert again.log.is_dir()


def test_a_full_disk_is_told_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "ROOM", 1 << 60)
    with pytest.raises(
        BypulsError, match=rf"has \d+ MB of free disk space, at least {1 << 40} MB are needed"
    ):
        DataFolder(tmp_path / "data").__enter__()
    monkeypatch.undo()
    with DataFolder(tmp_path / "data"):
        pass  # the refused one has given the lock up


def test_a_new_mount_with_its_lost_and_found_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    with DataFolder(tmp_path):
        pass


def test_a_port_in_use_is_told_and_one_that_was_just_closed_is_not() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:
        with pytest.raises(
            BypulsError, match=f"port {port} is taken by another program; choose .* --http-port"
        ):
            require_free(port, "--http-port")
        with socket.create_connection(("127.0.0.1", port)) as client:
            listener.accept()[0].close()  # this end closes first, so it lingers in TIME_WAIT
            assert client.recv(1) == b""
    require_free(port, "--http-port")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_the_next_pause_and_nothing_else(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Interruption() as interruption:
        interruption.pause(0.01)
        os.kill(os.getpid(), number)
        begin = time.monotonic()
        with pytest.raises(Interrupted):
            interruption.pause(30)
        with pytest.raises(Interrupted):
            interruption.pause(0)
    assert time.monotonic() - begin < 5
    assert signal.getsignal(number) is before


def test_one_that_nohup_started_survives_the_end_of_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            interruption.pause(0.01)
    finally:
        signal.signal(signal.SIGHUP, before)
