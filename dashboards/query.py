"""A query of Grafana's PostgreSQL data source, which the SDK doesn't know, and the data source itself."""

from collections.abc import Mapping
from typing import Any, Self

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.cog.runtime import DataqueryConfig, register_dataquery_variant
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Panel

PLUGIN = "grafana-postgresql-datasource"
SOURCE_UID = "bypuls"
TABLE, TIME_SERIES = "table", "time_series"


def source() -> DataSourceRef:
    """Return a reference to the data source that docker/grafana/provisioning makes."""
    return DataSourceRef(type_val=PLUGIN, uid=SOURCE_UID)


class SqlQuery(Dataquery):
    """One statement; `format` is how Grafana reads its rows: as a table, or as series by text columns."""

    def __init__(self, sql: str, format_val: str = TABLE, ref_id: str = "A") -> None:
        self.sql = sql
        self.format = format_val
        self.ref_id = ref_id

    def to_json(self) -> dict[str, object]:
        """Return the query as Grafana keeps it."""
        return {
            "datasource": source(),
            "editorMode": "code",
            "format": self.format,
            "rawQuery": True,
            "rawSql": self.sql,
            "refId": self.ref_id,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the query that Grafana keeps as `data`."""
        return cls(data["rawSql"], data["format"], data["refId"])


class Query(Builder[SqlQuery]):
    """What the SDK's panel builders take."""

    def __init__(self, sql: str, format_val: str = TABLE, ref_id: str = "A") -> None:
        self._query = SqlQuery(" ".join(sql.split()), format_val, ref_id)

    def build(self) -> SqlQuery:
        """Return the query."""
        return self._query


class SharedResult(Dataquery):
    """The result of another panel of the same dashboard, which Grafana then asks for once."""

    def __init__(self, panel: Panel | int) -> None:
        self._panel = panel

    def to_json(self) -> dict[str, object]:
        """Return the query as Grafana keeps it; the panel has its number once the dashboard is laid out."""
        number = self._panel if isinstance(self._panel, int) else self._panel.id_val
        return {"datasource": shared(), "panelId": number, "refId": "A"}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the query that Grafana keeps as `data`."""
        return cls(data["panelId"])


class Shared(Builder[SharedResult]):
    """What the SDK's panel builders take."""

    def __init__(self, panel: Panel) -> None:
        self._query = SharedResult(panel)

    def build(self) -> SharedResult:
        """Return the query."""
        return self._query


def shared() -> DataSourceRef:
    """Return a reference to Grafana's own data source of what other panels have got."""
    return DataSourceRef(type_val="datasource", uid="-- Dashboard --")


def register() -> None:
    """Let the SDK read dashboards whose queries are ours; harmless to repeat."""
    register_default_plugins()
    register_dataquery_variant(DataqueryConfig(PLUGIN, SqlQuery.from_json))
    register_dataquery_variant(DataqueryConfig("datasource", SharedResult.from_json))


def rows(columns: str, source: str, *, where: str = "", group: str = "", order: str = "") -> str:
    """Return the statement that asks a function or view of the schema `dashboard` for these columns."""
    parts = (" WHERE ", where), (" GROUP BY ", group), (" ORDER BY ", order)
    tail = "".join(word + part for word, part in parts if part)
    return f"SELECT {columns} FROM dashboard.{source}{tail}"  # noqa: S608  # Grafana fills it in


def curve(
    source: str, value: str = "value", *, where: str = "", words: Mapping[str, str] | None = None
) -> str:
    """Return the statement for series over time: one for each node and label, of the column `value`.

    `words` are those for keys that labels end with.
    """
    named = value if value == "value" else f"{value} AS value"
    label = ending("metric", words) if words else "metric"
    return rows(f"time, node, {label}, {named}", source, where=where, order="time")


def worded(column: str, words: Mapping[str, str]) -> str:
    """Return the column with words for its keys: series are named by it, and Grafana maps no names."""
    cases = " ".join(f"WHEN '{key}' THEN '{word}'" for key, word in words.items())
    return f"CASE {column} {cases} ELSE {column} END AS {column}"


def ending(column: str, words: Mapping[str, str]) -> str:
    """Return the column with words for the keys that its texts end with."""
    told = column
    for key, word in words.items():
        told = f"regexp_replace({told}, '\\m{key}\\Z', '{word}')"
    return f"{told} AS {column}"
