"""Grafana's dashboards and alert rules."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Grafana's dashboards and alert rules.", no_args_is_help=True)

Rendered = Annotated[
    Path, typer.Argument(metavar="[DIR]", help="The folder whose parts docker-compose.yml mounts.")
]


@app.command("render")
def render_dashboards(directory: Rendered = Path("docker/grafana")) -> None:
    """Write the dashboards, alert rules and notifications that Grafana reads at its start.

    Needs the extra `dashboards`, as all of these commands do: pip install 'bypuls[dashboards]'.

    Example:

        bypuls dashboards render && docker compose restart grafana
    """
    from dashboards.rendering import render

    for path in render(directory):
        print(f"wrote {path}")


@app.command("check")
def check_dashboards(directory: Rendered = Path("docker/grafana")) -> None:
    """Tell whether the files are those that `render` would write; exit status 1 if not.

    Example:

        bypuls dashboards check
    """
    from dashboards.rendering import check

    check(directory)


@app.command("publish")
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
