"""The four bundles as the price book states them (R10–R16), checked so that the table on the page is true."""

import re
from dataclasses import replace

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
    for table in [table for table in tables if table.has("badge")][1:]:
        table.fault("badge", "only one bundle carries the badge; remove this one")
    if any(table.has("price_inr") for table in tables):  # half a list would offer some bundles and hide others
        for table in [table for table in tables if not table.has("price_inr")]:
            table.fault("price_inr", 'other bundles have one; write price_inr = "850.00", or remove them all')
    bundles = [_fields(table) for table in tables]
    if len(root.faults.found) == before:  # else what is said of one beside the others could be wrong
        bundles = [_beside(table, bundles[index], bundles[:index]) for index, table in enumerate(tables)]
    return tuple(bundles)


def _fields(table: Table) -> Bundle:
    """The bundle on its own."""
    before = len(table.faults.found)
    key = table.text("key", "starter")
    price = table.amount("price", "10.00", decimals=2, unit="dollars", largest=100_000_000, least=1)
    paise = None
    if table.has("price_inr"):
        paise = table.amount("price_inr", "850.00", decimals=2, unit="rupees", largest=10**10, least=1)
    amount = table.amount("credits", "1000", decimals=0, unit="whole credits", largest=10**9, least=1) * MICRO
    bundle = Bundle(
        key=key,
        name=table.text("name", "Starter"),
        price_cents=price,
        credits=amount,
        credits_per_dollar=credits_per_dollar(price or 1, amount),
        savings_percent=table.optional_count("savings_percent", 10, least=1, most=99),
        badge=table.optional_text("badge", "Popular"),
        validity=_validity(table),
        more_credits_percent="0",
        cheaper_percent="0",
        price_paise=paise,
    )
    table.done()
    if len(table.faults.found) == before:
        if not _KEY.fullmatch(key):
            table.fault("key", f"{key!r} is not a key; write small letters, digits and _, such as starter")
        if amount * 100 % (price * MICRO):
            table.fault("credits", "is not a whole number of credits per dollar; the Rate column would not be true")
    return bundle


def _beside(table: Table, bundle: Bundle, others: list[Bundle]) -> Bundle:
    """The bundle with its true figures against the first one (P6)."""
    first = others[0] if others else bundle
    if any(other.key == bundle.key for other in others):
        table.fault("key", f"{bundle.key!r} is taken by another bundle; write another key")
    if others and bundle.price_cents <= others[-1].price_cents:
        table.fault("price", "is not above the bundle before it; write the bundles from small to large")
        return bundle
    gained = bundle.credits * first.price_cents - first.credits * bundle.price_cents
    if gained < 0:
        table.fault("credits", "gives less per dollar than the first bundle; write more credits or a lower price")
        return bundle
    at_first_rate = first.credits * bundle.price_cents
    more = tenths_of_percent(gained, at_first_rate)
    if bundle.savings_percent is not None and bundle.savings_percent * at_first_rate > 100 * gained:
        promised = bundle.savings_percent
        table.fault("savings_percent", f"promises {promised} %, the bundle gives {more} %; write at most that")
    cheaper = tenths_of_percent(gained, bundle.credits * first.price_cents)
    return replace(bundle, more_credits_percent=more, cheaper_percent=cheaper)


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
