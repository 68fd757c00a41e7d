"""The history that facts are computed from, as plain values."""

import msgspec

NO_FOLDER = "No folder"


class PastCycle(msgspec.Struct, frozen=True):
    """A cycle. `finished` ones make the window; another may be the one whose release is looked at."""

    cycle_id: int
    name: str
    finished: bool = True


class Execution(msgspec.Struct, frozen=True):
    """A case that passed or failed. `cycle` is the place in the window, `at` in microseconds since 1970."""

    cycle: int
    passed: bool
    at: int


class PastCase(msgspec.Struct, frozen=True, kw_only=True):
    """A test case and what became of it. `results` and `durations_ms` have one place for each cycle of the window, None
    where the case was not in it or nobody measured; `now` is where it stands in the cycle looked at."""

    case_id: int
    key: str
    title: str
    priority: str = "medium"
    status: str = "ready"
    folder: str = NO_FOLDER
    text: str = ""
    """Title and steps, for comparing cases with each other."""
    edits: tuple[int, ...] = ()
    """When its title, preconditions, steps or automated test were changed, in microseconds since 1970."""
    executions: tuple[Execution, ...] = ()
    results: tuple[str | None, ...] = ()
    durations_ms: tuple[int | None, ...] = ()
    now: str | None = None


class History(msgspec.Struct, frozen=True, kw_only=True):
    """One project. `cycles` are the finished ones of the window, oldest first; `target` the one whose release is looked
    at, which may be one of them."""

    cycles: tuple[PastCycle, ...]
    target: PastCycle | None
    cases: tuple[PastCase, ...]
    left_out: int = 0
    """Cases of a project that is larger than reports read."""

    @property
    def empty(self) -> bool:
        """No cycle to go by."""
        return not self.cycles and self.target is None


def case_order(case: PastCase) -> tuple[str, int, str]:
    """As people count: SHOP-9 before SHOP-10."""
    prefix, _, digits = case.key.rpartition("-")
    return (prefix, int(digits) if digits.isdigit() else 0, case.key)
