"""The flash log of the MicroPython agent, run by a real MicroPython: what a power cut leaves."""

from pathlib import Path

from testbed.micropython import DEVICE_TESTS, run_micropython


def test_a_store_cut_or_changed_at_any_byte_of_its_last_pack_loses_that_pack_at_most(tmp_path: Path) -> None:
    told = run_micropython(DEVICE_TESTS / "store_cut.py", folder=tmp_path)
    assert {"cut", "changed", "begun"} <= {line.split()[0] for line in told.splitlines()}


def test_eras_cut_at_any_byte_keep_what_was_decided_before(tmp_path: Path) -> None:
    assert run_micropython(DEVICE_TESTS / "eras_cut.py", folder=tmp_path) == "cut 25\n"


def test_a_power_cut_at_any_write_to_littlefs_loses_no_pack_that_was_stored(tmp_path: Path) -> None:
    told = run_micropython(DEVICE_TESTS / "littlefs_cut.py", folder=tmp_path)
    writes = next(line for line in told.splitlines() if line.startswith("cut"))
    assert int(writes.split()[1]) > 200


def test_gaps_are_kept_and_told_until_they_are_acknowledged(tmp_path: Path) -> None:
    run_micropython(DEVICE_TESTS / "gaps.py", folder=tmp_path)


def test_a_gap_told_by_a_pack_that_the_flash_refused_is_told_by_the_next_one(tmp_path: Path) -> None:
    assert run_micropython(DEVICE_TESTS / "store_refused.py", folder=tmp_path) == ""


def test_lowered_limits_small_segments_and_a_failing_or_full_flash_lose_no_pack_unseen(
    tmp_path: Path,
) -> None:
    run_micropython(DEVICE_TESTS / "store_limits.py", folder=tmp_path)


def test_an_interrupt_at_any_place_of_a_write_costs_nothing_and_nothing_is_written_behind_it(
    tmp_path: Path,
) -> None:
    told = run_micropython(DEVICE_TESTS / "store_interrupted.py", folder=tmp_path)
    assert [line.split()[0] for line in told.splitlines()] == ["interrupted"] * 16
