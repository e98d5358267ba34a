"""The command `bypuls`, which wires everything together; the only module that may import every service.

Imports stand inside the commands, so that `bypuls --help` does not wait for numpy and a web framework.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bypuls import __version__
from bypuls.errors import BypulsError

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


def main() -> None:
    """Run the command line; what is wrong is told in a sentence on stderr, with exit status 1."""
    try:
        app()
    except BypulsError as error:
        print(f"bypuls: {error}", file=sys.stderr)
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
    import simulators
    from bypuls.embedded.up import Plan
    from bypuls.embedded.up import up as run

    registry = Path(simulators.__file__).with_name("nodes.toml")
    plan = Plan(data_dir, http_port, mqtt_port, simulate, [registry] if simulate else [])
    run(plan, _tell)


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
    from bypuls.settings import ApiSettings, DatabaseSettings, load

    run(load(DatabaseSettings), load(ApiSettings))


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
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same town.")] = 1,
    interval: Annotated[
        float, typer.Option(metavar="SECONDS", help="How often the quickest node publishes.")
    ] = 5.0,
) -> None:
    """Publish as a dozen simple nodes in Lillestrøm would, until interrupted.

    Examples:

        bypuls simulate

        BYPULS_MQTT_HOST=broker.example bypuls simulate --seed 7 --interval 10
    """
    from bypuls.settings import BrokerSettings, load
    from simulators.town import run

    run(load(BrokerSettings), seed, interval)


@nodes.command("apply")
def apply_nodes(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A registry file (TOML).")],
) -> None:
    """Make the registry of nodes and streams what FILE says; harmless to repeat.

    A node or stream that FILE names becomes exactly what is written there (what isn't written is cleared);
    the others are left alone. Either all of FILE is applied or nothing. Ingest sees new nodes at once, and
    changes within 5 minutes.
    BYPULS_DATABASE_URL names the owner of the tables.

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
    """
    from bypuls.registry import read
    from bypuls.settings import DatabaseSettings, load
    from bypuls.store.registration import register

    entries = read(file)
    for kind, outcome in zip(
        ("nodes", "streams"), register(load(DatabaseSettings).url.get_secret_value(), entries), strict=True
    ):
        print(f"{outcome.total} {kind}: {outcome.new} new, {outcome.changed} changed")


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
