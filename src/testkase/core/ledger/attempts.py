"""Attempts at a batch, on one connection: from memory in one round trip, else under the lock in two."""

import contextlib
from collections.abc import Callable, Sequence

import psycopg

from testkase.core.ledger.book import Book
from testkase.core.ledger.commands import Command
from testkase.core.ledger.conversation import Conversation, Stale
from testkase.core.ledger.heads import Heads
from testkase.core.ledger.limits.rows import scopes_asked
from testkase.core.ledger.operations import Outcome, decide_in, touched
from testkase.core.ledger.reading import books_of, load_statement
from testkase.core.ledger.writing import append_known_statement, append_statement


class Attempts:
    """The database's side of a lane. Used by one task."""

    def __init__(self, database_url: str, clock: Callable[[], int] | None, heads: Heads) -> None:
        self._url = database_url
        self._clock = clock
        self._heads = heads
        self._conversation: Conversation | None = None
        self._remembers = True
        self._suspected: dict[int, Book] = {}
        """What memory took for the books at the current batch, and was wrong about one of them at least."""
        self.decided: list[list[Outcome | None]] = []
        """What each attempt at the current batch decided, committed or not; None: nothing of this command."""

    def begin(self) -> None:
        """The next batch."""
        self.decided, self._suspected, self._remembers = [], {}, True

    async def once(self, commands: Sequence[Command]) -> list[Outcome]:
        """From memory at the first attempt, as far as it goes: whatever went wrong, all others load, those at parts of
        the batch too. A refusal there would not know what an attempt at the whole had accepted."""
        conversation = await self.connected()
        clock = self._clock() if self._clock is not None else None
        remembers, self._remembers = self._remembers, False
        told: list[Outcome | None] = [None] * len(commands)
        if remembers:
            told = await self._from_memory(conversation, commands, clock)
        rest = [command for command, outcome in zip(commands, told, strict=True) if outcome is None]
        if rest:
            return await self._under_lock(conversation, rest, clock, told)
        return [outcome for outcome in told if outcome is not None]

    async def _from_memory(
        self, conversation: Conversation, commands: Sequence[Command], clock: int | None
    ) -> list[Outcome | None]:
        """None: the command was not decided from memory, or nothing was written."""
        decided = self._heads.decide(commands, clock)
        if decided is None:
            return [None] * len(commands)
        self.decided.append(decided.outcomes)
        statement = append_known_statement(list(decided.books.values()), decided.at if clock is None else None)
        try:
            now = await conversation.append_known(statement)
        except Stale:
            self.decided.pop()
            self._heads.refuted += 1
            self._suspected = decided.books
            return [None] * len(commands)
        except BaseException as error:
            self._heads.forget(decided.books)
            if isinstance(error, psycopg.Error) and error.diag.severity_nonlocalized == "ERROR":  # it was undone
                self.decided.pop()  # what is FATAL may have ended the connection behind the commit
            raise
        self._heads.confirmed += 1
        self._heads.hear(now)
        self._heads.keep(decided.books)
        return decided.outcomes

    async def _under_lock(
        self, conversation: Conversation, commands: Sequence[Command], clock: int | None, told: list[Outcome | None]
    ) -> list[Outcome]:
        """What is decided is what is there. `told`: what was decided before, with room for the rest."""
        asked = scopes_asked(commands)
        (row,) = await conversation.load(load_statement(commands, asked, clock))
        books, now = books_of(commands, asked, row)
        self._heads.hear(now)
        self._heads.doubt(_wrong_about(self._suspected, books))
        self._heads.recall(books)
        decided = iter([decide_in(books[command.org_id], command, now) for command in commands])
        outcomes = [next(decided) if outcome is None else outcome for outcome in told]
        self.decided.append([*outcomes])
        await conversation.append(append_statement(touched(books)))
        self._heads.keep(books)
        return outcomes

    async def connected(self) -> Conversation:
        """Raises psycopg.OperationalError when the database cannot be reached."""
        if self._conversation is None:
            self._conversation = await Conversation.open(self._url)
        return self._conversation

    async def disconnect(self) -> None:
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                await conversation.close()


def _wrong_about(suspected: dict[int, Book], loaded: dict[int, Book]) -> list[int]:
    """Of whom memory was wrong: they have another head, or an id of theirs was used before. All, where it was none: a
    clock, then. What one organization repeats costs no other the memory."""
    wrong = [org_id for org_id, book in suspected.items() if (found := loaded.get(org_id)) and not _is_as(book, found)]
    return wrong or list(suspected)


def _is_as(book: Book, found: Book) -> bool:
    before, account = book.before, found.account
    assert before is not None
    return (
        account is not None
        and not found.entries
        and (account.last_hash, account.due_at) == (before.last_hash, before.due_at)
    )
