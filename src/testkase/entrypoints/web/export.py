"""The usage table as CSV: the same rows, read page by page while they are sent, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from testkase.core.ledger.calendar import from_micros
from testkase.core.ledger.credits import format_credits
from testkase.entrypoints.web.filters import Filters
from testkase.entrypoints.web.spreadsheet import safe
from testkase.entrypoints.web.templatetags.testkase import use_case
from testkase.entrypoints.web.usage import UsageLine, usage_page
from testkase.services.organizations.tenancy import tenant_transaction

HEADINGS = (
    "Date", "Use Case", "User", "Email", "Credits Consumed", "Project", "Receipt", "Model", "Outcome", "Measurement",
    "Input tokens", "Cached input tokens", "Cache write tokens", "Output tokens", "Reasoning tokens", "Rate card",
)  # fmt: skip
_CHUNK = 499
"""Rows read at once: one more shows whether there are others, and 500 is the most a page may have."""


def usage_csv(request: HttpRequest, org_id: int, filters: Filters) -> StreamingHttpResponse:
    """The download. Its rows do not change meanwhile: usage is only ever appended, above the first row sent."""
    chunks = _chunks(org_id, filters)
    response = StreamingHttpResponse(
        _awaited(chunks) if isinstance(request, ASGIRequest) else chunks, content_type="text/csv; charset=utf-8"
    )
    day = timezone.localdate().isoformat()
    response.headers["Content-Disposition"] = f'attachment; filename="ai-credits-usage-{day}.csv"'
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _chunks(org_id: int, filters: Filters) -> Iterator[bytes]:
    """Each piece in a transaction of its own: a slow download holds neither a connection nor old rows."""
    zone = timezone.get_current_timezone()  # the view's; what runs later is outside its reach
    yield _written([HEADINGS])
    before: int | None = None
    while True:
        with timezone.override(zone):
            try:
                with tenant_transaction(org_id):
                    page = usage_page(org_id, filters, before=before, limit=_CHUNK)
            finally:
                close_old_connections()
            rows = [_cells(line) for line in page.lines]
        if rows:
            yield _written(rows)
        if page.next is None:
            return
        before = page.next


async def _awaited(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same for an asynchronous server, which would otherwise collect everything before it sends the first byte."""
    following = sync_to_async(lambda: next(chunks, None))
    while (chunk := await following()) is not None:
        yield chunk


def _cells(line: UsageLine) -> tuple[str, ...]:
    row, tokens = line.row, line.row.tokens
    texts = (
        timezone.localtime(from_micros(row.at)).isoformat(timespec="seconds"), use_case(row.use_case), line.user,
        row.user, format_credits(row.charged), line.project, str(row.seq), row.model or "", row.outcome,
        row.measurement, str(tokens.input), str(tokens.cached_input), str(tokens.cache_write), str(tokens.output),
        str(tokens.reasoning), row.rate_card or "",
    )  # fmt: skip
    return tuple(safe(text) for text in texts)


def _written(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
