"""Usage of a call whose hold lapsed before it could be settled."""

import pytest
from msgspec.structs import replace

from testkase.core.ledger import commands as ask
from testkase.core.ledger.book import Book
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.decide import decide
from testkase.core.ledger.model import Entry
from testkase.core.ledger.refusals import AiDisabled
from tests.support.ledger import SUBJECT, hold, open_account, post

START = 1_793_491_200_000_000
LATE = ask.RecordUsage(org_id=1, usage_id="call", admitted=0, subject=SUBJECT, credits=MICRO)


def done(book: Book, *commands: ask.Command, after: int = 0) -> Entry:
    for command in commands:
        posted = post(book, command, START + after)
    return posted[-1]


def lapsed() -> tuple[Book, ask.RecordUsage]:
    """A hold of one second, two minutes later; and what its call comes to."""
    book = Book()
    opened = done(book, open_account(1), hold(1, "call", ttl_seconds=1))
    done(book, ask.Touch(org_id=1), after=120_000_000)
    return book, replace(LATE, admitted=opened.seq)


def test_it_is_charged_where_ai_stayed_on() -> None:
    book, late = lapsed()
    assert done(book, late, after=121_000_000).deltas.used == MICRO


@pytest.mark.requirement("R60", "I14")
def test_it_is_free_where_ai_was_off_meanwhile_though_it_is_on_again() -> None:
    book, late = lapsed()
    for name, enabled in (("off", False), ("on", True)):
        done(book, ask.SwitchAi(org_id=1, switch_id=name, enabled=enabled), after=121_000_000)
    with pytest.raises(AiDisabled, match="Nothing is charged"):
        decide(book, late, START + 122_000_000)


@pytest.mark.requirement("R64")
def test_what_was_opened_after_ai_came_on_again_is_charged() -> None:
    book, _ = lapsed()
    off, on = (ask.SwitchAi(org_id=1, switch_id=name, enabled=name == "on") for name in ("off", "on"))
    opened = done(book, off, on, hold(1, "next", ttl_seconds=1), after=121_000_000)
    done(book, ask.Touch(org_id=1), after=240_000_000)
    assert done(book, replace(LATE, usage_id="next", admitted=opened.seq), after=241_000_000).deltas.used == MICRO
