"""The usage table as CSV: the same rows, read page by page while they are sent, safe to open in a spreadsheet."""

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from testkase.core.ledger.calendar import from_micros
from testkase.core.ledger.credits import format_credits
from testkase.entrypoints.web.download import CHUNK, csv_response, paged
from testkase.entrypoints.web.filters import Filters
from testkase.entrypoints.web.spreadsheet import safe
from testkase.entrypoints.web.templatetags.testkase import use_case
from testkase.entrypoints.web.usage import UsageLine, usage_page
from testkase.foundation.text import visible

HEADINGS = (
    "Date", "Use Case", "User", "Email", "Credits Consumed", "Project", "Receipt", "Model", "Outcome", "Measurement",
    "Input tokens", "Cached input tokens", "Cache write tokens", "Output tokens", "Reasoning tokens", "Rate card",
    "Use case key", "Project key",
)  # fmt: skip
"""The keys tell apart what has one name: two projects may, and so may a feature and another program's use case."""


def usage_csv(request: HttpRequest, org_id: int, filters: Filters) -> StreamingHttpResponse:
    """The download. Its rows do not change meanwhile: usage is only ever appended, above the first row sent."""

    def read(before: int | None) -> tuple[list[tuple[str, ...]], int | None]:
        page = usage_page(org_id, filters, before=before, limit=CHUNK)
        return [_cells(line) for line in page.lines], page.next

    return csv_response(request, paged(org_id, HEADINGS, read), name="ai-credits-usage")


def _cells(line: UsageLine) -> tuple[str, ...]:
    row, tokens = line.row, line.row.tokens
    texts = (
        timezone.localtime(from_micros(row.at)).isoformat(timespec="seconds"), use_case(row.use_case), line.user,
        line.user_ref, format_credits(row.charged), line.project, str(row.seq), row.model or "", row.outcome,
        row.measurement, str(tokens.input), str(tokens.cached_input), str(tokens.cache_write), str(tokens.output),
        str(tokens.reasoning), row.rate_card or "", row.use_case, visible(row.project or ""),
    )  # fmt: skip
    return tuple(safe(text) for text in texts)
