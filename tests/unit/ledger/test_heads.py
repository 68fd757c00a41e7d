"""What an engine may decide from memory: only what a write would verify, and only where all of it is known."""

from collections.abc import Sequence

import msgspec
import pytest

from testkase.core.ledger import commands as ask
from testkase.core.ledger import heads as module
from testkase.core.ledger.book import Book
from testkase.core.ledger.commands import Command
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.heads import Decided, Heads
from testkase.core.ledger.limits.commands import Pause, SetBudget
from testkase.core.ledger.model import Account, Lot
from testkase.core.ledger.operations import Answer, decide_in
from tests.support.ledger import SUBJECT, hold, open_account, settle

NOW = 1_790_000_000_000_000
SECOND = 1_000_000
ORG = 7


def written(heads: Heads, book: Book, *commands: Command, now: int = NOW) -> Book:
    """The commands carried out in the book, and the book remembered as if it had been committed."""
    for command in commands:
        assert isinstance(decide_in(book, command, now), Answer)
    heads.keep({ORG: book})
    return book


def knowing(*commands: Command, credits: int = 300) -> Heads:
    """A memory of one organization to which these things have happened."""
    heads = Heads()
    written(heads, Book(), open_account(ORG, credits), *commands)
    return heads


def decided(heads: Heads, *commands: Command, now: int = NOW + SECOND) -> Decided | None:
    return heads.decide(commands, now)


def test_what_follows_from_the_account_and_a_known_hold_is_decided() -> None:
    heads = knowing(hold(ORG, "known"))
    usage = ask.RecordUsage(org_id=ORG, usage_id="u", subject=SUBJECT, credits=MICRO)
    extension = ask.ExtendHold(org_id=ORG, hold_id="known", extension_id="e", ttl_seconds=600)
    batch = [hold(ORG, "new", 2), extension, settle(ORG, "known", 1), usage, ask.VoidHold(org_id=ORG, hold_id="new")]
    found = decided(heads, *batch)
    assert found is not None
    assert [outcome.entry.kind for outcome in found.outcomes if isinstance(outcome, Answer)] == [
        "hold", "extend", "settle", "usage", "void",
    ]  # fmt: skip
    assert found.books[ORG].before == account_in(heads), "which the write is to find"


def test_a_decision_leaves_the_memory_as_it_was_until_it_is_committed() -> None:
    heads = knowing(hold(ORG, "known"))
    first, again = (decided(heads, settle(ORG, "known", 1)) for _ in range(2))
    assert first is not None
    assert again is not None
    assert again.outcomes == first.outcomes


@pytest.mark.parametrize(
    "command",
    [
        ask.Touch(org_id=ORG),
        ask.Grant(org_id=ORG, grant_id="g", amount=MICRO),
        ask.SwitchAi(org_id=ORG, switch_id="s", enabled=False),
        ask.Reverse(org_id=ORG, reversal_id="r", grant_id="g", clawed=0),
        SetBudget(org_id=ORG, change_id="c", budget_id="b", name="b", limit=MICRO, period="day"),
        settle(ORG, "elsewhere", 1),
        ask.VoidHold(org_id=ORG, hold_id="elsewhere"),
        ask.ExtendHold(org_id=ORG, hold_id="elsewhere", extension_id="e", ttl_seconds=60),
        hold(ORG + 1, "h"),
    ],
    ids=lambda command: f"{type(command).__name__} {command.operation_id}",
)
def test_what_needs_more_than_memory_has_is_loaded_with_its_whole_batch(command: Command) -> None:
    assert decided(knowing(), hold(ORG, "fine"), command) is None


@pytest.mark.requirement("I6")
def test_a_refusal_is_never_believed_and_the_organization_is_loaded_for_a_while() -> None:
    heads = knowing(credits=10)
    assert decided(heads, hold(ORG, "big", 11)) is None
    assert decided(heads, hold(ORG, "small", 1)) is None
    impatient = knowing(credits=10)
    impatient.doubt_seconds = 0.0
    assert decided(impatient, hold(ORG, "big", 11)) is None
    assert decided(impatient, hold(ORG, "small", 1)) is not None


def test_neither_is_a_refusal_by_a_pause_or_a_budget() -> None:
    pause = Pause(org_id=ORG, change_id="p", kind="user", ref=SUBJECT.user, reason="Why.")
    budget = SetBudget(org_id=ORG, change_id="b", budget_id="b", name="b", limit=5 * MICRO, period="day")
    assert decided(knowing(pause), hold(ORG, "h")) is None
    heads = knowing(budget)
    heads.doubt_seconds = 0.0
    assert decided(heads, hold(ORG, "over", 6)) is None
    found = decided(heads, hold(ORG, "within", 4), hold(ORG, "the rest", 1))
    assert found is not None
    assert (limits := found.books[ORG].limits) is not None
    assert limits.budgets["b"].held == 5 * MICRO
    assert decided(heads, hold(ORG, "all of it", 5)) is not None, "what is not committed does not count"


@pytest.mark.requirement("I4")
def test_once_something_is_due_time_must_see_every_hold() -> None:
    heads = knowing(hold(ORG, "short", 1, 60))
    assert decided(heads, settle(ORG, "short", 1), now=NOW + 60 * SECOND - 1) is not None
    assert decided(heads, settle(ORG, "short", 1), now=NOW + 60 * SECOND) is None
    assert decided(heads, hold(ORG, "another"), now=NOW + 60 * SECOND) is None


@pytest.mark.requirement("I5")
def test_an_id_that_was_seen_is_loaded_and_one_repeated_within_the_batch_is_answered() -> None:
    heads = knowing(hold(ORG, "a"))
    assert decided(heads, hold(ORG, "a")) is None
    assert decided(heads, settle(ORG, "a", 1)) is not None
    twice = decided(heads, hold(ORG, "b"), hold(ORG, "b"))
    assert twice is not None
    assert [outcome.replayed for outcome in twice.outcomes if isinstance(outcome, Answer)] == [False, True]
    assert decided(heads, hold(ORG, "c"), hold(ORG, "c", 2)) is None, "a conflict is a refusal"


def test_holds_that_are_open_as_far_as_memory_goes_need_not_be_loaded_again() -> None:
    heads = knowing(hold(ORG, "a"), hold(ORG, "b"))
    loaded = Book(account_in(heads), lots_in(heads))
    heads.recall({ORG: loaded})
    assert set(loaded.holds) == set(loaded.loaded_holds) == {"a", "b"}
    assert decided(heads, hold(ORG, "c")) is None, "what was loaded is not committed yet"
    written(heads, loaded, settle(ORG, "a", 1))
    assert decided(heads, settle(ORG, "b", 1)) is not None


def test_nothing_is_recalled_where_somebody_else_has_written() -> None:
    heads = knowing(hold(ORG, "a"))
    elsewhere = msgspec.structs.replace(account_in(heads), last_hash=bytes(32))
    loaded = Book(elsewhere, lots_in(heads))
    heads.recall({ORG: loaded})
    assert loaded.holds == {}


def test_the_memory_is_bounded_and_what_was_written_last_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 10)
    heads = Heads()
    for org_id in range(1, 9):
        book = Book()
        decide_in(book, open_account(org_id), NOW)
        heads.keep({org_id: book})
    known = [org_id for org_id in range(1, 9) if heads.decide([hold(org_id, "h")], NOW) is not None]
    assert known == [4, 5, 6, 7, 8], "an account and its lot are two rows"


def test_an_organization_of_very_many_holds_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS_OF_ONE", 4)
    assert decided(knowing(hold(ORG, "a"), hold(ORG, "b")), hold(ORG, "c")) is not None
    assert decided(knowing(hold(ORG, "a"), hold(ORG, "b"), hold(ORG, "c")), hold(ORG, "d")) is None


def test_ids_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_IDS", 10)
    heads = Heads()
    book = Book()
    written(heads, book, open_account(ORG, 1_000), *(hold(ORG, f"h{number}") for number in range(11)))
    seen: Sequence[bool] = [decided(heads, hold(ORG, f"h{number}")) is None for number in range(11)]
    assert all(seen)
    for start in (11, 22):
        book = found.books[ORG] if (found := decided(heads, *(hold(ORG, f"h{start + n}") for n in range(11)))) else book
        heads.keep({ORG: book})
    assert decided(heads, hold(ORG, "h0")) is not None, "the unique index knows it for ever"


def test_many_that_are_known_are_decided_apart_from_the_organization_that_is_not() -> None:
    heads = Heads()
    for org_id in (1, 2):
        book = Book()
        decide_in(book, open_account(org_id, 10), NOW)
        heads.keep({org_id: book})
    batch = [hold(1, "a"), hold(2, "a"), hold(1, "b"), hold(2, "too much", 11), hold(1, "c")]
    assert heads.decide(batch, NOW) is None
    for worth, apart in ((4, False), (3, True)):
        heads.worth_apart, heads.doubt_seconds, heads._doubted = worth, 0.0, {}
        found = heads.decide(batch, NOW)
        assert (found is not None) is apart
    assert found is not None
    assert [outcome is None for outcome in found.outcomes] == [False, True, False, True, False]
    assert found.books.keys() == {1}


def test_without_the_databases_time_nothing_is_decided() -> None:
    heads = knowing()
    assert heads.decide([hold(ORG, "a")], None) is None
    heads.hear(NOW)
    found = heads.decide([hold(ORG, "a")], None)
    assert found is not None
    assert 0 <= found.at - NOW < 60 * SECOND


def account_in(heads: Heads) -> Account:
    return heads._known[ORG].account


def lots_in(heads: Heads) -> list[Lot]:
    return list(heads._known[ORG].lots.values())


def test_others_may_be_decided_on_top_of_what_is_on_its_way() -> None:
    heads = knowing(credits=10)
    first = decided(heads, hold(ORG, "a", 6))
    assert first is not None
    heads.keep(first.books)
    assert decided(heads, hold(ORG, "b", 5)) is None, "four are left"
    heads.doubt_seconds, heads._doubted = 0.0, {}
    assert decided(heads, settle(ORG, "a", 1), hold(ORG, "b", 4)) is not None


def test_what_was_not_written_is_taken_back_with_all_that_was_decided_on_top_of_it() -> None:
    heads = knowing(hold(ORG, "a"))
    before = account_in(heads)
    first = decided(heads, hold(ORG, "b"))
    assert first is not None
    replaced = heads.keep(first.books)
    heads.take_back(first.books, replaced)
    assert account_in(heads) == before
    assert decided(heads, settle(ORG, "b", 1)) is None
    assert decided(heads, settle(ORG, "a", 1)) is not None, "of others memory was right, and is kept"

    replaced = heads.keep(first.books)
    second = decided(heads, hold(ORG, "c"))
    assert second is not None
    later = heads.keep(second.books)
    heads.take_back(first.books, replaced)
    assert not heads.knows(ORG)
    heads.take_back(second.books, later)
    assert not heads.knows(ORG), "what it was decided on was not written either"


def test_what_is_taken_back_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 8)
    heads = knowing()
    for _ in range(9):
        found = decided(heads, hold(ORG, "a"))
        assert found is not None
        heads.take_back(found.books, heads.keep(found.books))
        heads._ids.clear()
    assert heads.knows(ORG)
    assert heads._rows == heads._known[ORG].rows


def test_an_organization_in_doubt_is_not_known() -> None:
    heads = knowing()
    assert heads.knows(ORG)
    heads.doubt([ORG])
    assert not heads.knows(ORG)
    assert not heads.knows(ORG + 1)


def test_who_else_writes_is_forgotten_after_a_while_and_never_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for in one go goes one way, or a settlement could overtake its hold."""
    now = [1_000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    heads = Heads()
    heads.share([1, 2])
    now[0] += module.SHARED_SECONDS - 1
    heads.share([1])  # again
    now[0] += 2
    assert heads.is_shared(2)  # until the next time somebody looks
    heads.share([3])
    assert [heads.is_shared(org_id) for org_id in (1, 2, 3)] == [True, False, True]
