"""What a panel says of itself, and what is the same for all kinds."""

from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import DashboardLink as LinkModel
from grafana_foundation_sdk.models.dashboard import Panel as PanelModel


@dataclass(frozen=True, slots=True)
class Told:
    """What a panel says of itself."""

    title: str
    normal: str
    unusual: str
    do: str
    empty: str

    @property
    def description(self) -> str:
        """The text behind the panel's (i)."""
        return f"Normal: {self.normal}\n\nNot normal: {self.unusual}\n\nDo: {self.do}"


class BoundedPanel(Protocol):
    """What the builders of panels with a scale have in common."""

    def decimals(self, decimals: float) -> Self: ...
    def min(self, min_val: float) -> Self: ...
    def max(self, max_val: float) -> Self: ...


P = TypeVar("P", bound=BoundedPanel)


def bounded(panel: P, decimals: int | None, least: float | None, most: float | None) -> P:
    """Return the panel with the decimals of its values, and the ends of its scale."""
    if decimals is not None:
        panel = panel.decimals(decimals)
    if least is not None:
        panel = panel.min(least)
    return panel if most is None else panel.max(most)


class AnyPanel(Protocol):
    """What the builders of all panel types have in common."""

    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...
    def data_links(self, links: list[Builder[LinkModel]]) -> Self: ...
    def build(self) -> PanelModel: ...


def finished(panel: AnyPanel, told: Told, width: int, height: int, link: str | None) -> PanelModel:
    panel = panel.title(told.title).description(told.description).no_value(told.empty)
    panel = panel.span(width).height(height)
    if link is not None:
        panel = panel.data_links([DashboardLink("Mer om dette").url(link)])
    return panel.build()
