"""What a new installation needs: secrets, and the settings that there are."""

from pathlib import Path
from typing import Annotated

import typer


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


def settings() -> None:
    """List the environment settings, as the Markdown table that the README shows."""
    from bypuls.settings_table import settings_table

    print(settings_table())
