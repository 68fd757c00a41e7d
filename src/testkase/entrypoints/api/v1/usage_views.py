"""Reading usage: the list page by page, the period by use case, one receipt."""

from testkase.core.ledger import queries
from testkase.core.ledger.credits import format_credits
from testkase.entrypoints.api.fields import NO_CURSOR, instant, microseconds
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask
from testkase.entrypoints.api.v1.balance_views import current_balance
from testkase.entrypoints.api.v1.usage_schemas import (
    ReceiptView,
    UsageItem,
    UsagePage,
    UsageQuery,
    UsageSummary,
    UseCaseTotal,
)
from testkase.foundation.problems import InvalidInput, NotFound

LARGEST = 2**63 - 1


async def list_usage(ask: Ask[None]) -> Reply:
    """200 with a page. One row more than asked for is read, to know whether there is another page."""
    query = ask.query(UsageQuery)
    page = queries.usage_page(
        ask.org_id,
        limit=query.limit + 1,
        before_seq=sequence(query.cursor, "cursor") if query.cursor is not None else None,
        since=microseconds(query.since, "since") if query.since is not None else None,
        until=microseconds(query.until, "until") if query.until is not None else None,
        use_case=query.use_case,
        user=query.user,
        project=query.project,
    )
    rows = await ask.context.database.run(page, org_id=ask.org_id)
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    return Reply(UsagePage(items=[UsageItem.of(row) for row in rows], next_cursor=str(rows[-1].seq) if more else None))


async def summarize_usage(ask: Ask[None]) -> Reply:
    """200 with the period by use case."""
    balance = await current_balance(ask.context, ask.org_id)
    found = await ask.context.database.run(queries.usage_summary(ask.org_id), org_id=ask.org_id)
    items = [
        UseCaseTotal(
            use_case=line.use_case,
            interactions=line.interactions,
            charged=format_credits(line.charged),
            input_tokens=line.input_tokens,
            output_tokens=line.output_tokens,
        )
        for line in found
    ]
    return Reply(
        UsageSummary(
            period_start=instant(balance.period_start),
            period_end=instant(balance.period_end),
            this_month=format_credits(sum(line.charged for line in found)),
            items=items,
        )
    )


async def get_receipt(ask: Ask[None]) -> Reply:
    """200 with the receipt of one interaction."""
    try:
        seq = sequence(ask.path("usage_id"), "id")
    except InvalidInput:
        raise NotFound("There is no such receipt.", field="id") from None
    receipt = await ask.context.database.run(queries.receipt(ask.org_id, seq), org_id=ask.org_id)
    return Reply(ReceiptView.of_receipt(receipt))


def sequence(text: str, field: str) -> int:
    """A number out of a cursor or an address. Raises InvalidInput."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LARGEST):
        raise InvalidInput(NO_CURSOR, field=field)
    return int(text)
