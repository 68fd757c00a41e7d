"""Keeps lines of result in docs/campaigns.md, between marks that people leave alone."""

from pathlib import Path

from campaigns.goals import GOALS, Goal
from campaigns.report import ROOT, Report, told

PAGE = ROOT / "docs" / "campaigns.md"


def record(report: Report, page: Path = PAGE) -> None:
    """Put the run in the place of an earlier one of the same campaign."""
    rows = {line.split("|")[1].strip(): line for line in between(page, "results").splitlines()[2:]}
    figures = ", ".join(f"{told(value)} {name}" for name, value in report.figures.items())
    faults = "0 faults" if not report.faults else f"{len(report.faults)} FAULTS"
    rows[report.campaign] = _row(
        report.campaign, *GOALS.get(report.campaign, Goal("0 faults")), f"{report.size:,} {report.counts}", figures,
        faults, report.began[:10], f"{report.seconds:,.0f} s", str(report.seed), report.revision,
    )  # fmt: skip
    if report.table:
        replace(page, report.campaign, _merged(between(page, report.campaign), report.table))
    order = [*GOALS, *sorted(rows.keys() - GOALS.keys())]
    replace(page, "results", "\n".join([*_HEAD, *(rows[name] for name in order if name in rows)]))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


_HEAD = (
    _row(
        "Campaign",
        "To reach",
        "The best elsewhere",
        "Ours",
        "What happened",
        "Found",
        "Date",
        "Took",
        "Seed",
        "Revision",
    ),
    "|---|---|---|---|---|---|---|---|---|---|",
)


def _merged(before: str, now: str) -> str:
    """A table with the rows of now in the place of earlier ones of the same name: a run may be of a part."""
    head, fresh = now.splitlines()[:2], {line.split("|")[1]: line for line in now.splitlines()[2:]}
    known = {line.split("|")[1]: line for line in before.splitlines()[2:]}
    return "\n".join([*head, *(known | fresh).values()])


def between(page: Path, mark: str) -> str:
    """What stands between `<!-- mark -->` and `<!-- /mark -->`."""
    return page.read_text().split(f"<!-- {mark} -->\n")[1].split(f"<!-- /{mark} -->")[0]


def replace(page: Path, mark: str, text: str) -> None:
    """Put something else there."""
    before, rest = page.read_text().split(f"<!-- {mark} -->\n")
    after = rest.split(f"<!-- /{mark} -->")[1]
    page.write_text(f"{before}<!-- {mark} -->\n{text}\n<!-- /{mark} -->{after}")
