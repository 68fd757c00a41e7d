"""What the naive model is made of: facts, and the moves of credits they were."""

import msgspec

from testkase.core.ledger import commands as c


class Move(msgspec.Struct, frozen=True, gc=False):
    """Credits of one lot (0: of none) going from a place to another: issued, available, held:<id>, used, expired, debt,
    overage, reversed, and reversed:unspent, where a refund or dispute keeps what it could still find in the lot."""

    lot: int
    source: str
    target: str
    amount: int


class Fact(msgspec.Struct, frozen=True, gc=False):
    """Something that happened, and the answer to the command that asked for it."""

    operation: str
    kind: str
    at: int
    moves: tuple[Move, ...] = ()
    command: c.Command | None = None
    hold: str | None = None
    expires_at: int | None = None
    cost: int | None = None


class NaiveLot(msgspec.Struct, frozen=True, gc=False):
    """A lot as it was issued; what is left of it is counted from the moves."""

    lot: int
    source: str
    paid: bool
    priority: int
    expires_at: int | None
    at: int


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The fact that answers a command (None for Touch), or every reason that was true."""

    fact: Fact | None = None
    replayed: bool = False
    refusals: tuple[type[Exception], ...] = ()
