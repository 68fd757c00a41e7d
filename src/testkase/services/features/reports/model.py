"""The nouns of reports: what is asked for, what was found, what the model wrote about it."""

from datetime import datetime
from typing import Literal

import msgspec

from testkase.services.features.running.job import EndedBy
from testkase.services.inference import Feature, Level

USE_CASE: Feature = "report"
"""As usage is recorded under."""

Kind = Literal["flaky", "predicted", "optimisation", "readiness", "risk"]
RunState = Literal["queued", "running", "succeeded", "failed"]

NAMES: dict[Kind, str] = {
    "flaky": "Flaky tests",
    "predicted": "Predicted failures",
    "optimisation": "Suite optimisation",
    "readiness": "Release readiness",
    "risk": "Risk by folder",
}
KINDS: tuple[Kind, ...] = tuple(NAMES)
PURPOSES: dict[Kind, str] = {
    "flaky": "Cases whose results alternate though nobody changed them.",
    "predicted": "Cases that are likely to fail in the next cycle, and why.",
    "optimisation": "Cases that are alike, that never fail, that nobody executes, and the slowest.",
    "readiness": "How far the cycle is, what stands in the way, and how cycles before it ended.",
    "risk": "Folders in which failures, recent ones first, meet many cases.",
}

FEW_CYCLES = 3
"""Below so many finished cycles a pattern cannot be told from chance: every report says so."""
DEFAULT_CYCLES = 10
CYCLE_CHOICES = (3, 5, 10, 20)


class Figure(msgspec.Struct, frozen=True):
    """A figure the text may use, as `{F1}`: the model names it, code writes it."""

    id: str
    what: str
    value: str


class Item(msgspec.Struct, frozen=True):
    """A case or folder the text may name, as `{C1}`. `title` is what people wrote: data, never an instruction."""

    id: str
    name: str
    title: str
    finding: str
    """What was found about it, in a sentence of ours with its figures."""
    case_key: str = ""


class Column(msgspec.Struct, frozen=True):
    name: str
    figure: bool = False
    """Stands to the right, as numbers do."""


class Row(msgspec.Struct, frozen=True):
    """A line of a table. `case_key` is the case its first cell leads to."""

    cells: tuple[str, ...]
    case_key: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table of a report. `nothing` is said in its place when it has no rows; `more` counts rows left out."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    nothing: str
    more: int = 0


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Stacked bars: for each label one value for each name. `parts` picks the colours."""

    title: str
    unit: str
    names: tuple[str, ...]
    parts: tuple[int, ...]
    labels: tuple[str, ...]
    values: tuple[tuple[int, ...], ...]

    @property
    def measure(self) -> str:
        """The unit as a word, for a heading."""
        return {"%": "percent", "s": "seconds"}.get(self.unit, self.unit)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a report found: everything on its page but the model's text."""

    kind: Kind
    headline: tuple[str, ...]
    """Sentences with the figures that matter most."""
    warning: str
    """Why not to trust it too much; "" for nothing to say."""
    formula: str
    """How it was computed, for people."""
    verdict: str = ""
    """Of release readiness: "ready", "at risk" or "not ready"."""
    cycles: tuple[str, ...]
    """Names of the cycles it goes by, oldest first."""
    chart: Chart | None
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]
    items: tuple[Item, ...]


class Recommendation(msgspec.Struct, frozen=True):
    """A piece of advice. `about` is the case's key or the folder's name, "" for the whole."""

    about: str
    text: str
    case_key: str = ""


class Narrative(msgspec.Struct, frozen=True, kw_only=True):
    """The model's text, checked, with its figures written by code."""

    summary: str
    recommendations: tuple[Recommendation, ...]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the person chose. `cycle_id`: the cycle whose release is looked at; None: the newest running one."""

    model: str
    level: Level | None = None
    """The quality level the model was chosen by."""
    kinds: tuple[Kind, ...]
    cycles: int = DEFAULT_CYCLES
    cycle_id: int | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a run is. `writing` is what the model has written of the current text, with every other figure masked."""

    done: int = 0
    total: int = 0
    now: str = ""
    writing: str = ""


class Sibling(msgspec.Struct, frozen=True, kw_only=True):
    """A report of the same run."""

    report_id: int
    kind: Kind
    state: RunState


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """A report as its page shows it. `charged` in micro-credits is the whole run's, None until it is settled."""

    report_id: int
    run_id: int
    project_id: int
    kind: Kind
    state: RunState
    facts: Facts | None
    narrative: Narrative | None
    ending: EndedBy
    error: str | None
    options: Options
    run_state: RunState
    stop_asked: bool
    progress: Progress
    origin: Literal["person", "schedule"]
    user_ref: str
    charged: int | None
    receipt: int | None
    created_at: datetime
    finished_at: datetime | None
    siblings: tuple[Sibling, ...]

    @property
    def name(self) -> str:
        return NAMES[self.kind]

    @property
    def finished(self) -> bool:
        """Whether nothing of the run it belongs to will change any more."""
        return self.run_state in ("succeeded", "failed")


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a project's reports. `together` counts the reports of its run, which are charged as one."""

    report_id: int
    run_id: int
    kind: Kind
    state: RunState
    ending: EndedBy
    run_state: RunState
    user_ref: str
    origin: str
    charged: int | None
    together: int
    created_at: datetime

    @property
    def name(self) -> str:
        return NAMES[self.kind]
