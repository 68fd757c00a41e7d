"""What an organization's Owner has chosen: the level of each feature, and whether its users may choose for one run."""

from dataclasses import dataclass
from typing import cast

from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.audit import Activity, Actor, record
from testkase.services.inference import FEATURES, LEVELS, Feature, Level, ModelEntry
from testkase.services.metering.quality.ladder import Ladder

_NAMES = {"test_generation": "test case generation", "chat": "the chat assistant", "report": "AI reports"}
DEFAULT_LEVEL: Level = "balanced"


class LevelNotOffered(InvalidInput):
    """The level does not exist, nothing is behind it, or only the Owner chooses levels of this feature."""

    code = "level_not_offered"
    title = "This quality level cannot be used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`free_choice`: whoever uses the feature may choose another level for one run."""

    feature: Feature
    level: Level = DEFAULT_LEVEL
    free_choice: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The model a feature is to use."""

    level: Level
    entry: ModelEntry


def settings_of(org_id: int) -> Operation[dict[Feature, Setting]]:
    """Of every feature, chosen or not. Needs the organization's context."""
    rows = yield Statement(
        "SELECT feature, level, free_choice FROM quality_setting WHERE org_id = %(org_id)s", {"org_id": org_id}
    )
    chosen = {row["feature"]: Setting(**row) for row in rows}
    return {feature: chosen.get(feature, Setting(feature=feature)) for feature in FEATURES}


def choose_model(org_id: int, feature: Feature, steps: Ladder, *, wanted: str | None = None) -> Operation[Chosen]:
    """The model of this feature at the Owner's level, or at the level `wanted` for one run. Raises LevelNotOffered."""
    setting = (yield from settings_of(org_id))[feature]
    level = cast(Level, wanted or setting.level)
    if level not in LEVELS:
        raise LevelNotOffered(f"There is no level {level[:40]!r}. Levels: {', '.join(LEVELS)}.", field="level")
    if level != setting.level and not setting.free_choice:
        raise LevelNotOffered("Your Owner has chosen the level of this feature; leave it as it is.", field="level")
    if level not in steps:
        raise LevelNotOffered("No model is set up on this installation. Ask the operator.", field="level")
    return Chosen(level=level, entry=steps[level])


def change_setting(org_id: int, actor: Actor, *, feature: str, level: str, free_choice: bool) -> Operation[bool]:
    """Choose; False where it was so already. Takes effect with the next call. Raises NotFound, LevelNotOffered."""
    if feature not in FEATURES:
        raise NotFound("There is no such feature.")
    if level not in LEVELS:
        raise LevelNotOffered(f"Choose one of {', '.join(LEVELS)}.", field="level")
    before = (yield from settings_of(org_id))[cast(Feature, feature)]
    if (before.level, before.free_choice) == (level, free_choice):
        return False
    yield Statement(
        "INSERT INTO quality_setting (org_id, feature, level, free_choice)"
        " VALUES (%(org_id)s, %(feature)s, %(level)s, %(free_choice)s)"
        " ON CONFLICT (org_id, feature) DO UPDATE"
        " SET level = excluded.level, free_choice = excluded.free_choice, changed_at = now()",
        {"org_id": org_id, "feature": feature, "level": level, "free_choice": free_choice},
    )
    details = {"from": before.level, "to": level, "who": "its users may choose another" if free_choice else "for all"}
    changed = Activity(
        action="quality.changed", actor=actor, target=_NAMES[feature], use_case=feature, details=details
    )  # fmt: skip
    yield from record(org_id, changed)
    return True
