"""The quality levels as a form offers them: fast, balanced, best, each a model at today's price."""

from typing import Any

from django.http import HttpRequest

from testkase.entrypoints.web.offer import catalog, current_prices
from testkase.services.inference import Feature
from testkase.services.metering.quality import Ladder, ladder, settings_of
from testkase.services.organizations.tenancy import run_here


def current_ladder(use_case: Feature) -> Ladder:
    """The models of a feature's levels, at today's prices."""
    return ladder(catalog(), current_prices(), use_case)


def wanted_level(request: HttpRequest) -> str:
    """The level a form was sent with, or whose price is looked at."""
    return request.POST.get("level") or request.GET.get("level", "")


def level_facts(org_id: int, use_case: Feature, wanted: str) -> dict[str, Any]:
    """The levels there are to choose from, none where only the Owner chooses, and the model that will be used."""
    steps, setting = current_ladder(use_case), run_here(settings_of(org_id))[use_case]
    level = wanted if setting.free_choice and wanted in steps else setting.level
    differ = len({entry.name for entry in steps.values()}) > 1
    return {
        "levels": list(steps.items()) if setting.free_choice and differ else [],
        "level": level,
        "chosen": next((entry for name, entry in steps.items() if name == level), None),
    }
