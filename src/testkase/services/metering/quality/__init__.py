"""Quality levels (B16): each AI feature is run at one of three, each a model with its rate, chosen by the Owner.

    chosen = yield from choose_model(org_id, "chat", ladder(catalog, book, "chat"), wanted=None)
    interaction = await meter.open(org_id, subject, model=chosen.entry.name, …)

`ladder` says which models the levels are, `choose_model` which of them this organization uses.
"""

from testkase.services.metering.quality.ladder import SMALL_TYPICAL, TYPICAL, Ladder, ladder
from testkase.services.metering.quality.setting import (
    Chosen,
    LevelNotOffered,
    Setting,
    change_setting,
    choose_model,
    settings_of,
)
from testkase.services.metering.quality.typical import Expected, History, expected_cost, history_of

__all__ = [
    "SMALL_TYPICAL",
    "TYPICAL",
    "Chosen",
    "Expected",
    "History",
    "Ladder",
    "LevelNotOffered",
    "Setting",
    "change_setting",
    "choose_model",
    "expected_cost",
    "history_of",
    "ladder",
    "settings_of",
]
