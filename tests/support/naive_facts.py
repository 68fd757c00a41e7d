"""What the naive model is made of: facts, and the moves of credits they were."""

from dataclasses import dataclass

from testkase.core.ledger import commands as c


@dataclass(frozen=True)
class Move:
    """Credits of one lot (0: of none) going from a place to another: issued, available, held:<id>, used, expired, debt,
    overage, reversed, and reversed:unspent, where a refund or dispute keeps what it could still find in the lot."""

    lot: int
    source: str
    target: str
    amount: int


@dataclass(frozen=True)
class Fact:
    """Something that happened, and the answer to the command that asked for it."""

    operation: str
    kind: str
    at: int
    moves: tuple[Move, ...] = ()
    command: c.Command | None = None
    hold: str | None = None
    expires_at: int | None = None
    cost: int | None = None


@dataclass(frozen=True)
class NaiveLot:
    """A lot as it was issued; what is left of it is counted from the moves."""

    lot: int
    source: str
    paid: bool
    priority: int
    expires_at: int | None
    at: int


@dataclass(frozen=True)
class Answer:
    """The fact that answers a command (None for Touch), or every reason that was true."""

    fact: Fact | None = None
    replayed: bool = False
    refusals: tuple[type[Exception], ...] = ()
