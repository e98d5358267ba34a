"""Mistakes in a configuration, as lines `key: what is wrong`."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bypuls.channels import NAME_PATTERN, UNIT_PATTERN
from bypuls.topics import NODE_PATTERN

NODE = f"^{NODE_PATTERN}$"
CHANNEL = f"^{NAME_PATTERN}$"
UNIT = f"^{UNIT_PATTERN}$"
SENSOR = r"^[a-z0-9][a-z0-9_-]{0,62}$"

_RULES = {
    NODE: "may hold only lower-case letters, digits and hyphens, at most 63, and begins with no hyphen",
    CHANNEL: "may hold only letters, digits and - : . / _, and begins with a letter or digit",
    UNIT: "is no unit: it may hold no space and nothing invisible",
    SENSOR: "may hold only lower-case letters, digits, - and _, at most 63, and begins with neither of these",
}


def told(error: ValidationError, before: str = "") -> str:
    """Write what pydantic found, each key with `before` in front of it.

    Without the values, which may be secrets; only of names, which aren't, the wrong one is cited.
    """
    found = error.errors(include_url=False)
    return "\n".join(
        f"{before}{_key(part)}: {_sentence(part)}" for part in found if not _follows(part, found)
    )


def _follows(part: ErrorDetails, found: list[ErrorDetails]) -> bool:
    """Tell whether a list is called too short only because what is wrong in it was left out."""
    at = part["loc"]
    return part["type"] == "too_short" and any(
        other["loc"][: len(at)] == at for other in found if other is not part
    )


def _key(part: ErrorDetails) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in part["loc"])
    return path.lstrip(".") or "the whole"


def _sentence(part: ErrorDetails) -> str:
    match part["type"]:
        case "extra_forbidden":
            return "there is no such key"
        case "missing":
            return "is missing"
        case "string_pattern_mismatch" if (rule := _RULES.get(part["ctx"]["pattern"])) is not None:
            return f"{part['input']!r} {rule}"
    return part["msg"].removeprefix("Value error, ")
