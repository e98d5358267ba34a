"""The command `bypuls`, which wires everything together; the only part that may import every service.

Imports stand inside the commands, so that `bypuls --help` does not wait for numpy and a web framework.
"""

import sys
from typing import Annotated

import typer

from bypuls import __version__
from bypuls.command import dashboards, installation, nodes, services, simulators
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
for _command in (
    services.up,
    services.ingest,
    services.api,
    services.migrate,
    services.maintain,
    simulators.replay,
    simulators.simulate,
    simulators.score,
    installation.init,
    installation.settings,
):
    app.command()(_command)
app.add_typer(nodes.app, name="nodes")
app.add_typer(dashboards.app, name="dashboards")


def main() -> None:
    """Run the command line; what is wrong is told in a sentence on stderr, with exit status 1."""
    try:
        app()
    except BypulsError as error:
        print(f"bypuls: {error}", file=sys.stderr)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"grafana_foundation_sdk", "grafana_client"}:
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
