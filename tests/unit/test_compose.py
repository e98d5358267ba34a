"""docker-compose.yml, the Dockerfile and what they name; no Docker engine runs here."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from bypuls.command import app
from bypuls.secret_file import SECRETS
from bypuls.settings import ApiSettings, OpenDataSettings
from bypuls.settings_table import variables

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"migrate", "simulator-registry"}
ANYBODY = {"timescaledb"}  # the image starts as root, and the server as its own user


def test_it_follows_the_compose_specification() -> None:
    told = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec", "docker-compose.yml"),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_every_variable_of_ours_is_a_known_setting() -> None:
    named = {
        name
        for service in SERVICES.values()
        for name in service.get("environment", {})
        if name.startswith("BYPULS_")
    }
    assert named
    assert named <= variables().keys()


def test_what_the_page_and_the_catalogue_say_can_be_set_and_is_the_default_if_not() -> None:
    passed = SERVICES["api"]["environment"]
    said = {name for name in variables() if re.match("BYPULS_(OPEN_DATA|API_(TOWN|TILE|OPEN))", name)}
    assert len(said) >= 8
    assert {name for name in said if passed[name].startswith(f"${{{name}:-")} == said
    addressed = {"BYPULS_OPEN_DATA_URL"}  # it has the published port
    assert {name for name in said if passed[name] == f"${{{name}:-}}"} == said - addressed
    assert passed["BYPULS_OPEN_DATA_URL"].endswith(":-http://127.0.0.1:${PUBLISH_HTTP_PORT:-8080}}")


def test_a_setting_that_is_passed_on_empty_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ApiSettings(), OpenDataSettings()
    for name in variables():
        if name.startswith(("BYPULS_OPEN_DATA_", "BYPULS_API_")):
            monkeypatch.setenv(name, "")
    assert (ApiSettings(), OpenDataSettings()) == expected


def test_the_secrets_it_requires_are_those_that_init_makes() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert required == SECRETS.keys()
    optional = set(re.findall(r"\$\{(\w+):-", TEXT))
    assert required | optional == set(re.findall(r"\$\{?(\w+)", TEXT))
    passwords = {name for name in variables() if "PASSWORD" in name or "TOKEN" in name}
    assert not optional & passwords


def test_ports_are_bound_to_loopback_unless_the_operator_says_otherwise() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 3
    assert all(port.startswith("${PUBLISH_ADDRESS:-127.0.0.1}:") for port in published)


def test_what_is_mounted_is_there() -> None:
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    paths = [name for name in mounted if name.startswith(".")]
    assert paths
    assert all((PROJECT / path).exists() for path in paths)
    assert {name for name in mounted if not name.startswith(".")} == COMPOSE["volumes"].keys()


def test_what_keeps_running_has_a_health_check_or_nobody_who_asks_it() -> None:
    unchecked = {name for name, service in SERVICES.items() if "healthcheck" not in service}
    assert unchecked == ONE_SHOT | {"simulator"}
    for name, service in SERVICES.items():
        for other, condition in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
            assert condition["condition"] == expected, f"{name} waits for {other}"


def test_containers_get_no_privileges_that_they_do_not_need() -> None:
    for name, service in SERVICES.items():
        if name not in ANYBODY:
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name


def test_images_are_pinned_to_a_version() -> None:
    named = [service["image"] for service in SERVICES.values()]
    named += re.findall(r"^FROM (\S+)", (PROJECT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert all(re.search(r":\d+\.\d+\.\d+(-[a-z0-9.]+)*$", image) for image in named), named


def test_the_image_has_the_version_of_the_project() -> None:
    from bypuls import __version__

    assert SERVICES["api"]["image"] == f"bypuls:{__version__}"


def test_every_service_of_ours_runs_a_command_that_there_is() -> None:
    ours = [service["command"] for service in SERVICES.values() if service["image"].startswith("bypuls")]
    for first, *rest in ours:
        command = get_command(app).commands[first]  # type: ignore[attr-defined]  # it is a group
        while rest and not rest[0].startswith("-"):
            command = command.commands[rest.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("-")} <= options


def test_the_dockerfile_has_no_lint() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    told = subprocess.run([hadolint, "Dockerfile"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "")


def test_the_image_holds_all_packages_and_its_build_gets_nothing_else() -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    copied = set(re.findall(r"^COPY (?!--from)(\S+) ", dockerfile, re.MULTILINE))
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert copied == packages | {"requirements/server.txt", "LICENSE"}
    ignored = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied


def test_the_image_does_not_run_as_root() -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    last = dockerfile.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (\S+)", last, re.MULTILINE) == ["10001"]


def test_grafana_reads_through_the_read_only_role_only() -> None:
    [source] = yaml.safe_load((PROJECT / "docker/grafana/provisioning/datasources/bypuls.yaml").read_text())[
        "datasources"
    ]
    assert source["user"] == "bypuls_grafana"
    assert source["secureJsonData"] == {"password": "$BYPULS_ROLE_GRAFANA_PASSWORD"}
    assert "BYPULS_ROLE_GRAFANA_PASSWORD" in SERVICES["grafana"]["environment"]
    assert source["jsonData"]["database"] == SERVICES["timescaledb"]["environment"]["POSTGRES_DB"]
    assert source["url"].partition(":")[0] in SERVICES
