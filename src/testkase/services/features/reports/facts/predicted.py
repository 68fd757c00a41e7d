"""Predicted failures: how likely each case is to fail next, estimated from its own past, the recent part first."""

from fractions import Fraction

import msgspec

from testkase.services.features.reports.facts.history import History, PastCase, case_order
from testkase.services.features.reports.facts.words import (
    LISTED,
    NAMED,
    Notebook,
    counted,
    letters,
    percent,
    short,
    warning_of,
)
from testkase.services.features.reports.model import Chart, Column, Facts, Row, Table

FADING = Fraction(3, 4)
"""Each cycle counts three quarters of the one after it."""
FORMULA = (
    "The newest finished cycle weighs 1, each one before it three quarters of the one after it. Estimate = (weights of"
    " the cycles in which the case ended failed + project's share of failures) ÷ (weights of the cycles in which it"
    " ended passed or failed + 1). The share of failures stands for what is not known of a case with little history."
    " Listed are cases that failed at least once; deprecated ones are left out."
)


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """How likely a case is to fail the next time."""

    case: PastCase
    likelihood: Fraction
    failed: int
    decided: int
    """Cycles in which it ended passed or failed."""
    last_failed: int | None
    """The place of the cycle in which it failed last."""


def share_of_failures(history: History) -> Fraction:
    """Of all results of the window that are passed or failed."""
    results = [one for case in history.cases for one in case.results if one in ("passed", "failed")]
    return Fraction(results.count("failed"), len(results)) if results else Fraction(0)


def estimate_of(case: PastCase, share: Fraction) -> Estimate:
    """One case, by the formula."""
    newest = len(case.results) - 1
    decided = [place for place, result in enumerate(case.results) if result in ("passed", "failed")]
    failed = [place for place in decided if case.results[place] == "failed"]
    weights = {place: FADING ** (newest - place) for place in decided}
    likelihood = (sum((weights[place] for place in failed), Fraction(0)) + share) / (sum(weights.values()) + 1)
    return Estimate(
        case=case,
        likelihood=likelihood,
        failed=len(failed),
        decided=len(decided),
        last_failed=failed[-1] if failed else None,
    )


def estimates(history: History) -> list[Estimate]:
    """Every case with a past that is not deprecated, the likeliest to fail first."""
    share = share_of_failures(history)
    found = [estimate_of(case, share) for case in history.cases if case.status != "deprecated"]
    return sorted((one for one in found if one.decided), key=lambda one: (-one.likelihood, case_order(one.case)))


def predicted_facts(history: History) -> Facts:
    """The report."""
    found, note = estimates(history), Notebook()
    listed = [one for one in found if one.failed]
    expected = sum((one.likelihood for one in found), Fraction(0))
    about = note.figure("failures to expect when all these cases are executed once", int(expected + Fraction(1, 2)))
    of = note.figure("cases with a past", len(found))
    at_odds = note.figure("cases at 50 % or more", sum(1 for one in found if one.likelihood >= Fraction(1, 2)))
    note.figure("the project's share of failures", percent(share_of_failures(history)))
    for one in listed[:NAMED]:
        likely = note.figure(f"estimate for {one.case.key}", percent(one.likelihood))
        times = note.figure(f"cycles in which {one.case.key} failed", one.failed)
        decided = note.figure(f"cycles in which {one.case.key} passed or failed", one.decided)
        note.case(one.case, f"estimate {likely}: failed in {times} of {decided} cycles")
    lead = f"About {about} failures are to be expected if all {of} cases with a past are executed once."
    more = f"{'None' if at_odds == '0' else at_odds} of them {'is' if at_odds == '1' else 'are'} at 50 % or more."
    return Facts(
        kind="predicted",
        headline=(lead, more) if found else ("No case has passed or failed in a finished cycle yet.",),
        warning=warning_of(history),
        formula=FORMULA,
        cycles=tuple(cycle.name for cycle in history.cycles),
        chart=_chart(listed),
        tables=(_table(listed, history),),
        figures=note.figures,
        items=note.items,
    )


def because(one: Estimate, history: History) -> str:
    """Why, in words: "Failed in 2 of 3 cycles, last in Sprint 43"."""
    if one.last_failed is None:
        return f"Never failed in {counted(one.decided, 'cycle')}"
    last = short(history.cycles[one.last_failed].name, 40)
    return f"Failed in {one.failed} of {counted(one.decided, 'cycle')}, last in {last}"


def _chart(listed: list[Estimate]) -> Chart | None:
    if not listed:
        return None
    shown = listed[:12]
    return Chart(
        title="The likeliest to fail",
        unit="%",
        names=("Estimate",),
        parts=(5,),
        labels=tuple(one.case.key for one in shown),
        values=tuple((int(one.likelihood * 100 + Fraction(1, 2)),) for one in shown),
    )


def _table(listed: list[Estimate], history: History) -> Table:
    rows = [
        Row(
            (
                one.case.key, short(one.case.title), one.case.priority.capitalize(), letters(one.case.results),
                percent(one.likelihood), because(one, history),
            ),
            one.case.key,
        )
        for one in listed[:LISTED]
    ]  # fmt: skip
    return Table(
        title="Cases likely to fail",
        columns=(
            Column("Case"), Column("Title"), Column("Priority"), Column("Cycles, newest last"),
            Column("Estimate", figure=True), Column("Why"),
        ),
        rows=tuple(rows),
        nothing="No case has failed in these cycles.",
        more=max(len(listed) - LISTED, 0),
    )  # fmt: skip
