"""The settings as the README's table."""

from enum import Enum

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bypuls.settings import (
    ApiSettings,
    BrokerSettings,
    DatabaseSettings,
    IngestSettings,
    MaintainSettings,
    OpenDataSettings,
    RoleSettings,
)

SETTINGS = (
    DatabaseSettings,
    BrokerSettings,
    IngestSettings,
    ApiSettings,
    OpenDataSettings,
    MaintainSettings,
    RoleSettings,
)
"""All concerns, in the order of the table."""


def variables() -> dict[str, FieldInfo]:
    """Return every environment variable that is read, with what is known of it."""
    return {
        f"{kind.model_config.get('env_prefix', '')}{name}".upper(): field
        for kind in SETTINGS
        for name, field in kind.model_fields.items()
    }


def settings_table() -> str:
    """Write the variables as a Markdown table."""
    rows = [f"| `{name}` | {_default(field)} | {field.description} |" for name, field in variables().items()]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "required"
    if (
        value is None or value is PydanticUndefined
    ):  # the latter is made anew each time; the description says how
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value.value if isinstance(value, Enum) else value}`"
