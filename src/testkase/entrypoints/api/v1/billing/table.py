"""The routes of buying."""

from typing import Any

from testkase.core.access import Scope
from testkase.entrypoints.api.route import Route
from testkase.entrypoints.api.v1.billing import purchases, schemas, terms

_OPEN: dict[str, Any] = {
    "id": "pur_01KB6B4H7Q3V8M2N5R9T0W1X2Y", "request_id": "top-up-2026-11", "state": "open", "bundle": "professional",
    "name": "Professional", "credits": "5500.00", "amount": "50.00", "currency": "USD",
    "order_id": "order_RB58MiP5SPFYyM", "payment_id": None,
    "payment_url": "https://credits.example.com/settings/billing/purchases/pur_01KB6B4H7Q3V8M2N5R9T0W1X2Y?organization=7",
    "receipt": None, "expires_at": None, "failure": "", "taken_back": "0.00", "disputed": False,
    "bought_by": {"kind": "api_key", "name": "Nightly top-up"}, "created_at": "2026-11-22T12:00:09.120000Z",
    "paid_at": None, "attempts": [],
}  # fmt: skip
_ATTEMPT = {
    "payment_id": "pay_RB59QyC1dEfGhI", "status": "captured", "verdict": "granted", "amount": "50.00",
    "currency": "USD", "refunded": "0.00", "went_back": "0.00", "method": "card", "instrument": "Visa •••• 1111",
    "failure": "", "at": "2026-11-22T12:01:30.000000Z",
}  # fmt: skip
_PAID = _OPEN | {
    "state": "paid", "payment_id": "pay_RB59QyC1dEfGhI", "receipt": "R-2026-000017",
    "expires_at": "2026-12-01T00:00:00.000000Z", "paid_at": "2026-11-22T12:01:31.482000Z", "attempts": [_ATTEMPT],
}  # fmt: skip
_RECEIPT = {
    "number": "R-2026-000017", "about": "pur_01KB6B4H7Q3V8M2N5R9T0W1X2Y", "issued_at": "2026-11-22T12:01:31.482000Z",
    "seller": {"name": "Acme Testing GmbH", "address": ["Torstraße 1", "10119 Berlin"],
               "email": "billing@acme.example", "tax_id": "DE123456789"},
    "buyer": {"name": "Northwind Labs", "address": [], "tax_id": ""}, "ordered_by": "Nightly top-up",
    "description": "Professional bundle: 5,500 AI credits", "credits": "5500.00", "currency": "USD", "net": "42.02",
    "taxes": [{"name": "VAT", "percent": "19", "amount": "7.98"}], "total": "50.00",
    "payment_id": "pay_RB59QyC1dEfGhI", "paid_with": "Visa •••• 1111",
}  # fmt: skip
_PURCHASING = {
    "purchase_roles": "owner_and_admins",
    "buyer": {"name": "Northwind Labs Inc.", "address": "1 Pine Street\nSeattle", "tax_id": "US-12-3456789"},
}  # fmt: skip
_OVERAGE = {
    "cap_usd": "100.00", "price_usd": "0.40", "limit": "250.00", "used": "12.50", "cost_usd": "5.00",
    "resets_at": "2026-12-01T00:00:00.000000Z", "blocked": False,
}  # fmt: skip
_BILL = {
    "id": "bill_01KB6B4H7Q3V8M2N5R9T0W1X2Y", "state": "open", "period_start": "2026-10-01T00:00:00.000000Z",
    "period_end": "2026-11-01T00:00:00.000000Z", "credits": "12.50", "amount": "5.00", "currency": "USD",
    "payment_url": "https://rzp.io/rzp/AbCdEf1", "receipt": None, "made_at": "2026-11-01T00:00:04.000000Z",
    "due_at": "2026-11-15T00:00:04.000000Z", "paid_at": None,
}  # fmt: skip
_PROVIDER = ("payments_not_set_up", "payment_refused", "payment_provider_unavailable")

ROUTES = (
    Route(
        method="GET", path="/purchases", run=purchases.list_all, scope=Scope.BILLING_READ, tag="Purchases",
        summary="List purchases, newest first", query=schemas.PurchaseQuery,
        description="Page through with `next_cursor`; `state` must stay the same from page to page.",
        answer=schemas.PurchasePage, answer_example={"items": [_PAID], "next_cursor": None},
    ),
    Route(
        method="POST", path="/purchases", run=purchases.begin, scope=Scope.BILLING_WRITE, tag="Purchases",
        summary="Set out to buy a bundle",
        description="Makes an order at the price of this moment. A person pays it at `payment_url`; the credits are"
        " there with the payment and never before. The key must have been made by somebody who may buy now.",
        body=schemas.PurchaseRequest, body_example={"id": "top-up-2026-11", "bundle": "professional"},
        answer=schemas.PurchaseView, answer_example=_OPEN, status=201, idempotent=True,
        refusals=("may_not_buy", "unknown_bundle", "unknown_currency", "id_reused", "too_many_purchases",
                  "payment_mismatch", *_PROVIDER),
    ),
    Route(
        method="GET", path="/purchases/{purchase_id}", run=purchases.get_one, scope=Scope.BILLING_READ,
        tag="Purchases", summary="Read a purchase", answer=schemas.PurchaseView, answer_example=_PAID,
        refusals=("purchase_not_found",),
    ),
    Route(
        method="POST", path="/purchases/{purchase_id}/check", run=purchases.check, scope=Scope.BILLING_WRITE,
        tag="Purchases", summary="Ask the payment provider how a purchase stands",
        description="Happens by itself as well: at every report of the provider, and every few minutes while a purchase"
        " is open. However often it is asked, one payment is credited once.",
        answer=schemas.PurchaseView, answer_example=_PAID,
        refusals=("purchase_not_found", "payment_mismatch", *_PROVIDER),
    ),
    Route(
        method="GET", path="/receipts/{number}", run=purchases.get_receipt, scope=Scope.BILLING_READ, tag="Purchases",
        summary="Read a receipt", answer=schemas.PaymentReceiptView, answer_example=_RECEIPT,
        refusals=("receipt_not_found",),
    ),
    Route(
        method="GET", path="/settings/purchasing", run=terms.get_purchasing, scope=Scope.SETTINGS_READ, tag="Purchases",
        summary="Read who may buy, and what receipts say of the buyer",
        answer=terms.PurchasingSettings, answer_example=_PURCHASING,
    ),
    Route(
        method="PUT", path="/settings/purchasing", run=terms.put_purchasing, scope=Scope.SETTINGS_WRITE,
        tag="Purchases", summary="Set who may buy, and what receipts say of the buyer",
        description="Where admins may not buy any more, keys they made lose `billing:write` at once.",
        body=terms.PurchasingSettings, body_example=_PURCHASING, answer=terms.PurchasingSettings,
        answer_example=_PURCHASING,
    ),
    Route(
        method="GET", path="/settings/overage", run=terms.get_overage, scope=Scope.SETTINGS_READ, tag="Overage",
        summary="Read how use beyond the balance stands", answer=terms.OverageView, answer_example=_OVERAGE,
        refusals=("account_not_found",),
    ),
    Route(
        method="PUT", path="/settings/overage", run=terms.put_overage, scope=Scope.SETTINGS_WRITE, tag="Overage",
        summary="Allow use beyond the balance up to a monthly cap, or none",
        description="Off until a cap is set. Calls beyond the balance then go on up to the cap, and are billed when the"
        " billing month has ended.",
        body=terms.OverageSettings, body_example={"cap_usd": "100.00"}, answer=terms.OverageView,
        answer_example=_OVERAGE, refusals=("overage_bill_unpaid", "account_not_found", "payments_not_set_up"),
    ),
    Route(
        method="GET", path="/overage/bills", run=terms.list_overage_bills, scope=Scope.BILLING_READ, tag="Overage",
        summary="List the bills for use beyond the balance, newest first", query=schemas.BillQuery,
        answer=schemas.BillPage, answer_example={"items": [_BILL], "next_cursor": None},
    ),
)  # fmt: skip
