"""The command line, run as its users run it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bypuls
from bypuls.secret_file import SECRETS
from bypuls.settings_table import variables

COMMANDS = (
    ["up"],
    ["ingest"],
    ["api"],
    ["migrate"],
    ["replay"],
    ["simulate"],
    ["nodes", "apply"],
    ["dashboards", "render"],
    ["dashboards", "check"],
    ["dashboards", "publish"],
    ["init"],
    ["settings"],
)


def run(
    *arguments: str, environment: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BYPULS_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "bypuls", *arguments],
        env=clean | {"COLUMNS": "120", "NO_COLOR": "1"} | (environment or {}),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_version_is_told() -> None:
    assert run("--version").stdout == f"bypuls {bypuls.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    told = run(*command, "--help")
    assert told.returncode == 0
    assert f"bypuls {' '.join(command)}" in told.stdout


def test_the_help_waits_for_no_heavy_import() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, bypuls.command; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"numpy", "psycopg", "fastapi", "pydantic", "paho"} & set(loaded)


def test_what_is_wrong_is_told_in_a_sentence_and_without_a_traceback() -> None:
    told = run("migrate")
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == "bypuls: BYPULS_DATABASE_URL: Field required\n"


def test_what_has_to_be_installed_besides_is_told() -> None:
    code = (
        "import sys; sys.modules['grafana_foundation_sdk'] = None;"
        "sys.argv = ['bypuls', 'dashboards', 'check']; from bypuls.command import main; main()"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert told.stderr == "bypuls: this command needs more: pip install 'bypuls[dashboards]'\n"


def test_a_database_that_does_not_answer_is_told_in_a_sentence(tmp_path: Path) -> None:
    told = run("migrate", environment={"BYPULS_DATABASE_URL": f"postgresql://postgres@/x?host={tmp_path}"})
    assert told.returncode == 1
    assert told.stderr.startswith("bypuls: ")
    assert str(tmp_path) in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("speed", ["fast", "0", "-1", "inf", "nan"])
def test_a_speed_that_is_no_factor_is_refused(speed: str) -> None:
    told = run("replay", "--speed", speed)
    assert told.returncode == 1
    assert told.stderr.startswith(f"bypuls: --speed {speed}: ")


def test_the_settings_table_lists_every_variable_once_and_tells_no_value_of_the_environment() -> None:
    told = run("settings", environment={"BYPULS_MQTT_PASSWORD": "hunter2"}).stdout
    first_cells = [line.split("|")[1].strip(" `") for line in told.splitlines()[2:]]
    assert first_cells == list(variables())
    assert "hunter2" not in told
    assert "| `BYPULS_DATABASE_URL` | required |" in told
    assert "| `BYPULS_API_PORT` | `8080` |" in told


def test_init_writes_secrets_that_only_the_owner_can_read(tmp_path: Path) -> None:
    told = run("init", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    secrets = _secrets(tmp_path)
    assert list(secrets) == list(SECRETS)
    assert len(set(secrets.values())) == len(SECRETS)
    assert all(len(secret) >= 43 and secret not in told.stdout for secret in secrets.values())


def test_init_keeps_secrets_that_are_there_unless_it_is_forced(tmp_path: Path) -> None:
    run("init", "--directory", str(tmp_path))
    before = _secrets(tmp_path)
    refused = run("init", "--directory", str(tmp_path))
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert _secrets(tmp_path) == before
    (tmp_path / ".env").chmod(0o644)
    assert run("init", "--directory", str(tmp_path), "--force").returncode == 0
    assert not set(_secrets(tmp_path).values()) & set(before.values())
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_init_in_a_folder_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    told = run("init", "--directory", str(tmp_path / "nowhere"))
    assert told.returncode == 1
    assert told.stderr == f"bypuls: can't write {tmp_path}/nowhere/.env: No such file or directory\n"


def _secrets(folder: Path) -> dict[str, str]:
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
