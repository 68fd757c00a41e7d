"""What counts as the same input when a command is repeated (I5)."""

import msgspec
import pytest

from testkase.core.ledger.book import Book
from testkase.core.ledger.commands import Command, ExtendHold, SettleHold
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.decide import Decision, decide
from testkase.core.ledger.refusals import IdReused
from tests.support.ledger import TERMS, hold, open_account

NOW = 1_800_000_000 * MICRO


def _tell(book: Book, command: Command) -> Decision:
    decision = decide(book, command, NOW)
    for event in decision.events:
        book.apply(event)
    return decision


@pytest.mark.requirement("I5")
def test_a_repetition_after_the_rate_card_changed_is_still_the_same_input() -> None:
    book = Book()
    _tell(book, open_account(1))
    asked = msgspec.structs.replace(hold(1, "a", 5), asked=b'{"model":"test-model"}')
    first = _tell(book, asked)
    dearer = msgspec.structs.replace(asked, amount=9 * MICRO, terms=msgspec.structs.replace(TERMS, rate_card="later"))
    again = _tell(book, dearer)
    assert (again.replayed, again.entry.hash) == (True, first.entry.hash)


@pytest.mark.requirement("I5")
def test_another_question_under_the_same_id_is_a_conflict() -> None:
    book = Book()
    _tell(book, open_account(1))
    _tell(book, msgspec.structs.replace(hold(1, "a", 5), asked=b'{"model":"test-model"}'))
    with pytest.raises(IdReused):
        _tell(book, msgspec.structs.replace(hold(1, "a", 5), asked=b'{"model":"another"}'))


@pytest.mark.requirement("I5")
def test_ids_that_read_alike_when_joined_are_different_operations() -> None:
    """Ids may contain colons: hold `a:b` with part `c` is not hold `a` with part `b:c`."""
    book = Book()
    _tell(book, open_account(1))
    for hold_id, part in (("a:b", "c"), ("a", "b:c")):
        _tell(book, hold(1, hold_id, 5))
        _tell(book, ExtendHold(org_id=1, hold_id=hold_id, extension_id=part, ttl_seconds=60))
        charged = SettleHold(org_id=1, hold_id=hold_id, credits=MICRO, final=False, capture_id=part)
        assert _tell(book, charged).entry.deltas.used == MICRO
