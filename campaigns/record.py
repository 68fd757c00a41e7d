"""Keeps lines of result in docs/campaigns.md, between marks that people leave alone."""

from pathlib import Path

from campaigns.goals import GOALS, Goal
from campaigns.report import ROOT, Report, told

PAGE = ROOT / "docs" / "campaigns.md"


def record(report: Report, page: Path = PAGE) -> None:
    """Put the run in the place of an earlier one of the same campaign; one that goes on where that one came to, with
    the same seed, makes one run of both."""
    rows = {line.split("|")[1].strip(): line for line in between(page, "results").splitlines()[2:]}
    figures = {name: told(value) for name, value in report.figures.items()}
    found, seconds, revision = len(report.faults), report.seconds, report.revision
    ours = _came_to(report.size, report)
    if report.after and (before := _first_part(rows.get(report.campaign, ""), report)):
        figures, found, seconds, revision = _joined(before, figures, found, seconds, revision)
        ours += before[3].removeprefix(_came_to(report.after, report))
    elif report.after:
        ours += f", from {report.after:,} on"
    rows[report.campaign] = _row(
        report.campaign, *GOALS.get(report.campaign, Goal("0 faults")), ours,
        ", ".join(f"{value} {name}" for name, value in figures.items()), f"{found} FAULTS" if found else "0 faults",
        report.began[:10], f"{seconds:,.0f} s", str(report.seed), revision,
    )  # fmt: skip
    if report.table:
        replace(page, report.campaign, _merged(between(page, report.campaign), report.table))
    order = [*GOALS, *sorted(rows.keys() - GOALS.keys())]
    replace(page, "results", "\n".join([*_HEAD, *(rows[name] for name in order if name in rows)]))


def _came_to(size: int, report: Report) -> str:
    return f"{size:,} {report.counts}"


def _first_part(row: str, report: Report) -> list[str]:
    """The cells of a row that ends where this run begins; none, where it does not."""
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    fits = bool(cells) and cells[8] == str(report.seed)
    return cells if fits and cells[3].partition(", from ")[0] == _came_to(report.after, report) else []


def _joined(
    before: list[str], figures: dict[str, str], found: int, seconds: float, revision: str
) -> tuple[dict[str, str], int, float, str]:
    """Figures, faults, seconds and revision of both parts together: numbers add up, digests are xor-ed."""
    earlier = {name: value for value, name in (figure.split(" ", 1) for figure in before[4].split(", "))}
    whole = {name: _both(name, earlier.get(name, "0"), value) for name, value in figures.items()}
    seconds += _number(before[7].removesuffix(" s"))
    if "a second" in whole:
        whole["a second"] = told(round(_number(whole["operations"]) / max(seconds, 1)))
    found += 0 if before[5] == "0 faults" else _number(before[5].split(" ")[0])
    revisions = dict.fromkeys([*before[9].split(", "), revision])
    return whole, found, seconds, ", ".join(revisions)


def _both(name: str, one: str, other: str) -> str:
    if name == "digest":
        return f"{int(one, 16) ^ int(other, 16):016x}"
    return told(_number(one) + _number(other))


def _number(text: str) -> int:
    return int(text.replace(",", ""))


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
