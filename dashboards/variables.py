"""The variables of the dashboards: whose nodes, where, what they measure, and which."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import QueryVariable
from grafana_foundation_sdk.models.dashboard import (
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.query import rows, source

NODES = "ARRAY[${node:sqlstring}]::text[]"
"""The chosen nodes, as an argument of the store's functions; all are listed one by one."""

NOW = f"{NODES}, $__timeTo()"
"""Arguments of the functions that tell how things are at the end of the dashboard's range."""

RANGE = f"{NODES}, $__timeFrom(), $__timeTo()"
"""Arguments of those that tell of the whole range."""

STEPS = f"{RANGE}, '$__interval'"
"""The range in steps as fine as the panel is wide."""

QUARTERS = f"{RANGE}, greatest('$__interval'::interval, '15 minutes'::interval)"
"""The same, of states: a share of a shorter time is mostly 0 or 1."""

HOURS = f"{RANGE}, greatest('$__interval'::interval, '1 hour'::interval)"
"""The same, of means of hours, and of amounts by the hour: a part of its interval would multiply a count."""

ALL = "$__all"


def _any_if_all(variable: str, source: str) -> str:
    """Return what is chosen, or null if it is all that there is to choose.

    Grafana sends "all" as a list, and nodes that enrolled by themselves have no owner and no place in it.
    """
    chosen = f"ARRAY[${{{variable}:sqlstring}}]::text[]"
    return f"CASE WHEN NOT {chosen} @> ARRAY({rows('__value', source)}) THEN {chosen} END"


_OWNERS = "owner_list()"
_PLACES = f"place_list({_any_if_all('owner', _OWNERS)})"


def owner() -> VariableModel:
    """Return the variable `owner`: who runs the nodes."""
    return _chosen("owner", "Eier", "Who runs the nodes", rows("__text, __value", _OWNERS))


def place() -> VariableModel:
    """Return the variable `place`, among the places of the chosen owners."""
    return _chosen(
        "place",
        "Sted",
        "Where the nodes stand",
        rows("__text, __value", _PLACES),
    )


def quantity(first: str) -> VariableModel:
    """Return the variable `quantity`, of which one is shown at a time, `first` to begin with."""
    return _chosen(
        "quantity",
        "Størrelse",
        "What is measured",
        rows("__text, __value", "quantity_list()"),
        one=first,
    )


def node(quantities: Sequence[str] = ()) -> VariableModel:
    """Return the variable `node`: of the chosen owners and places, measuring one of `quantities` if given."""
    of = ", ".join(f"'{name}'" for name in quantities)
    measured = f"ARRAY[{of}]::text[]" if quantities else "NULL"
    return _chosen(
        "node",
        "Node",
        "Nodes of the chosen owners and places",
        rows(
            "__text, __value",
            f"node_list({_any_if_all('owner', _OWNERS)}, {_any_if_all('place', _PLACES)}, {measured})",
        ),
    )


def _chosen(name: str, label: str, description: str, sql: str, one: str | None = None) -> VariableModel:
    current = VariableOption(text=one or ["Alle"], value=one or [ALL], selected=True)
    return (
        QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(source())
        .query(sql)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.DISABLED)
        .multi(one is None)
        .include_all(one is None)
        .allow_custom_value(False)
        .current(current)
        .build()
    )
