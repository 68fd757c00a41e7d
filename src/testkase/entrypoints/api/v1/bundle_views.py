"""What can be bought, and what the problems mean."""

from msgspec import Struct

from testkase.core.ledger.credits import format_credits
from testkase.core.pricing import Bundle
from testkase.core.pricing.money import decimal_money
from testkase.entrypoints.api.catalogue import PROBLEMS
from testkase.entrypoints.api.fields import Credits
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask
from testkase.entrypoints.api.v1.lists import ListQuery, page_of
from testkase.foundation.problems import NotFound


class BundleView(Struct, frozen=True, kw_only=True):
    """Credits sold at one price. `savings_percent` is as published; the other two percentages are the true figures."""

    key: str
    name: str
    price_usd: str
    price_inr: str | None
    """Where the operator keeps a list in rupees (P8)."""
    credits: Credits
    credits_per_dollar: int
    savings_percent: int | None
    more_credits_percent: str
    cheaper_percent: str
    badge: str | None
    validity: str
    validity_months: int | None


class BundleList(Struct, frozen=True, kw_only=True):
    """The bundles of the price book in force, smallest first."""

    items: list[BundleView]
    next_cursor: str | None
    currencies: list[str]
    price_book: str
    overage_price_usd: str


class ProblemView(Struct, frozen=True, kw_only=True):
    """What a problem's `code` means and what to do about it."""

    code: str
    status: int
    title: str
    next: str


async def list_bundles(ask: Ask[None]) -> Reply:
    """200 with the four bundles."""
    book = ask.context.book()
    shown, more = page_of(book.bundles, ask.query(ListQuery), lambda bundle: bundle.key)
    return Reply(
        BundleList(
            items=[_view(bundle) for bundle in shown],
            next_cursor=more,
            currencies=list(book.currencies),
            price_book=book.version,
            overage_price_usd=decimal_money(book.overage_price_cents, "USD"),
        )
    )


async def get_problem(ask: Ask[None]) -> Reply:
    """200 with the meaning of a code. The `type` of every problem document leads here."""
    code = ask.path("code")
    if code not in PROBLEMS:
        raise NotFound("There is no problem of that code.", field="code")
    row = PROBLEMS[code]
    return Reply(ProblemView(code=code, status=row.status, title=row.title, next=row.next))


def _view(bundle: Bundle) -> BundleView:
    return BundleView(
        key=bundle.key,
        name=bundle.name,
        price_usd=decimal_money(bundle.price_cents, "USD"),
        price_inr=None if bundle.price_paise is None else decimal_money(bundle.price_paise, "INR"),
        credits=format_credits(bundle.credits),
        credits_per_dollar=bundle.credits_per_dollar,
        savings_percent=bundle.savings_percent,
        more_credits_percent=bundle.more_credits_percent,
        cheaper_percent=bundle.cheaper_percent,
        badge=bundle.badge,
        validity=bundle.validity.kind,
        validity_months=bundle.validity.months or None,
    )
