"""The routes that only read."""

from testkase.core.access import Scope
from testkase.entrypoints.api.route import Route
from testkase.entrypoints.api.v1 import balance_views, bundle_views, statement_views, usage_views
from testkase.entrypoints.api.v1 import usage_schemas as schemas
from testkase.entrypoints.api.v1.lists import ListQuery

_ITEM = {
    "id": "17", "call_id": "call-7f3a", "at": "2026-11-22T12:00:09.120000Z", "use_case": "test_generation",
    "user": "ada@example.com", "project": "DEMO", "model": "testkase-demo", "outcome": "completed",
    "measurement": "exact", "usage": {"input_tokens": 1180, "output_tokens": 212}, "charged": "0.56", "cost": "0.56",
    "rate_card": "2026-11-01",
}  # fmt: skip
_RATES = {
    "rate_card": "2026-11-01", "model": "testkase-demo", "input": "200.00", "cached_input": "50.00",
    "cache_write": "200.00", "output": "1500.00", "reasoning": "1500.00", "charge_increment": "0.01",
}  # fmt: skip
_LOT = {"id": "1", "source": "allowance", "expires_at": "2026-12-01T00:00:00.000000Z"}
_BUNDLE = {
    "key": "professional", "name": "Professional", "price_usd": "50.00", "price_inr": None, "credits": "5500.00",
    "credits_per_dollar": 110, "savings_percent": 10, "more_credits_percent": "10", "cheaper_percent": "9.1",
    "badge": "Popular", "validity": "billing_month", "validity_months": None,
}  # fmt: skip
_STATEMENT = {
    "period": "2026-11", "started_at": "2026-11-01T00:00:00.000000Z", "ends_at": "2026-12-01T00:00:00.000000Z",
    "closed": False, "opening": "0.00", "allowance": "300.00", "granted": "0.00", "bought": "1000.00",
    "adjusted": "0.00", "used": "0.56", "expired": "0.00", "reversed": "0.00", "overage": "0.00", "debt": "0.00",
    "closing": "1299.44",
}  # fmt: skip

ROUTES = (
    Route(
        method="GET", path="/balance", run=balance_views.get_balance, scope=Scope.CREDITS_READ, tag="Balance",
        summary="Read the balance",
        description="Available and held credits, this month's usage, and when the allowance resets. Right past every"
        " boundary: a period that has ended is closed before the answer.",
        answer=balance_views.BalanceView,
        answer_example={
            "available": "299.44", "held": "0.00", "debt": "0.00", "overage_limit": "0.00", "overage": "0.00",
            "overage_used": "0.00", "this_month": "0.56", "monthly_allowance": "300.00",
            "ai_enabled": True, "period_start": "2026-11-01T00:00:00.000000Z",
            "resets_at": "2026-12-01T00:00:00.000000Z", "time_zone": "UTC", "as_of": "2026-11-22T12:00:09.120000Z",
            "buy_url": "https://credits.example.com/settings/ai-credits/buy?organization=7",
        },
        refusals=("account_not_found",),
    ),
    Route(
        method="GET", path="/lots", run=balance_views.list_lots, scope=Scope.CREDITS_READ, tag="Balance",
        summary="List the lots that still hold credits",
        description="In the order in which they are spent: soonest to expire first.",
        query=ListQuery, answer=balance_views.LotList,
        answer_example={
            "items": [_LOT | {
                "paid": False, "granted": "300.00", "available": "299.44", "held": "0.00",
                "reversed": "0.00", "frozen": False, "granted_at": "2026-11-01T00:00:00.000000Z",
            }],
            "next_cursor": None,
        },
        refusals=("account_not_found",),
    ),
    Route(
        method="GET", path="/usage", run=usage_views.list_usage, scope=Scope.CREDITS_READ, tag="Usage",
        summary="List AI interactions, newest first", query=schemas.UsageQuery,
        description="Page through with `next_cursor`; the filters must stay the same from page to page.",
        answer=schemas.UsagePage, answer_example={"items": [_ITEM], "next_cursor": None},
    ),
    Route(
        method="GET", path="/usage/summary", run=usage_views.summarize_usage, scope=Scope.CREDITS_READ, tag="Usage",
        summary="This period's usage by use case",
        answer=schemas.UsageSummary,
        answer_example={
            "period_start": "2026-11-01T00:00:00.000000Z", "period_end": "2026-12-01T00:00:00.000000Z",
            "this_month": "0.56",
            "items": [{
                "use_case": "test_generation", "interactions": 1, "charged": "0.56", "input_tokens": 1180,
                "output_tokens": 212,
            }],
        },
        refusals=("account_not_found",),
    ),
    Route(
        method="GET", path="/usage/{usage_id}", run=usage_views.get_receipt, scope=Scope.CREDITS_READ, tag="Usage",
        summary="Read the receipt of one interaction",
        description="Tokens by kind, the rates they were priced at, the lots that paid, and the balance before and"
        " after: the charge can be recomputed from the receipt alone.",
        answer=schemas.ReceiptView,
        answer_example=_ITEM | {
            "rates": _RATES, "lots": [_LOT | {"charged": "0.56"}], "expired_on_release": "0.00",
            "reversed_on_release": "0.00", "lent": "0.00", "balance_before": "300.00", "balance_after": "299.44",
            "available": "299.44", "hash": "9f86d081",
        },
        refusals=("not_found",),
    ),
    Route(
        method="GET", path="/statements", run=statement_views.list_statements, scope=Scope.CREDITS_READ,
        tag="Statements", summary="List the billing periods, newest first", query=statement_views.StatementQuery,
        description="What each period opened with, what came, what went and what was left. The first is the period that"
        " runs.",
        answer=statement_views.StatementPage, answer_example={"items": [_STATEMENT], "next_cursor": None},
        refusals=("account_not_found",),
    ),
    Route(
        method="GET", path="/statements/{period}", run=statement_views.get_statement, scope=Scope.CREDITS_READ,
        tag="Statements", summary="Read one billing period in full",
        description="Named after the month in which it begins in the billing zone, such as 2026-11; with what was used"
        " by use case, user and project, and the lots that expired.",
        answer=statement_views.StatementView,
        answer_example=_STATEMENT | {
            "interactions": 1,
            "by_use_case": [{"name": "test_generation", "interactions": 1, "charged": "0.56"}],
            "by_user": [{"name": "ada@example.com", "interactions": 1, "charged": "0.56"}],
            "by_project": [{"name": "DEMO", "interactions": 1, "charged": "0.56"}],
            "expiries": [],
        },
        refusals=("not_found",),
    ),
    Route(
        method="GET", path="/bundles", run=bundle_views.list_bundles, scope=Scope.CREDITS_READ, tag="Buying",
        summary="List the credit bundles and their prices",
        query=ListQuery, answer=bundle_views.BundleList,
        answer_example={
            "items": [_BUNDLE], "next_cursor": None, "currencies": ["USD"], "price_book": "2026-11-01",
            "overage_price_usd": "0.40",
        },
    ),
)  # fmt: skip
