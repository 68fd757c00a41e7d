"""Risk by folder: failures, recent ones first, times the size of the folder."""

from collections import defaultdict
from fractions import Fraction

import msgspec

from testkase.services.features.reports.facts.history import History, PastCase
from testkase.services.features.reports.facts.predicted import FADING
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

FORMULA = (
    "The newest finished cycle weighs 1, each one before it three quarters of the one after it. Failure rate of a"
    " folder = weighted failures ÷ weighted results that are passed or failed. Risk = failure rate × number of cases"
    " in the folder, without those in folders inside it; shown as the folder's share of all folders' risk. Deprecated"
    " cases are left out."
)


class FolderRisk(msgspec.Struct, frozen=True, kw_only=True):
    """A folder by the formula. `failures` counts results that are failed, unweighted."""

    folder: str
    cases: int
    failures: int
    rate: Fraction

    @property
    def risk(self) -> Fraction:
        return self.rate * self.cases


def folder_risks(history: History) -> list[FolderRisk]:
    """Every folder with cases, the riskiest first."""
    inside: dict[str, list[PastCase]] = defaultdict(list)
    for case in history.cases:
        if case.status != "deprecated":
            inside[case.folder].append(case)
    risks = [_risk(folder, cases, len(history.cycles)) for folder, cases in inside.items()]
    return sorted(risks, key=lambda one: (-one.risk, -one.cases, one.folder))


def risk_facts(history: History) -> Facts:
    """The report."""
    risks, note = folder_risks(history), Notebook()
    together = sum((one.risk for one in risks), Fraction(0))
    risky = [one for one in risks if one.failures]
    folders = note.figure("folders with cases", len(risks))
    failing = note.figure("folders with failures", len(risky))
    for one in risky[:NAMED]:
        name = short(one.folder, 60)
        share = note.figure(f"share of {name} in the whole risk", percent(_share(one, together)))
        rate = note.figure(f"failure rate of {name}, recent cycles first", percent(one.rate))
        size = note.figure(f"cases in {name}", one.cases)
        note.other(one.folder, f"{share} of the whole risk: failure rate {rate} over {size} cases")
    headline = [f"{failing} of {folders} folders had failures."]
    if risky:
        headline.append(
            f"The riskiest is {short(risky[0].folder, 60)}, with {percent(_share(risky[0], together))} of the risk."
        )
    return Facts(
        kind="risk",
        headline=tuple(headline),
        warning=warning_of(history),
        formula=FORMULA,
        cycles=tuple(cycle.name for cycle in history.cycles),
        chart=_chart(risky, together),
        tables=(_table(risks, together),),
        figures=note.figures,
        items=note.items,
    )


def _risk(folder: str, cases: list[PastCase], cycles: int) -> FolderRisk:
    failed = decided = Fraction(0)
    failures = 0
    for case in cases:
        for place, result in enumerate(case.results):
            if result in ("passed", "failed"):
                weight = FADING ** (cycles - 1 - place)
                decided += weight
                failed += weight if result == "failed" else 0
                failures += result == "failed"
    rate = failed / decided if decided else Fraction(0)
    return FolderRisk(folder=folder, cases=len(cases), failures=failures, rate=rate)


def _share(one: FolderRisk, together: Fraction) -> Fraction:
    return one.risk / together if together else Fraction(0)


def _chart(risky: list[FolderRisk], together: Fraction) -> Chart | None:
    if not risky:
        return None
    shown = risky[:12]
    return Chart(
        title="Each folder's share of the risk",
        unit="%",
        names=("Risk",),
        parts=(4,),
        labels=tuple(short(one.folder, 40) for one in shown),
        values=tuple((int(_share(one, together) * 100 + Fraction(1, 2)),) for one in shown),
    )


def _table(risks: list[FolderRisk], together: Fraction) -> Table:
    rows = [
        Row(
            (
                short(one.folder),
                f"{one.cases:,}",
                f"{one.failures:,}",
                percent(one.rate),
                percent(_share(one, together)),
            )
        )
        for one in risks[:LISTED]
    ]
    return Table(
        title="Folders by risk",
        columns=(
            Column("Folder"), Column("Cases", figure=True), Column("Failures", figure=True),
            Column("Failure rate, weighted", figure=True), Column("Share of the risk", figure=True),
        ),
        rows=tuple(rows),
        nothing=f"{counted(0, 'case')} in this project.",
        more=max(len(risks) - LISTED, 0),
    )  # fmt: skip
