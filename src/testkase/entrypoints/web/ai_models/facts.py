"""What the page shows: levels with their prices, and the way of the data."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from testkase.core.access import Action
from testkase.entrypoints.web.offer import catalog, current_prices
from testkase.entrypoints.web.viewer import Viewer
from testkase.services.inference import FEATURES, LEVELS, Feature, Level, ModelEntry, Provider
from testkase.services.metering.quality import Expected, Setting, expected_cost, history_of, ladder, settings_of
from testkase.services.organizations.tenancy import run_here

SENT: dict[Feature, str] = {
    "test_generation": "The requirement as it was written, ideas found in it, and titles of drafts that exist already.",
    "chat": "The question, the conversation it belongs to, and what the assistant looked up with the asker's rights.",
    "report": "Figures and titles of the project or test cycle the report is about.",
}
KINDS = {
    "openai": "OpenAI-compatible",
    "anthropic": "Anthropic Messages",
    "gemini": "Google Gemini",
    "azure": "Azure OpenAI",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A level of a feature, with its model and what a run with it likely costs."""

    level: Level
    entry: ModelEntry
    expected: Expected
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A feature. `alike`: all its levels are one model."""

    feature: Feature
    setting: Setting
    steps: list[Step]
    alike: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What one model of a feature receives, and where. `steps_in`: it is asked only when another failed."""

    feature: Feature
    sent: str
    levels: list[Level]
    entry: ModelEntry
    provider: Provider
    host: str
    kind: str
    steps_in: bool

    @property
    def here(self) -> bool:
        """Nothing leaves this machine."""
        return self.provider.base_url.startswith("http://")

    @property
    def stores(self) -> str:
        """What a request says about being kept."""
        if self.entry.kind in ("anthropic", "gemini"):
            return "This API keeps no conversations; there is nothing to switch off"
        if self.entry.capabilities.store:
            return "Every request says store: false"
        return "Requests cannot say so here; the contract does"


def page_facts(viewer: Viewer) -> dict[str, Any]:
    """Everything on the page."""
    panels = _panels(viewer.org_id)
    return {
        "section": "credits",
        "panels": panels,
        "flows": [flow for panel in panels for flow in _flows(panel)],
        "demonstration": all(step.entry.small for panel in panels for step in panel.steps),
        "chooses": viewer.can(Action.SET_QUALITY_LEVELS),
    }


def _panels(org_id: int) -> list[Panel]:
    settings, history, book = run_here(settings_of(org_id)), run_here(history_of(org_id)), current_prices()
    panels = []
    for feature in FEATURES:
        steps = [
            Step(
                level=level,
                entry=entry,
                expected=expected_cost(feature, entry.name, history, book),
                chosen=level == settings[feature].level,
            )
            for level, entry in ladder(catalog(), book, feature).items()
        ]
        alike = len({step.entry.name for step in steps}) == 1
        panels.append(Panel(feature=feature, setting=settings[feature], steps=steps, alike=alike))
    return panels


def _flows(panel: Panel) -> list[Flow]:
    """The models of a feature's levels, each once, and after them those that may step in."""
    found: dict[str, list[Level]] = {}
    for step in panel.steps:
        found.setdefault(step.entry.name, []).append(step.level)
    instead = {name for model in found for name in catalog().find(model).fallback} - set(found)
    return [_flow(panel.feature, name, levels) for name, levels in found.items()] + [
        _flow(panel.feature, name, []) for name in sorted(instead)
    ]


def _flow(feature: Feature, model: str, levels: list[Level]) -> Flow:
    provider = catalog().provider_of(model)
    return Flow(
        feature=feature,
        sent=SENT[feature],
        levels=sorted(levels, key=LEVELS.index),
        entry=catalog().find(model),
        provider=provider,
        host=urlsplit(provider.base_url).hostname or "",
        kind=KINDS[provider.kind],
        steps_in=not levels,
    )
