"""docs/micropython.md, tried: its settings, and its new sensor of one file, one line and one vector."""

import re
import shutil
from pathlib import Path

import pytest

from testbed.micropython import DEVICE, DEVICE_TESTS, run_micropython

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "micropython.md").read_text()
SETTINGS = re.findall(r"^```json\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
PYTHON = [
    re.sub(r"^   ", "", block, flags=re.MULTILINE)
    for block in re.findall(r"^   ```python\n(.*?)^   ```", TEXT, re.MULTILINE | re.DOTALL)
]


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_the_settings_are_accepted(number: int, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(SETTINGS[number])
    code = "from node.settings import load\nprint(load('config.json')['store']['segments'])"
    assert run_micropython(code, folder=tmp_path) == "160\n"


def test_the_new_sensor_is_one_file_one_line_and_one_vector(tmp_path: Path) -> None:
    shutil.copytree(DEVICE / "sensors", tmp_path / "sensors")
    shutil.copy(DEVICE_TESTS / "drivers.py", tmp_path)
    driver, vector = PYTHON
    (tmp_path / "sensors" / "tmp117.py").write_text(driver)
    registry = tmp_path / "sensors" / "__init__.py"
    line = re.search(r'`("tmp117": .*,)`', TEXT)
    assert line
    registry.write_text(registry.read_text().replace("SENSORS = {\n", f"SENSORS = {{\n    {line[1]}\n"))
    with (tmp_path / "drivers.py").open("a") as script:
        script.write(vector)
    run_micropython(tmp_path / "drivers.py", folder=tmp_path)
