"""A statement as CSV: one table, a column for the section, safe to open in a spreadsheet."""

from collections.abc import Iterator

from django.utils import timezone

from testkase.core.ledger.calendar import from_micros
from testkase.core.ledger.credits import format_credits
from testkase.entrypoints.web.download import written
from testkase.entrypoints.web.spreadsheet import safe
from testkase.entrypoints.web.statements.paper import Paper

HEADINGS = ("Section", "Item", "Detail", "Calls", "Credits")


def csv_of(paper: Paper) -> bytes:
    """The file. Amounts are signed as the balance feels them, so that the section "Sum" adds up in a spreadsheet."""
    return written([HEADINGS, *(tuple(map(_cell, row)) for row in _rows(paper))])


def _cell(cell: str) -> str:
    """A figure below zero is no formula: nothing but a number we wrote ourselves begins with a minus."""
    return cell if cell.removeprefix("-").replace(".", "", 1).isdigit() else safe(cell)


def _rows(paper: Paper) -> Iterator[tuple[str, str, str, str, str]]:
    period = paper.period
    yield ("Statement", "Organization", paper.organization, "", "")
    yield ("Statement", "Month", period.name, "", "")
    yield ("Statement", "From", _instant(paper, period.started_at), "", "")
    yield ("Statement", "To", _instant(paper, period.ends_at), "", "")
    yield ("Statement", "Time zone", paper.time_zone, "", "")
    yield ("Statement", "State", "closed" if period.closed else "still running: figures so far", "", "")
    for line in paper.lines:
        yield ("Sum", line.name, "", "", format_credits(line.amount))
    for heading, parts in paper.parts:
        for one in parts:
            yield (f"Used by {heading.lower()}", one.name, one.note, str(one.interactions), format_credits(one.charged))
    for gone in paper.gone:
        yield ("Expired", gone.name, _instant(paper, gone.at), "", format_credits(gone.expired))


def _instant(paper: Paper, micros: int) -> str:
    with timezone.override(paper.time_zone):
        return timezone.localtime(from_micros(micros)).isoformat(timespec="seconds")
