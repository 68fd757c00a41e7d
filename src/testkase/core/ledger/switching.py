"""The AI switch (R58, R60): off acts on calls in flight in the same transaction as the switch itself."""

from testkase.core.ledger import commands as ask
from testkase.core.ledger.book import Book, Event
from testkase.core.ledger.holding import release
from testkase.core.ledger.model import Deltas
from testkase.core.ledger.posting import account_of, post


def switch_ai(book: Book, command: ask.SwitchAi, now: int) -> tuple[Event, ...]:
    """Set the switch; off also voids every open hold, so that nothing in flight can be charged (I14)."""
    events: list[Event] = []
    state = book.copy()
    if not command.enabled:
        for hold in sorted(book.holds.values(), key=lambda hold: hold.hold_id):
            events.append(release(state, hold, now, "void"))
            state.apply(events[-1])
    account = account_of(state)
    off_seq = account.off_seq if command.enabled else account.last_seq + 1
    switched = post(
        account, kind="switch", operation_id=command.operation_id, at=now, deltas=Deltas(),
        fingerprint=command.fingerprint(), note="on" if command.enabled else "off",
        account_changes={"ai_enabled": command.enabled, "off_seq": off_seq},
    )  # fmt: skip
    return (*events, switched)
