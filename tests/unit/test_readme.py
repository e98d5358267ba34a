"""What the documents tell is so: settings, commands, links, tables, and packs that can be decoded."""

import json
import re
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bypuls import senml
from bypuls.channels import of_channel
from bypuls.command import app
from bypuls.quantities import QUANTITIES
from bypuls.quarantine import MEANING
from bypuls.settings_table import settings_table
from bypuls.units import UNITS, conversion

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted((PROJECT / "docs").glob("*.md"))]
README, WIRE = ((PROJECT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/wire.md"))

TARGETS = set(re.findall(r"^([a-z]+):.*##", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)

# As a word, or in a folder of programs; not the database in a URL.
_CALL = re.compile(r"(?:^|\s|bin/)bypuls +([a-z-][^\n#|&;]*)", re.MULTILINE)

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def blocks(text: str, language: str) -> list[str]:
    return [body for kind, body in _FENCE.findall(text) if kind == language]


def code(text: str) -> str:
    """Return what stands in code blocks and between backticks, a piece a line."""
    return "\n".join(
        [body for _, body in _FENCE.findall(text)] + re.findall(r"`([^`]+)`", _FENCE.sub("", text))
    )


def table(text: str, heading: str) -> list[list[str]]:
    """Return the rows of the table below a heading, without its head and without backticks."""
    lines = text.partition(f"# {heading}\n")[2].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|")) + 2
    rows = takewhile(lambda line: line.startswith("|"), lines[start:])
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]


def anchors(text: str) -> set[str]:
    """Return what the headings are called in links."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_call(words: list[str]) -> None:
    """Fail unless there is such a command of bypuls, with these options."""
    command: Any = get_command(app)
    rest = list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        assert name in command.commands, f"bypuls {' '.join(words)}: there is no {name}"
        command = command.commands[name]
    options = [(*parameter.opts, *parameter.secondary_opts) for parameter in command.params]
    known = {"--help", *chain.from_iterable(options)}
    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= known


def test_the_settings_table_of_the_readme_is_what_bypuls_settings_prints() -> None:
    between = README.partition("<!-- bypuls settings -->\n")[2].partition("\n<!-- end -->")[0]
    assert between == settings_table()


@every_document
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    named = set(re.findall(r"\bmake ([a-z]+)", code(document.read_text(encoding="utf-8"))))
    assert named <= TARGETS


@every_document
def test_every_command_of_bypuls_that_is_named_exists_with_its_options(document: Path) -> None:
    text = code(document.read_text(encoding="utf-8"))
    calls: list[str] = _CALL.findall(text)
    calls += [f"up {arguments}" for arguments in re.findall(r'make up ARGS="([^"]*)"', text)]
    for call in calls:
        check_call(call.split())


def test_the_readme_names_the_targets_and_commands_that_one_starts_with() -> None:
    text = code(README)
    assert {"up", "test", "check", "bench"} <= set(re.findall(r"\bmake ([a-z]+)", text))
    commands = {call.split()[0] for call in _CALL.findall(text)}
    assert {"replay", "init", "migrate", "ingest", "api", "settings"} <= commands


@every_document
def test_relative_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", _FENCE.sub("", text)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        assert target.is_relative_to(PROJECT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_the_packs_of_the_wire_contract_are_decoded_without_a_fault() -> None:
    packs = [block for block in blocks(WIRE, "json") if block.startswith("[")]
    assert len(packs) >= 4
    for block in packs:
        pack = senml.decode(block.encode())
        assert pack.faults == []
        assert pack.values
        for name, unit in zip(pack.names, pack.units, strict=True):
            channel = of_channel(pack.base_name + name)
            given = unit or pack.base_unit
            assert channel.unit is not None, name
            assert not given or conversion(given, channel.unit) is not None, (name, given)


def test_the_other_messages_of_the_wire_contract_are_objects_in_json() -> None:
    messages = [json.loads(block) for block in blocks(WIRE, "json") if block.startswith("{")]
    assert [set(message) & {"log", "seq", "now", "state", "id"} for message in messages] == [
        {"log", "seq", "now"},
        {"state"},
        {"state", "log"},
        {"id"},
    ]


def test_the_pack_in_cbor_says_what_its_twin_in_json_says() -> None:
    [digits] = blocks(WIRE, "hex")
    twin = next(json.loads(block) for block in blocks(WIRE, "json") if '"seq": 4711' in block)
    assert senml.decode(bytes.fromhex(digits)) == senml.decode(json.dumps(twin[:2]).encode())


def test_the_wire_contract_explains_every_reason_of_quarantine() -> None:
    rows = {row[0]: row[1] for row in table(WIRE, "Quarantine")}
    assert rows == {reason.value: meaning for reason, meaning in MEANING.items()}


def test_the_wire_contract_lists_the_quantities_of_the_catalogue() -> None:
    rows = [row[:4] for row in table(WIRE, "Quantities")]
    assert rows == [[each.key, each.en, each.unit, each.kind.value] for each in QUANTITIES.values()]


def test_the_wire_contract_lists_every_unit_that_is_converted() -> None:
    rows = {row[0]: set(re.split(r"`?, `?", row[1])) for row in table(WIRE, "Units")}
    dimensions = {unit.dimension for unit in UNITS.values()}
    assert rows == {each: {u for u, unit in UNITS.items() if unit.dimension == each} for each in dimensions}
