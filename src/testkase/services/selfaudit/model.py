"""What is checked, in a sentence each, and what a check answers."""

from datetime import datetime

import msgspec

from testkase.core.ledger.checkpoint import Checkpoint

EVERYBODY = 0
"""In place of an organization's id: what concerns all of them."""

HISTORY, RECEIPTS, MONTHS = "history", "receipts", "months"
"""What is checked beside the ledger's invariants."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """An invariant as staff read it. `by_tests`: its breaking leaves no trace in the rows, so tests alone show it."""

    code: str
    sentence: str
    by_tests: bool = False


RULES = (
    Rule(code="I1", sentence="The lines of every entry sum to zero."),
    Rule(code="I2", sentence="A balance is the sum of its entries and of what its lots still have."),
    Rule(code="I3", sentence="The open holds sum to what is held."),
    Rule(code="I4", sentence="An expired credit is never spent."),
    Rule(code="I5", sentence="One id has one effect: no operation is posted twice."),
    Rule(code="I6", sentence="A refusal leaves every row as it was.", by_tests=True),
    Rule(code="I7", sentence="A hold is resolved once, and gives back no more than it took."),
    Rule(code="I8", sentence="Every paid purchase has exactly one lot of its credits, as far taken back as it says."),
    Rule(code="I9", sentence="Every period has one allowance; periods touch and never overlap."),
    Rule(code="I10", sentence="Admission never takes a balance below zero."),
    Rule(code="I11", sentence="This month's usage is the sum of the breakdown and of the table."),
    Rule(code="I12", sentence="Every entry's hash follows from its predecessor's."),
    Rule(code="I13", sentence="Nothing of one organization is visible from another.", by_tests=True),
    Rule(code="I14", sentence="While AI is off nothing is charged."),
    Rule(code="P7", sentence="Overage stays within its limit, and a period's is billed once."),
    Rule(code="P10", sentence="A lot is where its refunds and disputes put it, and what is owed is debt."),
    Rule(code="B8", sentence="A budget holds and has used what was held and charged in its scope."),
    Rule(code=HISTORY, sentence="Every record of the activity history follows from its predecessor."),
    Rule(code=RECEIPTS, sentence="The numbers of receipts have no gap and no double."),
    Rule(code=MONTHS, sentence="Entries and usage lie in their month's partition, and the next month's is ready."),
)

Place = tuple[str, int]
"""An invariant and the entry at which it does not hold; 0: no single one."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One organization, checked. `whole`: from its first entry on."""

    org_id: int
    whole: bool
    found: tuple[Place, ...]
    reached: Checkpoint


class Deviating(msgspec.Struct, frozen=True, kw_only=True):
    """A deviation as it is kept. `gone_at`: since when it is not found any more."""

    org_id: int
    invariant: str
    seq: int
    found_at: datetime
    gone_at: datetime | None = None


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """How far the self-audit has come. `oldest`: no organization was checked longer ago; `walked`: none from its first
    entry on longer ago. None: not yet."""

    organizations: int
    checked: int
    entries: int
    newest: datetime | None
    oldest: datetime | None
    walked: datetime | None
    deviations: int


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The heads of a day, and the SHA-256 of their file."""

    day: str
    published_at: datetime
    organizations: int
    digest: str
