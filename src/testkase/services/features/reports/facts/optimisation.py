"""Suite optimisation: cases that are alike, that never fail, that nobody executes, and the slowest."""

from collections.abc import Sequence
from fractions import Fraction
from statistics import median_low

import msgspec

from testkase.services.features.reports.facts.history import History, PastCase, case_order
from testkase.services.features.reports.facts.similarity import ALIKE, alike, words_of
from testkase.services.features.reports.facts.words import (
    LISTED,
    NAMED,
    Notebook,
    lasting,
    percent,
    short,
    warning_of,
)
from testkase.services.features.reports.model import FEW_CYCLES, Chart, Column, Facts, Row, Table

FORMULA = (
    f"Alike: at least {percent(ALIKE)} of the words of title, preconditions and steps in common, whatever their order;"
    " automated tests of which nothing is written but their name are not compared."
    f" Never failing: passed in every cycle in which it was executed, {FEW_CYCLES} at least, and neither failed nor was"
    " blocked. Never executed: ready, and without a result in any of these cycles. Slowest: the median of the measured"
    " times; the share is of the sum of all medians. Nothing here says that a case is not needed: that is for people."
)


class Pair(msgspec.Struct, frozen=True):
    """Two cases that say nearly the same."""

    one: PastCase
    other: PastCase
    likeness: Fraction


def similar_cases(cases: Sequence[PastCase]) -> list[Pair]:
    """The most alike first. Deprecated cases are left out."""
    kept = sorted((case for case in cases if case.status != "deprecated"), key=case_order)
    pairs = [Pair(kept[one], kept[other], share) for one, other, share in alike([words_of(one.text) for one in kept])]
    return sorted(pairs, key=lambda pair: (-pair.likeness, case_order(pair.one), case_order(pair.other)))


def never_failing(cases: Sequence[PastCase]) -> list[PastCase]:
    """Executed often enough to say so, and always passed. Those executed most often first."""

    def passed(case: PastCase) -> int:
        results = [one for one in case.results if one not in (None, "not_executed", "skipped")]
        always = all(one == "passed" for one in results) and all(run.passed for run in case.executions)
        return len(results) if always else 0

    found = [(passed(case), case) for case in cases]
    enough = [one for one in found if one[0] >= FEW_CYCLES]
    return [case for _, case in sorted(enough, key=lambda one: (-one[0], case_order(one[1])))]


def never_executed(cases: Sequence[PastCase]) -> list[PastCase]:
    """Ready, and without a result in the window or in the cycle that runs."""
    idle = (None, "not_executed")
    found = [
        case
        for case in cases
        if case.status == "ready" and case.now in idle and all(one in idle for one in case.results)
    ]
    return sorted(found, key=case_order)


def slowest(cases: Sequence[PastCase]) -> list[tuple[PastCase, int]]:
    """Cases that were measured, with the median of their times in milliseconds, the slowest first."""
    timed = [(case, [one for one in case.durations_ms if one is not None]) for case in cases]
    medians = [(case, median_low(times)) for case, times in timed if times]
    return sorted(medians, key=lambda one: (-one[1], case_order(one[0])))


def optimisation_facts(history: History) -> Facts:
    """The report."""
    note, slow = Notebook(), slowest(history.cases)
    pairs, steady, idle = similar_cases(history.cases), never_failing(history.cases), never_executed(history.cases)
    together = sum(time for _, time in slow)
    cases = note.figure("cases of the project", len(history.cases))
    alike_many = note.figure("pairs of cases that are alike", len(pairs))
    steady_many = note.figure("cases that never fail", len(steady))
    idle_many = note.figure("ready cases that nobody executes", len(idle))
    whole = note.figure("time of one execution of every measured case", lasting(together))
    fails, is_ready = "never fails" if len(steady) == 1 else "never fail", "is ready" if len(idle) == 1 else "are ready"
    headline = (
        f"Of {cases} cases {steady_many} {fails} and {idle_many} {is_ready} and never executed.",
        f"{alike_many} {'pair of cases is' if len(pairs) == 1 else 'pairs of cases are'} alike.",
        f"Every measured case once takes {whole}.",
    )
    for pair in pairs[:2]:
        share = note.figure(f"words {pair.one.key} and {pair.other.key} have in common", percent(pair.likeness))
        note.case(pair.one, f"has {share} of its words in common with {pair.other.key}")
    for case, time in slow[: NAMED - 2]:
        takes = note.figure(f"time of {case.key}", lasting(time))
        share = note.figure(f"share of {case.key} in the whole time", percent(_share(time, together)))
        note.case(case, f"takes {takes}, {share} of the whole time")
    return Facts(
        kind="optimisation",
        headline=headline,
        warning=warning_of(history),
        formula=FORMULA,
        cycles=tuple(cycle.name for cycle in history.cycles),
        chart=_chart(slow),
        tables=(_pairs(pairs), _slowest(slow, together), _steady(steady), _idle(idle)),
        figures=note.figures,
        items=note.items,
    )


def _share(time: int, together: int) -> Fraction:
    return Fraction(time, together) if together else Fraction(0)


def _chart(slow: list[tuple[PastCase, int]]) -> Chart | None:
    if not slow:
        return None
    shown = slow[:12]
    return Chart(
        title="The slowest cases",
        unit="s",
        names=("Median time",),
        parts=(1,),
        labels=tuple(case.key for case, _ in shown),
        values=tuple(((time + 500) // 1000,) for _, time in shown),
    )


def _pairs(pairs: list[Pair]) -> Table:
    rows = [
        Row(
            (
                pair.one.key, short(pair.one.title, 60), pair.other.key, short(pair.other.title, 60),
                percent(pair.likeness),
            ),
            pair.one.key,
        )
        for pair in pairs[:LISTED]
    ]  # fmt: skip
    columns = (
        Column("Case"), Column("Title"), Column("Is like"), Column("Title"), Column("In common", figure=True),
    )  # fmt: skip
    more = max(len(pairs) - LISTED, 0)
    return Table(title="Alike", columns=columns, rows=tuple(rows), nothing="No two cases are alike.", more=more)


def _slowest(slow: list[tuple[PastCase, int]], together: int) -> Table:
    rows = [
        Row((case.key, short(case.title), lasting(time), percent(_share(time, together))), case.key)
        for case, time in slow[:LISTED]
    ]
    columns = (Column("Case"), Column("Title"), Column("Median time", figure=True), Column("Share", figure=True))
    nothing, more = "Nobody measured how long cases take.", max(len(slow) - LISTED, 0)
    return Table(title="Slowest", columns=columns, rows=tuple(rows), nothing=nothing, more=more)


def _steady(steady: list[PastCase]) -> Table:
    rows = [
        Row((case.key, short(case.title), case.priority.capitalize(), str(case.results.count("passed"))), case.key)
        for case in steady[:LISTED]
    ]
    columns = (Column("Case"), Column("Title"), Column("Priority"), Column("Passed cycles", figure=True))
    nothing, more = "No case passed in every one of enough cycles.", max(len(steady) - LISTED, 0)
    return Table(title="Never failing", columns=columns, rows=tuple(rows), nothing=nothing, more=more)


def _idle(idle: list[PastCase]) -> Table:
    rows = [
        Row((case.key, short(case.title), case.folder, case.priority.capitalize()), case.key) for case in idle[:LISTED]
    ]
    columns = (Column("Case"), Column("Title"), Column("Folder"), Column("Priority"))
    nothing = "Every ready case was executed in these cycles."
    return Table(
        title="Never executed", columns=columns, rows=tuple(rows), nothing=nothing, more=max(len(idle) - LISTED, 0)
    )
