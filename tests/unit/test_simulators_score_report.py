"""The tables of a score can be read where they go: in a narrow terminal, in a file, in a pipe."""

import pytest

from simulators import score_report
from simulators.recognition import Recognition
from simulators.score import Score
from simulators.showing import Showing

DRIFT = "one sensor alone can't tell a drift from the weather; compare it with its neighbours"
LITTLE = "too little of it, or of the time before, was sent"
FOUND = Score(
    sent=10_000,
    stored=9_990,
    refused=10,
    faults=[
        Recognition("spike", "flags spike, out_of_range", 844, 802, 801, 0, ""),
        Recognition("drift", "flags out_of_range, step", 41, 6, 6, 0, DRIFT),
    ],
    scenarios=[
        Showing("burst-main", "water-01/water_volume", "increase", 70.0, 180.0, 180.0, True),
        Showing("flood", "leira-01/water_level", "max", None, None, None, False, LITTLE),
        Showing("flood", "nitelva-01/discharge", "max", None, None, None, False, LITTLE),
    ],
)


def test_in_a_pipe_each_row_is_a_line_and_notes_stand_below_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    score_report.tell(FOUND)
    told = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in told.splitlines() if line.strip()}
    assert rows["spike"] == ["spike", "flags", "spike,", "out_of_range", "844", "0.95", "801", "0", "1.00"]
    assert rows["drift"][1] == "(1)"
    assert rows["burst-main"][1:] == ["water-01/water_volume", "increase", "70.0", "180.0", "180.0", "yes"]
    assert told.count(f"(1) no flag is meant to: {DRIFT}\n") == 1
    assert told.count(f"(1) {LITTLE}\n") == 1
    assert "0 lost, 10 refused, 0 doubled" in told


def test_in_a_terminal_of_80_columns_no_number_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("NO_COLOR", "1"), ("COLUMNS", "80"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    score_report.tell(FOUND)
    table = [line for line in capsys.readouterr().out.splitlines() if " 844 " in line or " 180.0 " in line]
    assert len(table) == 2
    assert all(len(line.rstrip()) <= 80 and "…" not in line for line in table)
    assert table[0].split()[-5:] == ["844", "0.95", "801", "0", "1.00"]
    assert table[1].split()[-4:] == ["70.0", "180.0", "180.0", "yes"]
