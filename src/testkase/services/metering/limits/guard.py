"""The runaway guard's rule (B13): when a burn is abnormal. Pure; all its constants are here.

Somebody's burn of the last ten minutes is held against the busiest ten minutes they had in the past week. A program
caught in a loop stands out by a factor; steady growth does not, because each day becomes part of what is usual, and a
batch at the end of a sprint does not, because it stays below the floor or below the multiple.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from testkase.core.ledger.limits.model import PauseKind

WINDOW_SECONDS = 600
"""The burn that is looked at: the last ten minutes."""

RECENT_SECONDS = 3_600
"""The last hour is not part of what is usual: a burn that grows must not become its own excuse."""

HISTORY_SECONDS = 7 * 86_400
"""What is usual is taken from the past week."""

MULTIPLE = 5
"""Abnormal is more than five times the busiest ten minutes of the past week."""

FLOOR_MICROCREDITS = 50_000_000
"""Below 50 credits in ten minutes nobody is paused: a sixth of a monthly allowance of 300."""

FIRST_DAYS_FLOOR_MICROCREDITS = 100_000_000
"""Twice that where there is no history of at least three days to compare with: the first big batch is somebody's
first."""

DAYS_OF_HISTORY = 3

EXPLAINS_PERCENT = 80
"""One user who makes up so much of a feature's burn explains it: the user is paused, the feature is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """What one user, or one feature, was charged in the window; `top_user` did most of a feature's."""

    kind: PauseKind
    ref: str
    burned: int
    top_user: str = ""
    top_burned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The past week before the last hour: the busiest ten minutes, and on how many days anything was used.

    `forgiven`: the burn of the latest pause that somebody resumed. They have looked at it and called it right."""

    busiest: int = 0
    days: int = 0
    forgiven: int = 0

    @property
    def usual(self) -> int:
        return max(self.busiest, self.forgiven)


def suspicious(burns: Sequence[Burn]) -> list[Burn]:
    """Those whose history is worth reading at all: nearly always none."""
    return [burn for burn in burns if burn.burned >= FLOOR_MICROCREDITS]


def runs_away(burn: Burn, history: History) -> bool:
    """Whether this is far more than ever."""
    floor = FLOOR_MICROCREDITS if history.days >= DAYS_OF_HISTORY else FIRST_DAYS_FLOOR_MICROCREDITS
    return burn.burned >= floor and burn.burned > MULTIPLE * history.usual


def explained(feature: Burn, stopped_users: set[str]) -> bool:
    """Whether one user who is paused, or was and has been resumed, accounts for a feature's burn."""
    return feature.top_user in stopped_users and feature.top_burned * 100 >= feature.burned * EXPLAINS_PERCENT
