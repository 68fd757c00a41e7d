"""Release readiness: how far a cycle is, what stands in the way, and how the cycles before it ended."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from statistics import median
from typing import Literal

import msgspec

from testkase.services.features.reports.facts.history import History, PastCase, case_order
from testkase.services.features.reports.facts.words import (
    LISTED,
    NAMED,
    Notebook,
    counted,
    percent,
    short,
    warning_of,
)
from testkase.services.features.reports.model import Chart, Column, Facts, Row, Table

Verdict = Literal["ready", "at risk", "not ready"]
GRAVE = ("critical", "high")
FORMULA = (
    "Progress = executed ÷ all cases of the cycle. Pass rate = passed ÷ (passed + failed + blocked). Not ready: a case"
    " of critical or high priority stands failed or blocked. Ready: nothing like that, every case is executed, and the"
    " pass rate is no lower than the median of the cycles before it, or 100 % where there are none. At risk: anything"
    " else."
)
_RESULTS = ("passed", "failed", "blocked", "skipped", "not_executed")


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How many cases of a cycle stand where."""

    name: str
    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def progress(self) -> Fraction:
        done = self.total - self.counts.get("not_executed", 0)
        return Fraction(done, self.total) if self.total else Fraction(0)

    @property
    def pass_rate(self) -> Fraction | None:
        decided = sum(self.counts.get(one, 0) for one in ("passed", "failed", "blocked"))
        return Fraction(self.counts.get("passed", 0), decided) if decided else None


def standing(name: str, results: Sequence[str | None]) -> Standing:
    """Of a cycle whose cases stand so; None is a case that is not in it."""
    return Standing(name=name, counts=dict(Counter(one for one in results if one is not None)))


def verdict_of(now: Standing, obstacles: int, before: Sequence[Standing]) -> Verdict:
    """By the rule on the page. `obstacles`: grave cases that stand failed or blocked."""
    if obstacles:
        return "not ready"
    rates = [one.pass_rate for one in before if one.pass_rate is not None]
    # A first cycle has nothing to be worse than: full of failures, it is not ready for that.
    usual = median(rates) if rates else Fraction(1)
    enough = now.pass_rate is not None and now.pass_rate >= usual
    return "ready" if enough and now.progress == 1 else "at risk"


def obstacles_of(cases: Sequence[PastCase]) -> list[PastCase]:
    """Cases of critical or high priority that stand failed or blocked, the gravest first."""
    found = [case for case in cases if case.now in ("failed", "blocked") and case.priority in GRAVE]
    return sorted(found, key=lambda case: (GRAVE.index(case.priority), case.now != "failed", case_order(case)))


def readiness_facts(history: History) -> Facts:
    """The report. There is a cycle to look at: whoever asks has seen to that."""
    assert history.target is not None
    now = standing(history.target.name, [case.now for case in history.cases])
    before = [
        standing(cycle.name, [case.results[place] for case in history.cases])
        for place, cycle in enumerate(history.cycles)
        if cycle.cycle_id != history.target.cycle_id
    ]
    obstacles = obstacles_of(history.cases)
    verdict, note = verdict_of(now, len(obstacles), before), Notebook()
    headline = _headline(note, now, before, obstacles)
    for case in obstacles[:NAMED]:
        note.case(case, f"{case.priority} priority, stands {case.now}")
    return Facts(
        kind="readiness",
        headline=(f"{short(now.name, 60)} is {verdict}.", *headline),
        warning=warning_of(history),
        formula=FORMULA,
        verdict=verdict,
        cycles=(*(one.name for one in before), now.name),
        chart=_chart([*before, now]),
        tables=(_obstacles(obstacles), _standings([*before, now])),
        figures=note.figures,
        items=note.items,
    )


def _headline(
    note: Notebook, now: Standing, before: Sequence[Standing], obstacles: Sequence[PastCase]
) -> tuple[str, ...]:
    progress = note.figure("progress: share of the cycle's cases that is executed", percent(now.progress))
    total = note.figure("cases in the cycle", now.total)
    left = note.figure("cases not executed yet", now.counts.get("not_executed", 0))
    failed = note.figure("cases that stand failed", now.counts.get("failed", 0))
    blocked = note.figure("cases that stand blocked", now.counts.get("blocked", 0))
    grave = note.figure("critical or high cases that stand failed or blocked", len(obstacles))
    rate = note.figure("pass rate of the cycle", _rate(now))
    said = f"{progress} of {total} cases are executed, {left} are left; the pass rate is {rate}."
    stand = f"{failed} failed and {blocked} blocked; {grave} of these of critical or high priority."
    rates = [one.pass_rate for one in before if one.pass_rate is not None]
    if not rates:
        return said, stand, "There is no finished cycle to compare it with."
    usual = note.figure("median pass rate of the cycles before", percent(Fraction(median(rates))))
    return said, stand, f"The {counted(len(rates), 'cycle')} before it ended with a median pass rate of {usual}."


def _rate(one: Standing) -> str:
    return percent(one.pass_rate) if one.pass_rate is not None else "none yet"


def _chart(all_of_them: list[Standing]) -> Chart:
    return Chart(
        title="Where cases stood, cycle by cycle",
        unit="cases",
        names=("Passed", "Failed", "Blocked", "Skipped", "Not executed"),
        parts=(2, 5, 3, 1, 8),
        labels=tuple(short(one.name, 40) for one in all_of_them),
        values=tuple(tuple(one.counts.get(result, 0) for result in _RESULTS) for one in all_of_them),
    )


def _numbers(one: Standing) -> tuple[str, ...]:
    return tuple(f"{one.counts.get(result, 0):,}" for result in _RESULTS)


def _obstacles(obstacles: list[PastCase]) -> Table:
    rows = [
        Row((case.key, short(case.title), case.priority.capitalize(), (case.now or "").capitalize()), case.key)
        for case in obstacles[:LISTED]
    ]
    return Table(
        title="What stands in the way",
        columns=(Column("Case"), Column("Title"), Column("Priority"), Column("Stands")),
        rows=tuple(rows),
        nothing="No case of critical or high priority stands failed or blocked.",
        more=max(len(obstacles) - LISTED, 0),
    )


def _standings(all_of_them: list[Standing]) -> Table:
    rows = [
        Row((short(one.name, 40), *_numbers(one), percent(one.progress), _rate(one))) for one in reversed(all_of_them)
    ]
    heads = ("Passed", "Failed", "Blocked", "Skipped", "Not executed", "Progress", "Pass rate")
    return Table(
        title="Cycle by cycle",
        columns=(Column("Cycle"), *(Column(head, figure=True) for head in heads)),
        rows=tuple(rows),
        nothing="There is no cycle.",
    )
