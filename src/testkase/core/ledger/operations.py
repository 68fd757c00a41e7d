"""Load → decide → append, written once as a generator of statements.

The synchronous driver runs it inside the caller's transaction (Django's `atomic()`): the ledger's rows and the
caller's are committed or undone together. The engine runs the same generator for a whole batch on the event loop.
Either way it is two statements, and correctness rests on the row locks the first one takes, on constraints and on
the callers' ids.
"""

from collections.abc import Sequence

import msgspec

from testkase.core.ledger.book import Book
from testkase.core.ledger.commands import Command
from testkase.core.ledger.decide import decide
from testkase.core.ledger.limits.rows import scopes_asked
from testkase.core.ledger.model import Entry
from testkase.core.ledger.reading import books_of, load_statement
from testkase.core.ledger.writing import append_statement
from testkase.foundation.database import Operation
from testkase.foundation.problems import Problem


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The posted entry, or the one posted before for the same id (`replayed`; its usage is then not loaded)."""

    entry: Entry
    replayed: bool


Outcome = Answer | Problem


def execute(commands: Sequence[Command], *, clock: int | None = None) -> Operation[list[Outcome]]:
    """Decide the commands in order and write what they decide. Answers in the same order; a refusal is an answer of
    its own.

    `clock`: microseconds UTC in place of the database's clock (simulations and tests).
    """
    asked = scopes_asked(commands)
    rows = yield load_statement(commands, asked, clock)
    books, now = books_of(commands, asked, rows[0])
    outcomes = [decide_in(books[command.org_id], command, now) for command in commands]
    statement = append_statement(touched(books))
    if statement is not None:
        yield statement
    return outcomes


def execute_one(command: Command, *, clock: int | None = None) -> Operation[Answer]:
    """Execute a single command. Raises its refusal."""
    (outcome,) = yield from execute([command], clock=clock)
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


def touched(books: dict[int, Book]) -> list[Book]:
    """Those in which something changed."""
    return [book for book in books.values() if book.touched]


def decide_in(book: Book, command: Command, now: int) -> Outcome:
    """Decide one command, and advance the book."""
    try:
        decision = decide(book, command, now)
    except Problem as refusal:
        return refusal.with_traceback(None)  # which would keep the batch's books until the next look for garbage
    for event in decision.events:
        book.apply(event)
    return Answer(entry=decision.entry, replayed=decision.replayed)
