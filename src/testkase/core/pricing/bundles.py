"""The four bundles as the price book states them (R10–R16), checked so that the table on the page is true."""

import re

from testkase.core.ledger.credits import MICRO
from testkase.core.pricing.fields import Table
from testkase.core.pricing.model import Bundle, Validity, credits_per_dollar, tenths_of_percent

BUNDLE_COUNT = 4
_EXAMPLE = "[[bundles]] with key, name, price, credits and validity"
_KEY = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_MONTHS = re.compile(r"([1-9][0-9]{0,2}) months?", re.ASCII)


def read_bundles(root: Table) -> tuple[Bundle, ...]:
    """The bundles in the order they are shown. Faults are written down, never raised."""
    before = len(root.faults.found)
    tables = list(root.tables("bundles", _EXAMPLE))
    if len(tables) != BUNDLE_COUNT and len(root.faults.found) == before:
        root.fault("bundles", f"there are {len(tables)} bundles; write exactly four, as the table shows them")
    bundles: list[Bundle] = []
    for table in tables:
        bundle = _bundle(table, bundles)
        if bundle is not None:
            bundles.append(bundle)
    badges = [table for table in tables if table.has("badge")]
    for table in badges[1:]:
        table.fault("badge", "only one bundle carries the badge; remove this one")
    return tuple(bundles)


def _bundle(table: Table, before: list[Bundle]) -> Bundle | None:
    faults = len(table.faults.found)
    key = table.text("key", "starter")
    name = table.text("name", "Starter")
    price = table.amount("price", "10.00", decimals=2, unit="dollars", largest=100_000_000, least=1)
    amount = table.amount("credits", "1000", decimals=0, unit="whole credits", largest=10**9, least=1) * MICRO
    savings = table.optional_count("savings_percent", 10, least=1, most=99)
    badge = table.optional_text("badge", "Popular")
    validity = _validity(table)
    table.done()
    if len(table.faults.found) > faults:
        return None
    _check(table, key, price, amount, before)
    if len(table.faults.found) > faults:
        return None
    first_price, first_credits = (before[0].price_cents, before[0].credits) if before else (price, amount)
    gained = amount * first_price - first_credits * price
    if savings is not None and savings * first_credits * price > 100 * gained:
        true = tenths_of_percent(max(gained, 0), first_credits * price)
        table.fault("savings_percent", f"promises {savings} %, the bundle gives {true} %; write at most that")
    return Bundle(
        key=key,
        name=name,
        price_cents=price,
        credits=amount,
        credits_per_dollar=credits_per_dollar(price, amount),
        savings_percent=savings,
        badge=badge,
        validity=validity,
        more_credits_percent=tenths_of_percent(gained, first_credits * price),
        cheaper_percent=tenths_of_percent(gained, amount * first_price),
    )


def _check(table: Table, key: str, price: int, amount: int, before: list[Bundle]) -> None:
    if not _KEY.fullmatch(key):
        table.fault("key", f"{key!r} is not a key; write small letters, digits and _, such as starter")
    if any(other.key == key for other in before):
        table.fault("key", f"{key!r} is taken by another bundle; write another key")
    if amount * 100 % (price * MICRO):
        table.fault("credits", "is not a whole number of credits per dollar; the Rate column would not be true")
    elif before and price <= before[-1].price_cents:
        table.fault("price", "is not above the bundle before it; write the bundles from small to large")
    elif before and amount * before[0].price_cents < before[0].credits * price:
        table.fault("credits", "gives less per dollar than the first bundle; write more credits or a lower price")


def _validity(table: Table) -> Validity:
    value = table.text("validity", "billing_month")
    if value in ("", "billing_month"):
        return Validity(kind="billing_month")
    if value == "never":
        return Validity(kind="never")
    months = _MONTHS.fullmatch(value)
    if months:
        return Validity(kind="months", months=int(months[1]))
    table.fault("validity", f'{value!r} is not known; write "billing_month", "never" or, for example, "12 months"')
    return Validity(kind="billing_month")
