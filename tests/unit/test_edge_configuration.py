"""The configuration: what is wrong is told with the key, and never with a secret."""

import re
from pathlib import Path
from typing import Any

import pytest

from edge.pi.channel import Channel
from edge.pi.command import EXAMPLE, main
from edge.pi.configuration import NOTHING_REMOTE, Remote, load, plan, read_remote
from edge.pi.errors import ConfigurationError
from edge.pi.sensors import simulated

GUIDE = (Path(__file__).parents[2] / "docs" / "edge.md").read_text(encoding="utf-8")

GOOD = """
node = "air-01"
[broker]
host = "broker"
[[sensor]]
kind = "simulated"
outputs = ["no2", "wind_direction", "energy", "battery"]
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "edge.toml"
    file.write_text(text)
    return file


def test_without_channels_every_output_is_sent_under_its_own_name_each_minute(tmp_path: Path) -> None:
    planned = plan(load(write(tmp_path, GOOD)))
    minute = 60_000_000
    assert planned.channels == (
        Channel("no2", "ug/m3", minute),
        Channel("wind_direction", "deg", minute),
        Channel("energy", "kWh", minute),
        Channel("battery", "1", minute),
    )
    [sensor] = planned.sensors
    assert (sensor.name, sensor.every, planned.report) == ("simulated", 1.0, 10.0)
    assert sensor.driver is simulated.DRIVER


def test_channels_have_places_units_windows_and_statistics_of_their_own(tmp_path: Path) -> None:
    channel = (
        '[[sensor.channel]]\nchannel = "kerb/no2"\noutput = "battery"\nunit = "mg/m3"\nwindow = 0.5\n'
        'statistics = ["max", "n", "max"]\n'
    )
    planned = plan(load(write(tmp_path, GOOD + channel)))
    assert planned.channels == (Channel("kerb/no2", "mg/m3", 500_000, ("max", "n")),)
    assert planned.sensors[0].channels == {"battery": "kerb/no2"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'node = "air-01"',
            'node = "Air 1"',
            r"node: 'Air 1' may hold only lower-case letters, digits and hy",
        ),
        ('node = "air-01"', "", r"node: is missing"),
        ('host = "broker"', "port = 1883", r"broker.host: is missing"),
        (
            'host = "broker"',
            'host = "b"\nport = 70000',
            r"broker.port: Input should be less than or equal to 65535",
        ),
        ('host = "broker"', 'host = "b"\npasword = "x"', r"broker.pasword: there is no such key"),
        (
            'host = "broker"',
            'host = "b"\nca_file = "x"',
            r"broker.ca_file: is for TLS, but `tls = true` is missing",
        ),
        (
            'host = "broker"',
            'host = "b"\ncert_file = "x"\nkey_file = "y"\ntls = false',
            r"broker.cert_file: is for TLS.*\nbroker.key_file: is for TLS",
        ),
        (
            'host = "broker"',
            'host = "b"\ntls = true\nkey_file = "x"',
            r"broker.key_file: is the key of a certificate, but `cert_file` is missing",
        ),
        (
            'host = "broker"',
            'host = "b"\npassword = "x"\npassword_file = "y"',
            r"broker.password_file: there is a `password` too",
        ),
        ("[broker]", "reprot = 5\n[broker]", r"reprot: there is no such key"),
        ("[broker]", "report = 0\n[broker]", r"report: Input should be greater than or equal to 0.05"),
        ("[[sensor]]", "[store]\nmegabytes = 0\n[[sensor]]", r"store.megabytes: Input should be greater"),
        (
            "simulated",
            "bme180",
            r"sensor\[0\].kind: there is no 'bme180'; the kinds are battery, bme280, command,",
        ),
        ("outputs =", "outptus =", r"sensor\[0\].outptus: there is no such key"),
        ("outputs =", 'shape = "square"\noutputs =', r"sensor\[0\].shape: Input should be 'wave' or 'ramp'"),
        (
            "outputs =",
            "every = 0\noutputs =",
            r"sensor\[0\].every: Input should be greater than or equal to 0.01",
        ),
        ('["no2",', '[["no2"],', r"sensor\[0\].outputs\[0\]: Input should be a valid string"),
        ("[broker]", "[broker", r"is not TOML: "),
    ],
)
def test_what_is_wrong_is_told_with_its_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(write(tmp_path, GOOD.replace(old, new)))


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        (
            'channel = "no3"',
            r"channel\[0\].channel: simulated has no output 'no3', but no2, wind_direction, ",
        ),
        ('channel = "no2"\noutput = "x"', r"channel\[0\].output: simulated has no output 'x'"),
        ('channel = "no2.max"', r"channel\[0\].channel: a dot would name a statistic"),
        ('channel = "/no2"', r"channel\[0\].channel: '/no2' may hold only letters, "),
        ('channel = "no2"\nunit = "µ g"', r"channel\[0\].unit: 'µ g' is no unit: it may hold no space"),
        (
            'channel = "no2"\nunit = "kg"',
            r"channel\[0\].unit: 'kg' is no unit of no2, which is kept in 'ug/m3'",
        ),
        ('channel = "no2"\nwindow = -1', r"channel\[0\].window: Input should be greater than or equal to 0"),
        ('channel = "no2"\nwindow = 0.0001', r"channel\[0\].window: 0.0001 s is too short"),
        (
            'channel = "no2"\nstatistics = ["median"]',
            r"channel\[0\].statistics\[0\]: Input should be 'mean', 'min'",
        ),
        ('channel = "no2"\nwindow = 0\nstatistics = ["max"]', r"channel\[0\].statistics: with `window = 0`"),
        (
            'channel = "wind_direction"\nstatistics = ["max"]',
            r"statistics: circular values have no 'max', but mean, n",
        ),
        (
            'channel = "energy"\nstatistics = ["min"]',
            r"statistics: counter values have no 'min', but mean, n",
        ),
        (
            'channel = "no2"\n[[sensor.channel]]\nchannel = "a/no2"',
            r"output: 'no2' has a channel already, 'no2'",
        ),
    ],
)
def test_what_is_wrong_with_a_channel_is_told_with_its_key(
    tmp_path: Path, channel: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"sensor\[0\]\.channel|sensor\[0\].*" + message) as told:
        load(write(tmp_path, GOOD + "[[sensor.channel]]\n" + channel))
    assert re.search(message, str(told.value)), told.value


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[[sensor.channel]]\nchannel = "/no2"\n', "sensor[0].channel[0].channel: '/no2' may hold only"),
        ('[[sensor.channel]]\nchannel = "no2.max"\n', "sensor[0].channel[0].channel: a dot would name"),
        ('name = "My sensor"\n', "sensor[0].name: 'My sensor' may hold only"),
    ],
)
def test_one_mistake_in_a_sensor_is_told_once(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        load(write(tmp_path, GOOD + more))
    [_, line] = str(told.value).splitlines()
    assert line.startswith(message)


def test_a_file_without_sensors_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"sensor: Tuple should have at least 1 item"):
        load(write(tmp_path, "sensor = []\n" + GOOD.partition("[[sensor]]")[0]))


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("air-01", "AIR").replace('host = "broker"', "port = 0")
    with pytest.raises(ConfigurationError) as told:
        load(write(tmp_path, text))
    assert str(told.value).count("\n") == 3
    assert [line.partition(":")[0] for line in str(told.value).splitlines()[1:]] == [
        "node",
        "broker.host",
        "broker.port",
    ]


def test_two_sensors_of_one_kind_need_names_and_channels_of_their_own(tmp_path: Path) -> None:
    twice = GOOD + '[[sensor]]\nkind = "simulated"\noutputs = ["no2"]\n'
    with pytest.raises(ConfigurationError) as told:
        load(write(tmp_path, twice))
    assert "sensor 'simulated' is there 2 times; give one of them another `name`" in str(told.value)
    assert "channel 'no2' is there 2 times" in str(told.value)


def test_no_secret_is_in_a_message(tmp_path: Path) -> None:
    text = GOOD.replace(
        'host = "broker"', 'host = "b"\nport = "x"\npassword = "sesame"\nusername = ["sesame"]'
    )
    with pytest.raises(ConfigurationError) as told:
        load(write(tmp_path, text))
    assert "sesame" not in str(told.value)
    assert "sesame" not in repr(load(write(tmp_path, GOOD.replace("host", 'password = "sesame"\nhost'))))


def test_a_password_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("sesame\n")
    broker = load(write(tmp_path, GOOD.replace("[broker]", f'[broker]\npassword_file = "{secret}"'))).broker
    assert broker.secret == "sesame"
    secret.unlink()
    with pytest.raises(ConfigurationError, match=r"broker.password_file: .*No such file"):
        _ = broker.secret


def test_what_is_set_from_afar_stands_before_the_file(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, GOOD))
    payload = (
        b'{"id": "w", "report": 30, "sensors": {"simulated": {"every": 5}},'
        b' "channels": {"no2": {"window": 10, "statistics": ["max"]}, "energy": {}}}'
    )
    planned = plan(configuration, read_remote(payload))
    assert planned.report == 30
    assert planned.sensors[0].every == 5
    assert planned.channels[0] == Channel("no2", "ug/m3", 10_000_000, ("max",))
    assert planned.channels[1:] == plan(configuration).channels[1:]


@pytest.mark.parametrize("payload", [b"", b"{}"])
def test_an_empty_message_sets_nothing(payload: bytes) -> None:
    assert read_remote(payload) == NOTHING_REMOTE == Remote()


@pytest.mark.parametrize(
    "payload", [b"{", b"[]", b"7", b'{"report": "soon"}', b'{"id": 7}', b"\xff\xfe", b'{"report": NaN}']
)
def test_rubbish_from_afar_is_refused_with_a_sentence(payload: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"^(the whole|report|id): "):
        read_remote(payload)


def test_every_example_in_the_shipped_file_can_be_used(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    load(write(tmp_path, text))
    # What is commented out is right, too; explanations after it are comments themselves.
    lines: list[Any] = []
    for line in text.splitlines():
        bare = line.removeprefix("# ")
        is_setting = bare.startswith("[[") or (
            " = " in bare.partition("#")[0] and "`" not in bare.partition("#")[0]
        )
        lines.append(bare if line.startswith("# ") and is_setting else line)
    loaded = load(write(tmp_path, "\n".join(lines)))
    assert {each.kind for each in loaded.sensor} == {"simulated", "bme280", "pulses", "command"}
    assert loaded.clock == "synchronised"


def test_the_configuration_of_the_guide_can_be_used(tmp_path: Path) -> None:
    text = GUIDE.partition("```toml\n")[2].partition("```")[0]
    loaded = load(write(tmp_path, text))
    assert {each.kind for each in loaded.sensor} == {"bme280", "sps30", "pulses"}


def test_every_command_that_the_guide_names_exists(capsys: pytest.CaptureFixture[str]) -> None:
    calls = re.findall(
        r"bypuls-edge (run|check|[a-z]+)((?: --[a-z]+)*)",
        "\n".join(re.findall(r"^[$/s].*$|`[^`\n]+`", GUIDE, re.MULTILINE)),
    )
    commands = {name for name, _ in calls if name not in ("bypuls", "measures")}
    assert {"run", "check", "example", "unit", "sensors"} <= commands
    for name in commands:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0, name
    assert "--config" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sensor", "message"),
    [
        ('kind = "simulated"\noutputs = ["soil moisture"]', "sensor[0].outputs: 'soil moisture' needs a"),
        ('kind = "simulated"\noutputs = ["no2.max"]', "own; channel: a dot would name a statistic"),
        ('kind = "simulated"\noutputs = ["no2"]\nhigh = nan', "sensor[0].high: Input should be a finite"),
        ('kind = "simulated"\noutputs = ["no2"]\nlow = -inf', "sensor[0].low: Input should be a finite"),
        ('kind = "simulated"\noutputs = ["no2"]\nevery = nan', "sensor[0].every: Input should be a finite"),
        ('kind = "pulses"\nline = 4\nper_pulse = inf', "sensor[0].per_pulse: Input should be a finite"),
        (
            'kind = "command"\ncommand = ["x"]\noutputs = ["a"]\nunits = {a = "not a unit"}',
            "sensor[0].units.a: 'not a unit' is no unit: it may hold no space",
        ),
        (
            'kind = "command"\ncommand = ["x"]\noutputs = ["a"]\nunits = {b = "V"}',
            "sensor[0].units: there is no output 'b', but a",
        ),
    ],
)
def test_what_is_wrong_with_a_sensor_is_told_with_its_key(tmp_path: Path, sensor: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        load(write(tmp_path, GOOD[: GOOD.index("kind")] + sensor))
    assert message in str(told.value)
