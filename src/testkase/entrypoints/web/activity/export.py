"""The history as CSV: the same events, read page by page while they are sent, safe to open in a spreadsheet."""

import json

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from testkase.core.ledger.calendar import from_micros
from testkase.core.ledger.credits import format_credits
from testkase.entrypoints.web.activity.filters import Filters
from testkase.entrypoints.web.activity.lines import Line, lines_of
from testkase.entrypoints.web.download import CHUNK, csv_response, paged
from testkase.entrypoints.web.spreadsheet import safe
from testkase.entrypoints.web.templatetags.testkase import use_case
from testkase.services.audit.history import Place

HEADINGS = (
    "Date", "Kind", "User", "Email", "What happened", "Project", "Use Case", "Credits Consumed", "Receipt", "Action",
    "Target", "Details", "Id", "Hash",
)  # fmt: skip


def activity_csv(request: HttpRequest, org_id: int, filters: Filters) -> StreamingHttpResponse:
    """The download. What is recorded meanwhile is not part of it."""

    def read(after: Place | None) -> tuple[list[tuple[str, ...]], Place | None]:
        page = lines_of(org_id, filters, after=after, limit=CHUNK)
        return [_cells(line) for line in page.lines], page.next

    return csv_response(request, paged(org_id, HEADINGS, read), name="activity")


def _cells(line: Line) -> tuple[str, ...]:
    change = line.event.change
    texts = (
        timezone.localtime(from_micros(line.event.at)).isoformat(timespec="seconds"), line.kind_name, line.who,
        line.who_ref, f"{line.who} {line.what}", line.project, use_case(line.use_case) if line.use_case else "",
        format_credits(line.charged) if line.charged is not None else "",
        str(line.receipt) if line.receipt is not None else "",
        change.record.action if change else "ai.used", change.record.target if change else "",
        json.dumps(change.record.details, ensure_ascii=False) if change and change.record.details else "",
        line.event.id, change.hash.hex() if change else "",
    )  # fmt: skip
    return tuple(safe(text) for text in texts)
