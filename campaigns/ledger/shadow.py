"""What the dice of a story aim at, where no second model goes along."""

from testkase.core.ledger.book import Book
from testkase.core.ledger.commands import Command
from testkase.core.ledger.decide import decide
from testkase.foundation.problems import Problem


class Shadow:
    """The organization's state without a database, so that the dice can aim at what is there."""

    def __init__(self) -> None:
        self.book = Book()

    def submit(self, command: Command, now: int) -> None:
        try:
            events = decide(self.book, command, now).events
        except Problem:
            return
        for event in events:
            self.book.apply(event)
