"""A hold settled under the terms of another model than it was opened for: never for more than its own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from testkase.core.ledger import commands as ask
from testkase.core.ledger.book import Book
from testkase.core.ledger.model import Entry
from testkase.core.ledger.terms import Rates, Terms, Tokens, price
from tests.support.ledger import TERMS, hold, open_account, post

NOW = 1_800_000_000_000_000
USED = Tokens(input=1_000, output=500)


def other(**rates: int) -> Terms:
    return Terms(
        rate_card="2026-11-01", model="other-model", tiers=(replace(TERMS.tiers[0], **rates),), charge_increment=10_000
    )


def settled(terms: Terms | None, used: Tokens = USED) -> Entry:
    book = Book()
    post(book, open_account(1), NOW)
    post(book, hold(1, "h", credits=100), NOW)
    *_, entry = post(book, ask.SettleHold(org_id=1, hold_id="h", tokens=used, terms=terms), NOW)
    return entry


def test_a_cheaper_model_is_charged_and_named() -> None:
    cheaper = other(output=100_000_000)
    entry = settled(cheaper)
    assert entry.usage is not None
    assert (entry.deltas.used, entry.usage.terms) == (price(cheaper, USED), cheaper)
    assert entry.usage.subject.model == "other-model"


@pytest.mark.requirement("P17")
def test_a_dearer_model_is_charged_as_the_one_that_was_admitted() -> None:
    entry = settled(other(output=900_000_000))
    assert entry.usage is not None
    assert (entry.deltas.used, entry.usage.terms) == (price(TERMS, USED), TERMS)
    assert entry.usage.subject.model == "test-model"


@pytest.mark.requirement("P17")
@settings(deadline=None)
@given(st.lists(st.integers(0, 10**10), min_size=5, max_size=5), st.integers(0, 10**5), st.integers(0, 10**5))
def test_no_terms_make_a_call_dearer_than_the_holds_own(rates: list[int], read: int, written: int) -> None:
    named = dict(zip(Rates.__struct_fields__, [0, *rates], strict=True))
    terms = Terms(rate_card="x", model="m", tiers=(Rates(**named),), charge_increment=10_000)
    used = Tokens(input=read, output=written)
    entry = settled(terms, used)
    assert entry.usage is not None
    assert entry.usage.terms is not None
    assert entry.usage.cost == price(entry.usage.terms, used) == min(price(TERMS, used), price(terms, used))
