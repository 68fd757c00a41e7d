"""Bundles, purchases, receipts for money, and use beyond the balance."""

from typing import Literal

from testkase_client.amounts import Amount, amount_text, new_id
from testkase_client.answers.billing import (
    Bundles,
    BuyerDetails,
    Overage,
    OverageBill,
    PaymentReceipt,
    Purchase,
    Purchasing,
    Settings,
)
from testkase_client.request import Page, Request, below
from testkase_client.requests.reading import PAGE_SIZE


def bundles() -> Request[Bundles]:
    """What can be bought."""
    return Request(method="GET", path="/bundles", answer=Bundles)


def purchases(
    *, state: Literal["created", "open", "paid", "closed"] | None = None, page_size: int = PAGE_SIZE
) -> Request[Page[Purchase]]:
    """Purchases, newest first."""
    return Request(
        method="GET", path="/purchases", query={"state": state, "limit": page_size}, answer=Page[Purchase]
    )  # fmt: skip


def buy(
    *,
    bundle: str,
    currency: str = "USD",
    id: str | None = None,
) -> Request[Purchase]:
    """Set out to buy. A person pays at `payment_url`; the credits are there with the payment, and never before."""
    body = {"id": id or new_id("buy"), "bundle": bundle, "currency": currency}
    return Request(method="POST", path="/purchases", body=body, answer=Purchase)


def purchase(purchase_id: str) -> Request[Purchase]:
    """How a purchase stands."""
    return Request(method="GET", path=below("purchases", purchase_id), answer=Purchase)


def check_purchase(purchase_id: str) -> Request[Purchase]:
    """Have the payment provider asked now."""
    return Request(method="POST", path=below("purchases", purchase_id, "check"), answer=Purchase)


def payment_receipt(number: str) -> Request[PaymentReceipt]:
    """What was paid, with the taxes in it."""
    return Request(method="GET", path=below("receipts", number), answer=PaymentReceipt)


def settings() -> Request[Settings]:
    """Everything the organization has set: alerts, who may buy, and use beyond the balance."""
    return Request(method="GET", path="/settings", answer=Settings)


def purchasing() -> Request[Purchasing]:
    """Who may buy, and what receipts say of the buyer."""
    return Request(method="GET", path="/settings/purchasing", answer=Purchasing)


def set_purchasing(
    *, purchase_roles: Literal["owner", "owner_and_admins"], buyer: BuyerDetails
) -> Request[Purchasing]:  # fmt: skip
    """Both are set as given."""
    body = {"purchase_roles": purchase_roles, "buyer": buyer}
    return Request(method="PUT", path="/settings/purchasing", body=body, answer=Purchasing)


def overage() -> Request[Overage]:
    """How use beyond the balance stands."""
    return Request(method="GET", path="/settings/overage", answer=Overage)


def set_overage(*, cap_usd: Amount) -> Request[Overage]:
    """Allow use beyond the balance up to so much money a billing month; `"0"`: none."""
    return Request(method="PUT", path="/settings/overage", body={"cap_usd": amount_text(cap_usd)}, answer=Overage)


def overage_bills(*, page_size: int = 12) -> Request[Page[OverageBill]]:
    """Bills for use beyond the balance, newest first."""
    return Request(method="GET", path="/overage/bills", query={"limit": page_size}, answer=Page[OverageBill])
