"""How facts are written: shares, lengths of time, counts, and the figures a text may use."""

from collections.abc import Sequence
from fractions import Fraction

from testkase.services.features.reports.facts.history import History, PastCase
from testkase.services.features.reports.model import FEW_CYCLES, Figure, Item

LISTED = 15
"""Rows of a table; the rest is counted."""
NAMED = 5
"""Cases or folders the model is told of."""


def percent(share: Fraction) -> str:
    """A share as whole percent, half a percent up: 2/3 → "67 %"."""
    return f"{int(share * 100 + Fraction(1, 2))} %"


def counted(count: int, noun: str, plural: str = "") -> str:
    """ "1 case", "3 cases"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def lasting(milliseconds: int) -> str:
    """ "0.4 s", "41 s", "2 min 05 s", "1 h 10 min"."""
    if milliseconds < 10_000:
        return f"{milliseconds // 1000}.{milliseconds % 1000 // 100} s"
    seconds = milliseconds // 1000
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def short(text: str, longest: int = 90) -> str:
    """One line of what people wrote."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def warning_of(history: History) -> str:
    """What a reader must know before trusting the figures."""
    parts = []
    found = len(history.cycles)
    if found < FEW_CYCLES:
        had = counted(found, "cycle has", "cycles have") if found else "No cycle has"
        parts.append(f"{had} been finished so far. With fewer than {FEW_CYCLES}, patterns are little more than chance.")
    if history.left_out:
        parts.append(f"The project is large: its {history.left_out:,} oldest cases are not part of this report.")
    return " ".join(parts)


class Notebook:
    """Collects the figures and the things a text may name, and numbers them."""

    def __init__(self) -> None:
        self._figures: list[Figure] = []
        self._items: list[Item] = []

    def figure(self, what: str, value: str | int) -> str:
        """Note a figure; answers it as it is written."""
        text = value if isinstance(value, str) else f"{value:,}"
        self._figures.append(Figure(f"F{len(self._figures) + 1}", what, text))
        return text

    def case(self, case: PastCase, finding: str) -> None:
        """Note a case the text may name."""
        number = len(self._items) + 1
        self._items.append(Item(f"C{number}", case.key, short(case.title), finding, case.key))

    def other(self, name: str, finding: str) -> None:
        """Note a folder or a cycle the text may name. Its name is what people wrote, as a title is."""
        self._items.append(Item(f"C{len(self._items) + 1}", short(name, 120), "", finding))

    @property
    def figures(self) -> tuple[Figure, ...]:
        return tuple(self._figures)

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(self._items)


def letters(results: Sequence[str | None]) -> str:
    """Results in the order of the cycles: P passed, F failed, B blocked, S skipped, – not executed."""
    return " ".join(
        {"passed": "P", "failed": "F", "blocked": "B", "skipped": "S"}.get(one or "", "–") for one in results
    )
