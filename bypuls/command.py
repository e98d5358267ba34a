"""The command `bypuls`, which wires everything together; the only module that may import every service.

Imports stand inside the commands, so that `bypuls --help` does not wait for numpy and a web framework.
"""

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bypuls import __version__
from bypuls.errors import BypulsError

if TYPE_CHECKING:
    from bypuls.registry import RegisteredNode

app = typer.Typer(
    help="Bypuls: an open sensor data platform for a town, from MQTT to TimescaleDB to an HTTP API.",
    epilog="Services read their settings from the environment; `bypuls settings` lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
nodes = typer.Typer(help="What is known of the nodes.", no_args_is_help=True)
app.add_typer(nodes, name="nodes")
dashboards = typer.Typer(help="Grafana's dashboards and alert rules.", no_args_is_help=True)
app.add_typer(dashboards, name="dashboards")

Rendered = Annotated[
    Path, typer.Argument(metavar="[DIR]", help="The folder whose parts docker-compose.yml mounts.")
]


def main() -> None:
    """Run the command line; what is wrong is told in a sentence on stderr, with exit status 1."""
    try:
        app()
    except BypulsError as error:
        print(f"bypuls: {error}", file=sys.stderr)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {
            "grafana_foundation_sdk",
            "grafana_client",
        }:
            raise
        print("bypuls: this command needs more: pip install 'bypuls[dashboards]'", file=sys.stderr)
        sys.exit(1)


def _tell_version(wanted: bool) -> None:
    if wanted:
        print(f"bypuls {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    pass


@app.command()
def up(
    data_dir: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Where everything is kept; made if it isn't there, found again by the next start.",
        ),
    ] = Path("data"),
    http_port: Annotated[int, typer.Option(min=1, max=65_535, metavar="N", help="Port of the API.")] = 8080,
    mqtt_port: Annotated[
        int, typer.Option(min=1, max=65_535, metavar="N", help="Port of the broker.")
    ] = 1883,
    simulate: Annotated[
        bool, typer.Option("--simulate/--no-simulate", help="Whether simulated nodes publish.")
    ] = True,
) -> None:
    """Run the whole platform on this machine, with nothing installed beforehand.

    Starts a private PostgreSQL, a broker (Mosquitto where it is installed, else one in Python), ingest, the
    API and a simulated town, for this machine only (127.0.0.1). Prints `ready:` and the address when
    everything answers, and how it goes every half minute. Ctrl-C ends it; the data stay. What the parts write
    goes to DIR/log.

    Examples:

        bypuls up

        bypuls up --data-dir /srv/bypuls --http-port 9000 --mqtt-port 2883 --no-simulate
    """
    from bypuls.embedded.up import Plan
    from bypuls.embedded.up import up as run

    nodes = _registered("lillestrom") if simulate else []
    run(Plan(data_dir, http_port, mqtt_port, simulate, nodes, _check_journal), _tell)


@app.command()
def ingest(
    workers: Annotated[
        int, typer.Option(min=1, max=64, metavar="N", help="Processes that share the load.")
    ] = 1,
) -> None:
    """Take readings in: from the broker, checked, into the database, acknowledged.

    Examples:

        BYPULS_DATABASE_URL=postgresql://bypuls_ingest:secret@db/bypuls bypuls ingest

        bypuls ingest --workers 4
    """
    from bypuls.settings import BrokerSettings, DatabaseSettings, IngestSettings, load
    from ingest.service import run

    run(load(DatabaseSettings), load(BrokerSettings), load(IngestSettings), workers)


@app.command()
def api() -> None:
    """Serve the HTTP API.

    Example:

        BYPULS_DATABASE_URL=postgresql://bypuls_api:secret@db/bypuls BYPULS_API_PORT=8080 bypuls api
    """
    from api.server import run
    from bypuls.settings import ApiSettings, DatabaseSettings, OpenDataSettings, load

    run(load(DatabaseSettings), load(ApiSettings), load(OpenDataSettings))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date; harmless to repeat.

    BYPULS_DATABASE_URL names a role that may create roles; BYPULS_ROLE_* give the services their passwords.

    Example:

        BYPULS_DATABASE_URL=postgresql://postgres:secret@db/bypuls bypuls migrate
    """
    from bypuls.settings import DatabaseSettings, RoleSettings, load
    from bypuls.store.migrate import migrate as run

    applied = run(load(DatabaseSettings).url.get_secret_value(), load(RoleSettings))
    print("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")


@app.command()
def maintain(
    once: Annotated[bool, typer.Option("--once", help="Do what is to be done now, and end.")] = False,
    rebuild: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="START END", help="Make all rollups of a time range again (RFC 3339), and end."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be removed or moved, and end.")
    ] = False,
) -> None:
    """Keep the hourly rollups, and look after old readings.

    Rollups are made for the hours that ingest marked, once they are over, and again after late readings.
    Raw readings older than BYPULS_MAINTAIN_RAW_DAYS are removed; those older than
    BYPULS_MAINTAIN_COLUMNSTORE_DAYS move into TimescaleDB's columnstore, where the server has one.
    It can be killed at any time. BYPULS_DATABASE_URL names the owner of the tables.

    Examples:

        bypuls maintain

        bypuls maintain --rebuild 2026-01-01T00:00:00Z 2026-02-01T00:00:00Z

        BYPULS_MAINTAIN_RAW_DAYS=default=730,sound_level=90 bypuls maintain --dry-run
    """
    from bypuls.maintenance import commands, rounds
    from bypuls.settings import DatabaseSettings, MaintainSettings, load

    database, wanted = load(DatabaseSettings), load(MaintainSettings)
    if dry_run:
        commands.tell_plans(database, wanted, _tell)
    elif rebuild is not None:
        commands.rebuild(database, wanted, *rebuild, tell=_tell)
    elif once:
        commands.run_once(database, wanted, _tell)
    else:
        rounds.run(database, wanted)


@app.command()
def replay(
    recordings: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Recordings; all that are shipped, if none."),
    ] = None,
    speed: Annotated[
        str,
        typer.Option(metavar="FACTOR", help="Seconds of the recordings that pass in one second, or `max`."),
    ] = "max",
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where the progress is kept, so that an interrupted replay goes on."
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(min=1, metavar="SECONDS", help="Give up when nothing is acknowledged for so long."),
    ] = 60.0,
    pack_rows: Annotated[
        int, typer.Option(min=1, metavar="N", help="Most instants of a recording in one pack.")
    ] = 100,
) -> None:
    """Publish recordings as their nodes would, until the platform has acknowledged every reading.

    Times are not changed. A second replay stores nothing twice.

    Examples:

        bypuls replay

        BYPULS_MQTT_PORT=2883 bypuls replay --speed 3600 simulators/recordings/valand.csv.gz
    """
    from bypuls.settings import BrokerSettings, load
    from simulators.replay import run

    run(load(BrokerSettings), recordings or [], _factor(speed), state, timeout, pack_rows)


@app.command()
def simulate(
    town: Annotated[str, typer.Option(metavar="NAME", help="Which town.")] = "lillestrom",
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What befalls it: everyday, inversion, flood, fair, burst-main, new-year; may be repeated.",
        ),
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME",
            formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"],
            help="When scenarios are at their height, such as 2026-11-20T12:00Z; else half a day ago.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same town.")] = 1,
    speed: Annotated[
        float, typer.Option(metavar="FACTOR", help="Seconds of the town that pass in one second.")
    ] = 1.0,
    history: Annotated[
        str, typer.Option(metavar="DURATION", help="How much of the past is sent first, such as 30d or 12h.")
    ] = "0s",
    behind: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            help="How far behind the clock a town begins that is faster than life; it ends up beside it.",
        ),
    ] = "1d",
    duration: Annotated[
        str | None, typer.Option(metavar="DURATION", help="End after so long, not counting the history.")
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            min=1, max=1_000_000, metavar="N", help="How many nodes; more are multiplied plausibly."
        ),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="How often every node measures, in place of its own interval."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=RATE]",
            help="Faults: stuck, drift, spike, dropout, wrong-unit, clock-ahead, clock-behind, reboot, "
            "duplicate, reordering, corrupt, or all. RATE is how often, up to 1: if not given, 0.1, of stuck "
            "0.4. May be repeated.",
        ),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the ground truth is noted, for `bypuls score`; a run goes on where its journal ends.",
        ),
    ] = None,
    load: Annotated[
        bool, typer.Option("--load", help="Tell throughput, and how long packs take to be acknowledged.")
    ] = False,
) -> None:
    """Simulate Lillestrøm: publish what its nodes measure, the past first and then what is now.

    Every pack is kept and sent again until the platform has acknowledged it; exit status 1 if some are not
    at the end. Run `bypuls nodes apply --town lillestrom` first, with the same --nodes and --interval, or the
    platform knows neither places nor intervals, and can't tell a gap. `bypuls up` and `make up` run a town
    themselves: start them with --no-simulate, or both publish as the same nodes.

    Examples:

        bypuls nodes apply --town lillestrom && bypuls simulate --history 7d --journal town.jsonl

        bypuls simulate --history 7d

        bypuls simulate --scenario flood --seed 7 --history 30d --speed 60 --journal town.jsonl

        bypuls simulate --nodes 10000 --interval 10s --duration 5min --load

        bypuls simulate --history 30d --fault all --duration 1min --journal town.jsonl
    """
    from bypuls.settings import BrokerSettings
    from bypuls.settings import load as load_settings
    from simulators import duration as durations
    from simulators.simulation import Plan, run
    from simulators.town.faults import parse

    plan = Plan(
        town=town,
        seed=seed,
        nodes=nodes,
        interval=None if interval is None else durations.microseconds("--interval", interval) / 1e6,
        scenarios=tuple(scenario or ()),
        at=None if at is None else round(at.timestamp()) * 1_000_000,
        faults=tuple(sorted(parse(fault or []).items())),
        speed=speed,
        history=durations.microseconds("--history", history),
        behind=durations.microseconds("--behind", behind),
        duration=None if duration is None else durations.microseconds("--duration", duration),
        journal=journal,
        load=load,
    )
    run(load_settings(BrokerSettings), plan)


@app.command()
def score(
    journal: Annotated[
        Path, typer.Option(metavar="FILE", help="The journal that `bypuls simulate --journal` wrote.")
    ],
    api: Annotated[
        str, typer.Option(metavar="URL", help="Where the HTTP API answers.")
    ] = "http://127.0.0.1:8080",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON instead of a table.")] = False,
) -> None:
    """Compare what the platform has with what the simulated town sent: the truth is known.

    Tells what is lost, refused, doubled, wrong or late; for each kind of fault how many episodes were
    recognised and how much of what was flagged had a cause; for each scenario whether the aggregates show
    it. Exit status 1 if something is lost, refused (in quarantine without a fault that is a cause), doubled
    or wrong. Gaps are told only for nodes that were made known before, by `bypuls nodes apply --town`, and
    a second simulator of the same nodes, such as that of `bypuls up` without --no-simulate, shows as
    doubled. BYPULS_API_OPERATOR_TOKEN opens the quarantine where it is closed.

    Example:

        bypuls score --journal town.jsonl
    """
    from bypuls.settings import ApiSettings
    from bypuls.settings import load as load_settings
    from simulators.score import run

    token = load_settings(ApiSettings).operator_token
    if not run(journal, api, None if token is None else token.get_secret_value(), as_json=as_json):
        raise typer.Exit(1)


@nodes.command("apply")
def apply_nodes(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A registry file (TOML).")] = None,
    town: Annotated[
        str | None, typer.Option(metavar="NAME", help="In place of a file, the nodes of a simulated town.")
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--nodes", min=1, max=1_000_000, metavar="N", help="With --town: as many as `simulate --nodes N`."
        ),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="With --town: what `simulate --interval` is given."),
    ] = None,
) -> None:
    """Make the registry of nodes and streams what FILE says; harmless to repeat.

    A node or stream that FILE names becomes exactly what is written there (what isn't written is cleared);
    the others are left alone. Either all of FILE is applied or nothing. Ingest sees new nodes at once, and
    changes within 5 minutes. A simulated town is registered before it is simulated, with the same --nodes and
    --interval: from that the platform knows where its nodes stand, and what a gap is.
    BYPULS_DATABASE_URL names the owner of the tables.

    Example:

        bypuls nodes apply --town lillestrom --nodes 10000 --interval 10s

    Example of a FILE:

        [[node]]
        node = "air-01"
        owner = "Lillestrøm kommune"
        place = "Lillestrøm station"
        latitude = 59.9530
        longitude = 11.0495

        [[node.stream]]
        channel = "no2"            # the quantity too, unless quantity = "..." names another
        expected_interval = 60     # seconds between readings
        open_data = true           # may be shown to everyone

        [[node.stream]]
        channel = "energy"
        modulus = 100000           # kWh: where a meter rolls over, if it does

        [[node.stream]]
        channel = "water_level"
        thresholds = { yellow = 3.2, orange = 4.1, red = 5.0 }  # m: above them, dashboards warn
    """
    from bypuls.registry import read
    from bypuls.settings import DatabaseSettings, load
    from bypuls.store.registration import register

    if (file is None) == (town is None):
        raise BypulsError("give either a registry file, or a simulated town such as --town lillestrom")
    if town is None and (count is not None or interval is not None):
        raise BypulsError("--nodes and --interval are for a simulated town, and go with --town")
    entries = read(file) if file is not None else _registered(town or "", count, interval)
    for kind, outcome in zip(
        ("nodes", "streams"), register(load(DatabaseSettings).url.get_secret_value(), entries), strict=True
    ):
        print(f"{outcome.total} {kind}: {outcome.new} new, {outcome.changed} changed")


@dashboards.command("render")
def render_dashboards(directory: Rendered = Path("docker/grafana")) -> None:
    """Write the dashboards, alert rules and notifications that Grafana reads at its start.

    Needs the extra `dashboards`, as all of these commands do: pip install 'bypuls[dashboards]'.

    Example:

        bypuls dashboards render && docker compose restart grafana
    """
    from dashboards.rendering import render

    for path in render(directory):
        print(f"wrote {path}")


@dashboards.command("check")
def check_dashboards(directory: Rendered = Path("docker/grafana")) -> None:
    """Tell whether the files are those that `render` would write; exit status 1 if not.

    Example:

        bypuls dashboards check
    """
    from dashboards.rendering import check

    check(directory)


@dashboards.command("publish")
def publish_dashboards(
    url: Annotated[
        str, typer.Option(metavar="URL", help="Where Grafana answers, with its path if it has one.")
    ],
    token: Annotated[
        str,
        typer.Option(
            metavar="TOKEN",
            envvar="GRAFANA_TOKEN",
            help="Of a service account with the role Admin; better from the environment, where ps doesn't "
            "show it.",
        ),
    ],
) -> None:
    """Bring the dashboards and alert rules to a Grafana that is there already; harmless to repeat.

    They are found again by their uids, and go into the folders Bypuls and Bypuls varsler. The server needs a
    PostgreSQL data source with the uid bypuls; whom alerts go to is set there.

    Example:

        GRAFANA_TOKEN=glsa_... bypuls dashboards publish --url https://grafana.example.org
    """
    from dashboards.publishing import publish

    for kind, outcome in zip(("dashboards", "alert rules"), publish(url, token), strict=True):
        print(f"{kind}: {outcome.new} new, {outcome.changed} changed, {outcome.same} as they were")


@app.command()
def init(
    directory: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder of docker-compose.yml; .env is written there.")
    ] = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Replace an .env that is there, and with it all secrets.")
    ] = False,
) -> None:
    """Make the secrets for `docker compose up`: a file .env that only you can read.

    Example:

        bypuls init && docker compose up --detach
    """
    from bypuls.secret_file import write_secrets

    path = write_secrets(directory, replace=force)
    print(f"wrote {path}; keep it out of version control, and a copy of it with your backups")


@app.command()
def settings() -> None:
    """List the environment settings, as the Markdown table that the README shows."""
    from bypuls.settings_table import settings_table

    print(settings_table())


def _registered(town: str, nodes: int | None = None, interval: str | None = None) -> "list[RegisteredNode]":
    from simulators import duration
    from simulators.town import town as towns

    seconds = None
    if interval is not None:
        from simulators.simulation import Plan

        seconds = duration.microseconds("--interval", interval) / 1e6
        Plan(interval=seconds).check()
    return [node.registered() for node in towns.read(town, nodes, seconds)]


def _check_journal(journal: Path) -> None:
    """Raise BypulsError for a journal with which `bypuls simulate` without further options can't go on."""
    from simulators.simulation import Plan

    Plan(journal=journal).check_journal()


def _tell(line: str) -> None:
    """Print a line at once; a reader or terminal that is gone is no reason to end."""
    try:
        print(line, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _factor(speed: str) -> float | None:
    if speed == "max":
        return None
    try:
        factor = float(speed)
    except ValueError:
        raise BypulsError(f"--speed {speed}: give a factor such as 3600, or max") from None
    if not 0 < factor < float("inf"):
        raise BypulsError(f"--speed {speed}: the factor must be above 0; max is as fast as it goes")
    return factor
