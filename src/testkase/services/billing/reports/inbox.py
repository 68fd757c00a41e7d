"""The inbox of the provider's reports: kept first, answered, and worked on afterwards (razorpay.md §5).

A report is known by the hash of its own signed bytes, which are the same at every delivery: the event id beside it is
not signed, so nothing rests on it. Of the content only ids are kept: what they stand for is asked of the provider.
"""

import hashlib
from datetime import datetime

import msgspec

from testkase.foundation.database import Operation, Statement
from testkase.services.billing.provider import Event
from testkase.services.billing.purchasing.rows import WATCH

FIRST_PAUSE_SECONDS = 15
LONGEST_PAUSE_SECONDS = 3_600


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed report."""

    digest: bytes
    name: str
    order_id: str | None
    payment_id: str | None
    refund_id: str | None
    dispute_id: str | None
    link_id: str | None
    attempts: int


def receive(body: bytes, event: Event) -> Operation[bool]:
    """Keep a verified report; answers whether it is new. Needs no organization's context."""
    return bool((yield Statement(WATCH["receive"], _row(body, event))))


def receive_found(event: Event) -> Operation[None]:
    """Keep what was found by looking and needs somebody to decide, as if it had been reported: its report may never
    have come. Where one waits, or it was found before, nothing happens."""
    thing = event.dispute_id or event.refund_id
    yield Statement(WATCH["receive_found"], _row(f"found {thing}".encode(), event))


def _row(body: bytes, event: Event) -> dict[str, object]:
    return {
        "digest": hashlib.sha256(body).digest(), "name": event.name[:80], "order_id": event.order_id,
        "payment_id": event.payment_id, "refund_id": event.refund_id, "dispute_id": event.dispute_id,
        "link_id": event.link_id,
    }  # fmt: skip


def claim_reports(*, limit: int) -> Operation[list[Report]]:
    """Take reports that are due; whoever dies at one leaves it to the next, a while later."""
    rows = yield Statement(
        WATCH["claim_events"], {"limit": limit, "first": FIRST_PAUSE_SECONDS, "most": LONGEST_PAUSE_SECONDS}
    )
    return [Report(**{**row, "digest": bytes(row["digest"])}) for row in rows]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A report nobody has worked on to its end."""

    name: str
    order_id: str | None
    payment_id: str | None
    received_at: datetime
    due_at: datetime
    attempts: int
    reason: str


def waiting_reports(*, limit: int) -> Operation[list[Waiting]]:
    """The oldest ones, for staff."""
    rows = yield Statement(WATCH["waiting_events"], {"limit": limit})
    return [Waiting(**row) for row in rows]


def handled(digests: list[bytes], outcome: str) -> Operation[None]:
    """Done with these; `outcome` in a few words, for staff."""
    yield Statement(WATCH["handled"], {"digests": digests, "outcome": outcome[:200]})


def waits(digest: bytes, reason: str) -> Operation[None]:
    """Why one stays for later, for staff."""
    yield Statement(WATCH["waits"], {"digest": digest, "reason": reason[:200]})


def forget_old_reports() -> Operation[None]:
    """Those handled three months ago: the provider repeats none that old."""
    yield Statement(WATCH["forget_events"])
