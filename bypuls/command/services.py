"""What runs the platform: all of it on one machine, or its services one by one."""

from pathlib import Path
from typing import Annotated

import typer

from bypuls.command.nodes import registered
from bypuls.command.simulators import check_journal
from bypuls.command.telling import tell


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

    nodes = registered("lillestrom") if simulate else []
    run(Plan(data_dir, http_port, mqtt_port, simulate, nodes, check_journal), tell)


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


def api() -> None:
    """Serve the HTTP API.

    Example:

        BYPULS_DATABASE_URL=postgresql://bypuls_api:secret@db/bypuls BYPULS_API_PORT=8080 bypuls api
    """
    from api.server import run
    from bypuls.settings import ApiSettings, DatabaseSettings, OpenDataSettings, load

    run(load(DatabaseSettings), load(ApiSettings), load(OpenDataSettings))


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

    if once + dry_run + (rebuild is not None) > 1:
        raise typer.BadParameter("--once, --rebuild and --dry-run are three things to do: give one of them")
    database, wanted = load(DatabaseSettings), load(MaintainSettings)
    if dry_run:
        commands.tell_plans(database, wanted, tell)
    elif rebuild is not None:
        commands.rebuild(database, wanted, *rebuild, tell=tell)
    elif once:
        commands.run_once(database, wanted, tell)
    else:
        rounds.run(database, wanted)
