"""Flaky tests: cases whose results alternate though nobody changed them."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import msgspec

from testkase.services.features.reports.facts.history import Execution, History, PastCase, case_order
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

LEAST = 2
"""A single change of the result is a fault or its repair; a case that comes back from it is flaky."""
FORMULA = (
    "The executions of a case in finished cycles are read in the order of time, passed and failed only. Where two that"
    " follow each other differ, the result has alternated; pairs between which title, preconditions, steps or automated"
    " test were changed do not count. A case is flaky from 2 alternations on. Score = alternations ÷ pairs. The trend"
    " compares alternations in the newer half of the cycles with those in the older half."
)

Trend = Literal["rising", "falling", "steady"]


class Flakiness(msgspec.Struct, frozen=True, kw_only=True):
    """How often a case's result alternated, out of the pairs that count."""

    case: PastCase
    alternations: int
    pairs: int
    trend: Trend
    cycles: tuple[int, ...]
    """Places of the cycles in which the result alternated."""

    @property
    def score(self) -> Fraction:
        return Fraction(self.alternations, self.pairs)


def flakiness(case: PastCase, cycles: int) -> Flakiness:
    """Of one case over a window of so many cycles."""
    pairs = list(_comparable(case))
    at = tuple(after.cycle for before, after in pairs if before.passed != after.passed)
    middle = (cycles + 1) // 2
    newer = sum(1 for cycle in at if cycle >= middle)
    older = len(at) - newer
    trend: Trend = "rising" if newer > older else "falling" if newer < older else "steady"
    return Flakiness(case=case, alternations=len(at), pairs=max(len(pairs), 1), trend=trend, cycles=at)


def flaky_cases(history: History) -> list[Flakiness]:
    """The most often alternating first."""
    found = [flakiness(case, len(history.cycles)) for case in history.cases]
    flaky = [one for one in found if one.alternations >= LEAST]
    return sorted(flaky, key=lambda one: (-one.alternations, -one.score, case_order(one.case)))


def flaky_facts(history: History) -> Facts:
    """The report."""
    flaky, note = flaky_cases(history), Notebook()
    executed = sum(1 for case in history.cases if case.executions)
    many = note.figure("flaky cases", len(flaky))
    of = note.figure("cases executed in these cycles", executed)
    all_times = note.figure("alternations of all flaky cases together", sum(one.alternations for one in flaky))
    note.figure("flaky cases whose trend is rising", sum(1 for one in flaky if one.trend == "rising"))
    for one in flaky[:NAMED]:
        times = note.figure(f"alternations of {one.case.key}", one.alternations)
        score = note.figure(f"score of {one.case.key}", percent(one.score))
        note.case(one.case, f"alternated {times} times without a change of the case, score {score}, {one.trend}")
    lead = (
        f"{many} of {of} executed cases alternated, {all_times} times together."
        if flaky
        else f"None of the {counted(executed, 'executed case')} alternated more than once."
    )
    return Facts(
        kind="flaky",
        headline=(lead,),
        warning=warning_of(history),
        formula=FORMULA,
        cycles=tuple(cycle.name for cycle in history.cycles),
        chart=_chart(history, flaky),
        tables=(_table(flaky),),
        figures=note.figures,
        items=note.items,
    )


def _comparable(case: PastCase) -> Iterator[tuple[Execution, Execution]]:
    for before, after in pairwise(case.executions):
        if not any(before.at < edit <= after.at for edit in case.edits):
            yield before, after


def _chart(history: History, flaky: list[Flakiness]) -> Chart | None:
    if not flaky:
        return None
    at = [cycle for one in flaky for cycle in one.cycles]
    return Chart(
        title="Flaky cases by cycle",
        unit="alternations",
        names=("Alternations",),
        parts=(3,),
        labels=tuple(short(cycle.name, 40) for cycle in history.cycles),
        values=tuple((at.count(place),) for place in range(len(history.cycles))),
    )


def _past(case: PastCase) -> str:
    return "".join("P" if run.passed else "F" for run in case.executions[-24:])


def _table(flaky: list[Flakiness]) -> Table:
    rows = [
        Row(
            (
                one.case.key, short(one.case.title), _past(one.case), str(one.alternations), percent(one.score),
                one.trend.capitalize(),
            ),
            one.case.key,
        )
        for one in flaky[:LISTED]
    ]  # fmt: skip
    return Table(
        title="Flaky cases",
        columns=(
            Column("Case"), Column("Title"), Column("Results, newest last"), Column("Alternations", figure=True),
            Column("Score", figure=True), Column("Trend"),
        ),
        rows=tuple(rows),
        nothing="No case alternated more than once. Single failures stand in the cycles themselves.",
        more=max(len(flaky) - LISTED, 0),
    )  # fmt: skip
