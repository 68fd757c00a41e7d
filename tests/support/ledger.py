"""Short words for ledger tests."""

import itertools

from testkase.core.ledger import commands as ask
from testkase.core.ledger.book import Book
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.decide import decide
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.model import Entry, Subject
from testkase.core.ledger.terms import Rates, Terms

TERMS = Terms(
    rate_card="2026-11-01",
    model="test-model",
    tiers=(
        Rates(
            above_input_tokens=0, input=100 * MICRO, cached_input=10 * MICRO, cache_write=125 * MICRO,
            output=400 * MICRO, reasoning=400 * MICRO,
        ),
    ),
    charge_increment=10_000,
)  # fmt: skip
SUBJECT = Subject(use_case="chat", user="member@example.com", project="DEMO", model="test-model")
_numbers = itertools.count(1)


def post(book: Book, command: ask.Command, now: int) -> list[Entry]:
    """Decide without a database, and advance the book: the entries that were posted."""
    entries = []
    for event in decide(book, command, now).events:
        book.apply(event)
        if event.entry is not None:
            entries.append(event.entry)
    return entries


def fresh_org() -> int:
    """An organization id no other test of this process uses."""
    return next(_numbers)


def open_account(org_id: int, credits: int = 300, *, ai_enabled: bool = True, **calendar: object) -> ask.OpenAccount:
    return ask.OpenAccount(
        org_id=org_id, monthly_allowance=credits * MICRO, ai_enabled=ai_enabled, **calendar  # type: ignore[arg-type]
    )  # fmt: skip


def hold(org_id: int, hold_id: str, credits: float = 1, ttl_seconds: int = 300) -> ask.OpenHold:
    return ask.OpenHold(
        org_id=org_id,
        hold_id=hold_id,
        amount=int(credits * MICRO),
        ttl_seconds=ttl_seconds,
        subject=SUBJECT,
        terms=TERMS,
    )


def settle(org_id: int, hold_id: str, credits: float) -> ask.SettleHold:
    return ask.SettleHold(org_id=org_id, hold_id=hold_id, credits=int(credits * MICRO))


async def organization(engine: Engine, credits: int = 300, **account: object) -> int:
    """A new account with AI on."""
    org_id = fresh_org()
    await engine.submit(open_account(org_id, credits, **account))  # type: ignore[arg-type]
    return org_id
