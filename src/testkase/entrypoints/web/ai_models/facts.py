"""What the page shows: levels with their prices, and the way of the data."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from testkase.core.access import Action
from testkase.entrypoints.web.offer import catalog, current_prices
from testkase.entrypoints.web.viewer import Viewer
from testkase.services.inference import FEATURES, Feature, Level, ModelEntry, Provider
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
    """A feature and its levels."""

    feature: Feature
    setting: Setting
    steps: list[Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a feature sends to a model. No levels: the model is asked only when another one has failed."""

    feature: Feature
    levels: list[Level]

    @property
    def sent(self) -> str:
        return SENT[self.feature]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A model that receives something, and where that is."""

    entry: ModelEntry
    provider: Provider
    uses: list[Use]

    @property
    def host(self) -> str:
        return urlsplit(self.provider.base_url).hostname or ""

    @property
    def kind(self) -> str:
        return KINDS[self.provider.kind]

    @property
    def here(self) -> bool:
        """Nothing leaves this machine."""
        return self.provider.base_url.startswith("http://")

    @property
    def stores(self) -> str:
        """What a request says about being kept."""
        if self.entry.capabilities.store:
            return "Every request says store: false"
        return "Requests of this API have no field to say so; the contract does"


def page_facts(viewer: Viewer) -> dict[str, Any]:
    """Everything on the page."""
    panels = _panels(viewer.org_id)
    return {
        "section": "credits",
        "panels": panels,
        "flows": _flows(panels),
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
                expected=expected_cost(feature, entry, history, book),
                chosen=level == settings[feature].level,
            )
            for level, entry in ladder(catalog(), book, feature).items()
        ]
        panels.append(Panel(feature=feature, setting=settings[feature], steps=steps))
    return panels


def _flows(panels: list[Panel]) -> list[Flow]:
    """Every model that may receive anything, those that may step in included."""
    uses: dict[str, list[Use]] = {}
    for panel in panels:
        levels: dict[str, list[Level]] = {}
        for step in panel.steps:
            levels.setdefault(step.entry.name, []).append(step.level)
        instead = {name for step in panel.steps for name in step.entry.fallback} - set(levels)
        for model in (*levels, *sorted(instead)):
            uses.setdefault(model, []).append(Use(feature=panel.feature, levels=levels.get(model, [])))
    return [
        Flow(entry=catalog().find(model), provider=catalog().provider_of(model), uses=found)
        for model, found in uses.items()
    ]
