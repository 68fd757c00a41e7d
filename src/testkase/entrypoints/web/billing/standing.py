"""How a purchase stands, in the words of whoever made it: what came of each attempt to pay, and what to do next."""

from dataclasses import dataclass
from typing import Literal

from testkase.core.ledger.calendar import to_micros
from testkase.foundation.clock import utc_now
from testkase.services.billing.model import Purchase
from testkase.services.billing.purchasing.rows import NOT_LOOKED_FOR, Attempt, Became, Listed

Stage = Literal[
    "begun", "waiting", "started", "failed", "pending", "mismatch", "returned", "closed", "paid", "disputed",
    "unclear", "refunded", "reduced",
]  # fmt: skip

NAMES: dict[Stage, str] = {
    "begun": "Not started",
    "waiting": "Waiting for payment",
    "started": "Not finished",
    "failed": "Failed",
    "pending": "With your bank",
    "mismatch": "Does not match",
    "returned": "Given back",
    "closed": "Not paid",
    "paid": "Paid",
    "disputed": "Disputed",
    "unclear": "Set aside",
    "refunded": "Refunded",
    "reduced": "Partly refunded",
}
_TAGS: dict[Stage, str] = {
    "paid": "on", "failed": "failed", "mismatch": "failed", "disputed": "boundary", "unclear": "boundary",
    "pending": "boundary", "started": "boundary", "waiting": "ai",
}  # fmt: skip
_CAME_TO_NOTHING = ("failed", "refunded")
"""Of payments that were never taken: refunded is what the bank had said yes to, and nobody took in time."""

_PAYABLE = ("waiting", "started", "failed", "closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A purchase with its attempts, oldest first, its receipt's number, and what became of its credits."""

    purchase: Purchase
    attempts: tuple[Attempt, ...]
    receipt: str | None
    became: Became = NOT_LOOKED_FOR

    @property
    def stage(self) -> Stage:
        if self.purchase.state == "paid":
            return _paid_stage(self.purchase, self.paid_by)
        return _open_stage(self.purchase, self.attempts)

    @property
    def name(self) -> str:
        return NAMES[self.stage]

    @property
    def tag(self) -> str:
        return _TAGS.get(self.stage, "")

    @property
    def payable(self) -> bool:
        """Whether to offer paying: not while a bank still thinks about an attempt, nor after a payment that does not
        match, which a person must look at."""
        return self.stage in _PAYABLE

    @property
    def watched(self) -> bool:
        """Whether the page goes on asking the provider by itself."""
        return self.purchase.state in ("open", "closed")

    @property
    def seen(self) -> str:
        """What a page that shows this has seen: it is made anew when this is another."""
        return f"{self.stage}.{len(self.attempts)}.{self.purchase.reversals}.{self.receipt or ''}"

    @property
    def paid_by(self) -> Attempt | None:
        """The payment that paid for it."""
        return next((one for one in self.attempts if one.payment_id == self.purchase.payment_id), None)

    @property
    def surplus(self) -> list[Attempt]:
        """Further payments of the same order: they bought nothing, and are given back."""
        return [one for one in self.attempts if one.verdict == "surplus"]

    @property
    def usable(self) -> int:
        """Micro-credits of it that came to the balance and that no refund has taken back."""
        return max(0, self.purchase.credits - self.became.covered - self.purchase.clawed)

    @property
    def expired_before(self) -> int:
        """Micro-credits whose money went back when they had expired."""
        return self.became.expired_before(self.purchase.clawed)

    @property
    def expired(self) -> bool:
        expires_at = self.purchase.lot_expires_at
        return expires_at is not None and expires_at <= to_micros(utc_now())


def standing_of(listed: Listed) -> Standing:
    return Standing(purchase=listed.purchase, attempts=listed.attempts, receipt=listed.receipt)


def _paid_stage(purchase: Purchase, paid_by: Attempt | None) -> Stage:
    if purchase.frozen:
        return "unclear" if paid_by is not None and not paid_by.contested else "disputed"
    if not purchase.clawed:
        return "paid"
    return "refunded" if purchase.clawed == purchase.credits else "reduced"


def _open_stage(purchase: Purchase, attempts: tuple[Attempt, ...]) -> Stage:
    mismatched = [one for one in attempts if one.verdict == "mismatch" and one.status != "failed"]
    if any(one.went_back < one.amount for one in mismatched):
        return "mismatch"
    if purchase.state == "created":
        return "begun"
    if any(one.status == "authorized" for one in attempts):
        return "pending"
    if mismatched:
        return "returned"
    if attempts:
        return "failed" if attempts[-1].status in _CAME_TO_NOTHING else "started"
    return "closed" if purchase.state == "closed" else "waiting"
