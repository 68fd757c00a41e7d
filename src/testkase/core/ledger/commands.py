"""What can be asked of the ledger. Every command names its organization and carries the caller's id for the effect.

The same id with the same input gives the stored answer again; with another input it is a conflict (I5). Ids live in
families (`hold:`, `resolution:`, `grant:` …), so that a hold and a grant may share a name but a hold is resolved
once (I7).
"""

from hashlib import blake2b

import msgspec

from testkase.core.ledger.model import Measurement, Outcome, Subject
from testkase.core.ledger.terms import Terms, Tokens

_encode = msgspec.msgpack.Encoder().encode


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """An operation on one organization's account."""

    org_id: int
    asked: bytes = b""
    """The caller's own input, where the command also carries what was looked up for it (rates, amounts that follow
    from them): a repetition after the rate card has changed is still the same input (I5)."""

    @property
    def operation_id(self) -> str:
        """Unique per organization for ever; names the effect."""
        raise NotImplementedError

    @property
    def hold_id_needed(self) -> str | None:
        """The open hold this command acts on, to be loaded with the account."""
        return None

    @property
    def entries_needed(self) -> tuple[str, ...]:
        """Past operations to be loaded: the command's own, and for a hold the one that may have resolved it."""
        hold_id = self.hold_id_needed
        own = self.operation_id
        return (own,) if hold_id is None or own == f"resolution:{hold_id}" else (own, f"resolution:{hold_id}")

    def fingerprint(self) -> bytes:
        """16 bytes that differ when the input differs: of what was asked, where given, else of the command."""
        try:
            content = (type(self).__name__.encode() + self.asked) if self.asked else _encode(self)
        except OverflowError:  # an integer no valid command can hold; it will be refused, but by the rules
            content = repr(self).encode()
        return blake2b(content, digest_size=16).digest()


class OpenAccount(Command, frozen=True, kw_only=True, gc=False):
    """A new organization: its first period is the billing month it opens in, with the allowance in full (R5, P2)."""

    monthly_allowance: int
    anchor_day: int = 1
    time_zone: str = "UTC"
    ai_enabled: bool = False

    @property
    def operation_id(self) -> str:
        return "open:account"


class Grant(Command, frozen=True, kw_only=True, gc=False):
    """Issue credits into a new lot. `expires_at` in microseconds UTC; None: never."""

    grant_id: str
    amount: int
    source: str = "grant"
    paid: bool = False
    priority: int = 0
    expires_at: int | None = None
    reference: str = ""

    @property
    def operation_id(self) -> str:
        return f"grant:{self.grant_id}"


class OpenHold(Command, frozen=True, kw_only=True, gc=False):
    """Set credits aside for one call (P17). Answers the entry of kind `hold`."""

    hold_id: str
    amount: int
    ttl_seconds: int
    subject: Subject
    terms: Terms | None = None

    @property
    def operation_id(self) -> str:
        return f"hold:{self.hold_id}"


class ExtendHold(Command, frozen=True, kw_only=True, gc=False):
    """Let a hold live `ttl_seconds` from now, and grow by `amount` (0: only longer)."""

    hold_id: str
    extension_id: str
    ttl_seconds: int
    amount: int = 0

    @property
    def operation_id(self) -> str:
        return f"extension:{self.hold_id}/{self.extension_id}"  # no id contains a slash: no other pair reads the same

    @property
    def hold_id_needed(self) -> str | None:
        return self.hold_id


class SettleHold(Command, frozen=True, kw_only=True, gc=False):
    """Charge a hold for what the call used and release the rest.

    Exactly one of `tokens` (priced at the hold's terms) and `credits` (micro-credits named by the caller). Outcomes
    `failed` and `refused` cost 0 whatever was used. `final=False` charges a part under
    `capture_id` and leaves the hold open. `terms`: another model answered than the hold was opened for; its terms count
    where they come to no more than the hold's.
    """

    hold_id: str
    tokens: Tokens | None = None
    credits: int | None = None
    outcome: Outcome = "completed"
    measurement: Measurement = "exact"
    final: bool = True
    capture_id: str = ""
    terms: Terms | None = None

    @property
    def operation_id(self) -> str:
        return f"resolution:{self.hold_id}" if self.final else f"capture:{self.hold_id}/{self.capture_id}"

    @property
    def hold_id_needed(self) -> str | None:
        return self.hold_id


class VoidHold(Command, frozen=True, kw_only=True, gc=False):
    """Release a hold in full; nothing was used."""

    hold_id: str

    @property
    def operation_id(self) -> str:
        return f"resolution:{self.hold_id}"

    @property
    def hold_id_needed(self) -> str | None:
        return self.hold_id


class RecordUsage(Command, frozen=True, kw_only=True, gc=False):
    """Meter a call after the fact, straight from the available credits; refused when they do not cover it.

    `admitted`: the entry that opened the call's hold, which lapsed before it could be settled. The call is charged as
    far as the credits go, and the rest stands on its usage as cost that was not charged, as when a call overruns its
    hold; where AI has been switched off since, it is refused, whether or not AI is on again (R60).
    """

    usage_id: str
    admitted: int | None = None
    subject: Subject
    tokens: Tokens | None = None
    credits: int | None = None
    terms: Terms | None = None
    outcome: Outcome = "completed"
    measurement: Measurement = "exact"

    @property
    def operation_id(self) -> str:
        return f"usage:{self.usage_id}"


class Adjust(Command, frozen=True, kw_only=True, gc=False):
    """An operator's correction: positive issues a lot, negative takes available credits back. `note` says why."""

    adjustment_id: str
    amount: int
    note: str

    @property
    def operation_id(self) -> str:
        return f"adjustment:{self.adjustment_id}"


class Reverse(Command, frozen=True, kw_only=True, gc=False):
    """What the provider has taken back of the purchase behind one grant, as it stands now: a target rather than a
    change, so that reports may be repeated or overtake one another.

    `clawed`: credits whose money has gone back (refunds, lost disputes). `frozen`: a dispute is open, and what is
    unspent is out of reach.
    """

    reversal_id: str
    grant_id: str
    clawed: int
    frozen: bool = False
    note: str = ""

    @property
    def operation_id(self) -> str:
        return f"reversal:{self.reversal_id}"

    @property
    def entries_needed(self) -> tuple[str, ...]:
        return (self.operation_id, f"grant:{self.grant_id}")


class CoverDebt(Command, frozen=True, kw_only=True, gc=False):
    """Cover the debt from available credits, as far as they go."""

    cover_id: str

    @property
    def operation_id(self) -> str:
        return f"cover:{self.cover_id}"


class WriteOff(Command, frozen=True, kw_only=True, gc=False):
    """Forgive a debt, or `amount` of it. `note` says why."""

    writeoff_id: str
    note: str
    amount: int | None = None

    @property
    def operation_id(self) -> str:
        return f"writeoff:{self.writeoff_id}"


class SetOverage(Command, frozen=True, kw_only=True, gc=False):
    """How many micro-credits calls may use beyond the balance in one billing period (P7); 0: none."""

    setting_id: str
    limit: int

    @property
    def operation_id(self) -> str:
        return f"overage_limit:{self.setting_id}"


class SwitchAi(Command, frozen=True, kw_only=True, gc=False):
    """Switch AI on or off for the organization. Off voids every open hold at once (R60)."""

    switch_id: str
    enabled: bool

    @property
    def operation_id(self) -> str:
        return f"switch:{self.switch_id}"


class Touch(Command, frozen=True, kw_only=True, gc=False):
    """Let time pass: expire, lapse and roll whatever is due. Answers the last entry; changes nothing when nothing is
    due."""

    @property
    def operation_id(self) -> str:
        return "touch:"
