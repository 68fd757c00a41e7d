"""What each stream may have been charged, by what its client got and what its provider had sent."""

from dataclasses import dataclass

from campaigns.streams.client import Got
from campaigns.streams.plan import Plan
from testkase.core.ledger.credits import parse_credits


@dataclass(frozen=True, slots=True)
class Told:
    """One stream, after the fact."""

    plan: Plan
    got: Got
    written: int | None
    """Events the provider had sent; None: it was never asked."""


def faults(told: Told, charges: list[int]) -> list[str]:
    """What is wrong with a stream and the charges that stand for it in the usage table."""
    plan, name = told.plan, f"{told.plan.call_id} ({told.plan.model}, {told.plan.cut_by}, {told.plan.ending})"
    received = received_events(told)
    if received is None:
        return [f"{name} brought what the provider had not sent"]
    if told.written is None:
        return [f"{name} never reached the provider and stands as {charges}"] if any(charges) else []
    if len(charges) != 1:
        return [f"{name} has {len(charges)} rows of usage; its client got {received} of {told.written} events"]
    allowed = {plan.worth(delivered) for delivered in delivered_events(told, received)}
    wrong = []
    if charges[0] not in allowed:
        wrong.append(f"{name}: {received} of {told.written} events arrived, charged {charges[0]}, right {allowed}")
    if told.got.charged is not None and parse_credits(told.got.charged) != charges[0]:
        wrong.append(f"{name} was told {told.got.charged}, and {charges[0]} stands in the books")
    return wrong


def received_events(told: Told) -> int | None:
    """How many of the plan's events arrived whole; None where something else came, or in another order."""
    place, events = 0, told.plan.events
    for line in told.got.events:
        shown = next((n for n in range(place, len(events)) if events[n].shown), len(events))
        if shown < len(events) and events[shown].payload == line:
            place = shown + 1
        elif not line.startswith(b'{"error":'):
            return None
    return place


def delivered_events(told: Told, received: int) -> range:
    """How many the provider may have delivered. Whoever got the whole answer knows: at most an event that is kept from
    clients was delivered beside what came. A client that left does not, unless the provider was read to its end."""
    plan, written = told.plan, told.written or 0
    hidden = received < written and not plan.events[received].shown
    if told.got.ended:
        return range(received + hidden, received + hidden + 1)
    if plan.cut_by == "client" and written == len(plan.events):
        return range(written, written + 1)
    return range(received, written + 1)
