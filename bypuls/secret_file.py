"""The secrets of docker-compose.yml: a file .env that only its owner can read."""

import os
import secrets
from pathlib import Path

from bypuls.errors import BypulsError

SECRETS = {
    "POSTGRES_PASSWORD": "the database's superuser, for migrations",
    "BYPULS_ROLE_INGEST_PASSWORD": "the database role of ingest",
    "BYPULS_ROLE_API_PASSWORD": "the database role of the API",
    "BYPULS_ROLE_GRAFANA_PASSWORD": "the database role of Grafana, which may only read",
    "MQTT_INGEST_PASSWORD": "the broker's account bypuls.ingest",
    "MQTT_SIMULATOR_PASSWORD": "the broker's account bypuls.simulator",
    "BYPULS_API_OPERATOR_TOKEN": "bearer token for the API's quarantine",
    "GRAFANA_ADMIN_PASSWORD": "Grafana's user admin",
}


def write_secrets(directory: Path, *, replace: bool = False) -> Path:
    """Write new random secrets to `directory`/.env and return its path.

    Raises BypulsError when it is there already and `replace` is false: databases and brokers that were made
    with the old secrets would refuse the new ones.
    """
    path = directory / ".env"
    lines = ["# Written by `bypuls init`. Keep it out of version control.", ""]
    for name, purpose in SECRETS.items():
        # 256 bits; letters, digits, - and _ only, so that it may stand in a URL.
        lines += [f"# {purpose}", f"{name}={secrets.token_urlsafe(32)}"]
    try:
        if replace:
            path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")
    except FileExistsError:
        raise BypulsError(
            f"{path} is there already, and its passwords may be in use. Keep it; or replace it with --force, "
            "and then change the superuser's password in the database too"
        ) from None
    except OSError as error:
        raise BypulsError(f"can't write {path}: {error.strerror}") from error
    return path
