"""The form of a test cycle, and durations as people write them."""

import re
from dataclasses import dataclass
from datetime import date

from django.http import QueryDict

from testkase.foundation.problems import InvalidInput
from testkase.services.workspace.model import Cycle, CyclePlan

_CLOCK = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,6}):([0-5]?[0-9])|([0-9]{1,8})(?:[.,]([0-9]{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleForm:
    """The fields, as texts."""

    name: str = ""
    environment: str = ""
    starts_on: str = ""
    ends_on: str = ""

    @classmethod
    def of(cls, cycle: Cycle) -> "CycleForm":
        plan = cycle.plan
        starts, ends = (one.isoformat() if one else "" for one in (plan.starts_on, plan.ends_on))
        return cls(name=plan.name, environment=plan.environment, starts_on=starts, ends_on=ends)

    @classmethod
    def sent(cls, post: QueryDict) -> "CycleForm":
        return cls(**{name: post.get(name, "") for name in cls.__dataclass_fields__})

    def plan(self) -> CyclePlan:
        """Raises InvalidInput for a date that is none."""
        return CyclePlan(
            name=self.name,
            environment=self.environment,
            starts_on=_date(self.starts_on, "starts_on"),
            ends_on=_date(self.ends_on, "ends_on"),
        )


def _date(text: str, field: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidInput("Write a date as the calendar of the field gives it.", field=field) from None


def milliseconds(text: str) -> int | None:
    """A duration as people write it: "90" or "1.5" seconds, "2:30", "1:02:30". Raises InvalidInput."""
    text = text.strip()
    if not text:
        return None
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise InvalidInput("Write a duration as seconds (90) or as minutes and seconds (1:30).", field="duration")
    hours, minutes, seconds, plain, fraction = found.groups()
    if plain is not None:
        return int(plain) * 1_000 + int((fraction or "0").ljust(3, "0"))
    return (int(hours or 0) * 3_600 + int(minutes) * 60 + int(seconds)) * 1_000
