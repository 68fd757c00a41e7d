"""Attempts at a batch: from memory in one round trip, else under the lock in two."""

from collections.abc import Callable, Sequence

import psycopg

from testkase.core.ledger.book import Book
from testkase.core.ledger.commands import Command
from testkase.core.ledger.conversation import HeldUp, Stale
from testkase.core.ledger.heads import Heads
from testkase.core.ledger.limits.rows import scopes_asked
from testkase.core.ledger.lines import Lines
from testkase.core.ledger.operations import Outcome, decide_in, touched
from testkase.core.ledger.reading import books_of, load_statement
from testkase.core.ledger.waiting import Batch
from testkase.core.ledger.writing import append_known_statement, append_statement


class Attempts:
    """The attempts at one batch, and at parts of it. Used by one task."""

    def __init__(self, batch: Batch, lines: Lines, heads: Heads, clock: Callable[[], int] | None) -> None:
        self._batch = batch
        self._lines = lines
        self._heads = heads
        self._clock = clock
        self._remembers = True
        self._suspected: dict[int, Book] = {}
        """What memory took for the books, and was wrong about one of them at least."""
        self._held_up = False
        """Or it was held up by somebody who has written meanwhile, or has not."""
        self.decided: list[list[Outcome | None]] = []
        """What each attempt decided, committed or not; None: nothing of this command."""

    async def once(self, commands: Sequence[Command]) -> list[Outcome]:
        """From memory at the first attempt, as far as it goes: whatever went wrong, all others load, those at parts of
        the batch too. A refusal there would not know what an attempt at the whole had accepted. What is loaded comes
        after what was sent before."""
        clock = self._clock() if self._clock is not None else None
        remembers, self._remembers = self._remembers, False
        told: list[Outcome | None] = [None] * len(commands)
        if remembers:
            told = await self._from_memory(commands, clock)
        rest = [command for command, outcome in zip(commands, told, strict=True) if outcome is None]
        if rest:
            await self._batch.end_of_those_before()
            return await self._under_lock(rest, clock, told)
        return [outcome for outcome in told if outcome is not None]

    async def _from_memory(self, commands: Sequence[Command], clock: int | None) -> list[Outcome | None]:
        """None: the command was not decided from memory, or nothing was written."""
        conversation = await self._lines.known()
        # Where it took time to connect, what came before may have failed meanwhile, and comes first all the same.
        decided = self._heads.decide(commands, clock) if self._batch.follows() else None
        if decided is None:
            return [None] * len(commands)
        self.decided.append(decided.outcomes)
        statement = append_known_statement(list(decided.books.values()), decided.at if clock is None else None)
        # From here on others may be decided on top of this: it is sent behind it, and compared like it.
        before = self._heads.keep(decided.books)
        self._batch.sent = decided.books.keys()
        try:
            now = await conversation.append_known(statement)
        except Stale as stale:
            self._batch.sent = ()
            self._heads.take_back(decided.books, before)
            self._heads.refuted += 1
            self.decided.pop()
            self._held_up = isinstance(stale, HeldUp)
            # What rested on a batch that was not written says nothing of what memory was before that.
            self._suspected = decided.books if self._batch.follows() else {}
            return [None] * len(commands)
        except BaseException as error:
            self._batch.sent = ()
            self._heads.forget(decided.books)
            if isinstance(error, psycopg.Error) and error.diag.severity_nonlocalized == "ERROR":  # it was undone
                self.decided.pop()
            else:  # what is FATAL may have ended the connection behind the commit
                await conversation.close()
            raise
        self._heads.confirmed += 1
        self._heads.hear(now)
        self._batch.over.set()  # what must be loaded of it is no organization's for which anybody comes after it
        return decided.outcomes

    async def _under_lock(
        self, commands: Sequence[Command], clock: int | None, told: list[Outcome | None]
    ) -> list[Outcome]:
        """What is decided is what is there. `told`: what was decided before, with room for the rest."""
        asked = scopes_asked(commands)
        async with self._lines.loading() as conversation:
            (row,) = await conversation.load(load_statement(commands, asked, clock))
            books, now = books_of(commands, asked, row)
            self._heads.hear(now)
            wrong = _wrong_about(self._suspected, books)
            self._heads.doubt(wrong if wrong or self._held_up else self._suspected)  # none: a clock was, then
            self._heads.share(org_id for org_id in wrong if not books[org_id].entries)
            self._heads.recall(books)
            decided = iter([decide_in(books[command.org_id], command, now) for command in commands])
            outcomes = [next(decided) if outcome is None else outcome for outcome in told]
            self.decided.append([*outcomes])
            await conversation.append(append_statement(touched(books)))
        self._heads.keep(books)
        return outcomes


def _wrong_about(suspected: dict[int, Book], loaded: dict[int, Book]) -> list[int]:
    """Of whom memory was wrong: they have another head, or an id of theirs was used before. What one organization
    repeats, or has written elsewhere, costs no other the memory."""
    return [org_id for org_id, book in suspected.items() if (found := loaded.get(org_id)) and not _is_as(book, found)]


def _is_as(book: Book, found: Book) -> bool:
    before, account = book.before, found.account
    assert before is not None
    return (
        account is not None
        and not found.entries
        and (account.last_hash, account.due_at) == (before.last_hash, before.due_at)
    )
