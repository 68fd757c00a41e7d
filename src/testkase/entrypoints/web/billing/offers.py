"""The four bundles as the buy page shows them: prices in the chosen currency, and how long each one's credits last."""

from dataclasses import dataclass
from datetime import datetime

from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.queries import Balance
from testkase.core.pricing import Bundle, PriceBook
from testkase.core.pricing.model import tenths_of_percent
from testkase.core.pricing.money import money
from testkase.entrypoints.web.billing.validity import days_left, expire_words
from testkase.entrypoints.web.templatetags.testkase import dollars
from testkase.services.billing.purchasing.validity import lot_expiry

_SOON_DAYS = 7
_BASE = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A line of the table. `tip`: the true figures, where the savings as published are rounded (P6)."""

    bundle: Bundle
    price: str
    rate: str
    savings: str
    tip: str
    expire: str
    request_id: str
    """Names the purchase that the line's button begins: pressed twice, it begins one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """The table. `expire`: what holds for every bundle, or empty where they differ."""

    lines: list[Offer]
    currency: str
    currencies: tuple[str, ...]
    expire: str
    soon: bool
    """Whether what is bought now is gone within a week: worth saying loudly."""
    best: Bundle
    large: tuple[Bundle, ...]


def offers(book: PriceBook, account: Balance, *, currency: str, page_id: str, now: datetime) -> Offers:
    """What is on offer now. A currency without a price list is answered in dollars: nothing is converted (P8)."""
    chosen = currency if currency in book.currencies else _BASE
    lines = [
        _offer(book, bundle, chosen, expire=_expire(bundle, account, now), page_id=page_id) for bundle in book.bundles
    ]
    alike = {line.expire for line in lines}
    return Offers(
        lines=lines, currency=chosen, currencies=book.currencies, expire=alike.pop() if len(alike) == 1 else "",
        soon=_gone_soon(book.bundles[0], account, now),
        best=next((bundle for bundle in book.bundles if bundle.badge), book.bundles[0]), large=book.bundles[-2:],
    )  # fmt: skip


def _gone_soon(bundle: Bundle, account: Balance, now: datetime) -> bool:
    expires_at = lot_expiry(bundle.validity.kind, bundle.validity.months, account, now)
    return expires_at is not None and days_left(expires_at, account.time_zone, now) < _SOON_DAYS


def _expire(bundle: Bundle, account: Balance, now: datetime) -> str:
    expires_at = lot_expiry(bundle.validity.kind, bundle.validity.months, account, now)
    return expire_words(expires_at, account.time_zone, now)


def _offer(book: PriceBook, bundle: Bundle, currency: str, *, expire: str, page_id: str) -> Offer:
    savings, tip = _published(bundle) if currency == _BASE else _compared(bundle, book.bundles[0], currency)
    return Offer(
        bundle=bundle, price=priced(bundle, currency), rate=_rate(bundle, currency), savings=savings, tip=tip,
        expire=expire, request_id=f"{page_id}.{bundle.key}.{currency}",
    )  # fmt: skip


def priced(bundle: Bundle, currency: str) -> str:
    """ "$50", "₹4,250": without the fraction where there is none."""
    if currency == _BASE:
        return dollars(bundle.price_cents)
    return money(bundle.price_in(currency), currency).removesuffix(".00")


def _rate(bundle: Bundle, currency: str) -> str:
    if currency == _BASE:
        return f"$1 = {bundle.credits_per_dollar:,} credits"
    hundredths = bundle.credits * 100 * 100 // (bundle.price_in(currency) * MICRO)
    whole, part = divmod(hundredths, 100)
    sign = money(100, currency).removesuffix(".00")
    return f"{sign} = {whole:,}{f'.{part:02d}' if part else ''} credits"


def _published(bundle: Bundle) -> tuple[str, str]:
    if bundle.savings_percent is None:
        return "—", ""
    exact = str(bundle.savings_percent) == bundle.more_credits_percent
    return f"{bundle.savings_percent} %", "" if exact else _exactly(bundle.more_credits_percent, bundle.cheaper_percent)


def _compared(bundle: Bundle, first: Bundle, currency: str) -> tuple[str, str]:
    """What was published is of the prices in dollars: on another list the figures are that list's own."""
    gained = bundle.credits * first.price_in(currency) - first.credits * bundle.price_in(currency)
    if gained <= 0:
        return "—", ""
    at_first_rate = first.credits * bundle.price_in(currency)
    more = tenths_of_percent(gained, at_first_rate)
    cheaper = tenths_of_percent(gained, bundle.credits * first.price_in(currency))
    return f"{100 * gained // at_first_rate} %", _exactly(more, cheaper)


def _exactly(more: str, cheaper: str) -> str:
    return f"Exactly: {more} % more credits for the same money, {cheaper} % cheaper per credit."
