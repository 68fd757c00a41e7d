"""Which events are sent to endpoints, and how one looks on the wire.

Receivers rely on these names: fields may be added, none is renamed or taken away.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from testkase.core.ledger.calendar import to_micros
from testkase.foundation.clock import rfc3339
from testkase.foundation.links import page_of
from testkase.foundation.problems import InvalidInput

TEST = "webhook.test"
"""What is sent to try an endpoint, whichever kinds it wants."""

EVENTS: dict[str, str] = {
    "credits.low": "The balance has fallen to one of your thresholds.",
    "credits.used_up": "The balance is used up: AI stops, or goes on beyond it where that is allowed.",
    "credits.running_out": "At the pace of the past weeks the credits will not last.",
    "overage.low": "Use beyond the balance is near its cap.",
    "overage.used_up": "Use beyond the balance has reached its cap.",
    "overage.billed": "A bill for use beyond the balance is to be paid.",
    "overage.reminded": "A bill for use beyond the balance is still to be paid.",
    "overage.paid": "A bill for use beyond the balance was paid.",
    "overage.unpaid": "A bill was not paid in time: use beyond the balance is off.",
    "overage.reopened": "The money that had paid a bill went back.",
    "overage.waived": "A bill for use beyond the balance is not to be paid after all.",
    "purchase.paid": "A purchase was paid, and its credits are there.",
    "purchase.reversed": "A refund or a dispute changed what a purchase is worth.",
    "budget.asked": "Somebody asks for more credits in a budget.",
    "guard.paused": "The runaway guard has paused a user or a feature.",
    "guard.full": "The runaway guard can pause nobody else.",
    "report_schedule.stopped": "Scheduled reports of a project were stopped.",
}
"""Kinds, and what they tell."""

_BILL = ("bill_id", "credits", "amount", "currency")
_PURCHASE = ("purchase_id", "credits", "amount", "currency")
FACTS: dict[str, tuple[str, ...]] = {
    "credits.low": ("available", "threshold"),
    "credits.used_up": ("available", "threshold"),
    "credits.running_out": ("available", "missing", "days_left"),
    "overage.low": ("extra_left", "extra_limit"),
    "overage.used_up": ("extra_left", "extra_limit"),
    "overage.billed": _BILL,
    "overage.reminded": _BILL,
    "overage.paid": _BILL,
    "overage.unpaid": _BILL,
    "overage.reopened": _BILL,
    "overage.waived": _BILL,
    "purchase.paid": _PURCHASE,
    "purchase.reversed": (*_PURCHASE, "taken_back", "disputed", "debt"),
    "budget.asked": ("budget_id", "amount"),
    "guard.paused": ("kind", "ref", "burned"),
    "guard.full": (),
    "report_schedule.stopped": ("project",),
}
"""Ids and figures of each kind, all of them strings."""

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An event as it is sent. `link` is a path of this product; `facts` are ids and figures, by name."""

    org_id: int
    event_id: int
    kind: str
    title: str
    body: str
    link: str
    facts: Mapping[str, str]
    created_at: datetime

    @property
    def message_id(self) -> str:
        """The same for every endpoint and every attempt, so that receivers can tell a repetition. The instant tells it
        from what had the same number before a restored backup."""
        return f"msg_{self.org_id}_{self.event_id}_{to_micros(self.created_at)}"

    def bytes(self, public_url: str) -> bytes:
        """The body: the same bytes at every attempt, as long as the installation's address stays the same."""
        data = {"organization_id": self.org_id, "title": self.title, "text": self.body}
        if self.link:
            data["url"] = page_of(self.org_id, public_url, self.link)
        at = rfc3339(self.created_at)
        return _encoder.encode({"type": self.kind, "timestamp": at, "data": dict(self.facts) | data})


def chosen_kinds(kinds: Iterable[str]) -> list[str]:
    """Kinds as they are kept, in the list's order; all of them as none, which has later ones sent too. Raises
    InvalidInput for a kind that is not there and for none at all."""
    wanted = set(kinds)
    if unknown := wanted - set(EVENTS):
        raise InvalidInput(f"There is no event {min(unknown)[:60]!r}. Events are: {', '.join(EVENTS)}.", field="kinds")
    if not wanted:
        raise InvalidInput("Choose at least one event to be sent.", field="kinds")
    return [] if len(wanted) == len(EVENTS) else [kind for kind in EVENTS if kind in wanted]
