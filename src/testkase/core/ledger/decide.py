"""The whole behaviour of the ledger: (state, command, now) → events and an answer. Pure and deterministic.

Nothing here reads a clock, a database or a random number, so a million operations can be simulated in seconds, and the
same sequence always ends in the same hash. A refusal is raised and changes nothing (I6): not even what time had made
due, which the next accepted command or the sweeper will post.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from testkase.core.ledger import commands as ask
from testkase.core.ledger.book import Book, Event
from testkase.core.ledger.holding import (
    already_resolved,
    capture_hold,
    extend_hold,
    open_hold,
    record_usage,
    settle_hold,
    void_hold,
)
from testkase.core.ledger.issuing import adjust, grant, open_account
from testkase.core.ledger.lending import set_overage
from testkase.core.ledger.limits import changing
from testkase.core.ledger.limits import commands as limit
from testkase.core.ledger.model import RESOLVED_AS, Account, Deltas, Entry
from testkase.core.ledger.passing import pass_time
from testkase.core.ledger.posting import account_of
from testkase.core.ledger.refusals import AccountNotFound, IdReused
from testkase.core.ledger.reversing import cover_debt, reverse, write_off
from testkase.core.ledger.switching import switch_ai


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What happened (nothing, for a replay) and the answer."""

    events: tuple[Event, ...]
    entry: Entry
    replayed: bool = False


def decide(book: Book, command: ask.Command, now: int) -> Decision:
    """Decide one command at `now` (microseconds UTC). Raises a refusal of refusals.py. Does not change `book`."""
    past = book.entries.get(command.operation_id)
    if past is not None:
        return _replay(past, command)
    if book.account is None:
        if not isinstance(command, ask.OpenAccount):
            raise AccountNotFound("The organization has no credit account.")
        return _decided(tuple(open_account(command, now)))
    now = max(now, book.account.last_at)
    state = book
    passed: tuple[Event, ...] = ()
    if now >= book.account.due_at:
        state = book.copy()
        passed = tuple(pass_time(state, now))
    if isinstance(command, ask.Touch):
        return Decision(events=passed, entry=_standing(account_of(state)))
    events = _HANDLERS[type(command)](state, command, now)
    return _decided(passed + events if passed else events)


def _settle(book: Book, command: ask.SettleHold, now: int) -> tuple[Event, ...]:
    return (settle_hold if command.final else capture_hold)(book, command, now)


_HANDLERS: dict[type[ask.Command], Callable[[Book, Any, int], tuple[Event, ...]]] = {
    ask.OpenHold: open_hold,
    ask.SettleHold: _settle,
    ask.VoidHold: void_hold,
    ask.ExtendHold: extend_hold,
    ask.RecordUsage: record_usage,
    ask.Grant: grant,
    ask.Adjust: adjust,
    ask.SwitchAi: switch_ai,
    ask.Reverse: reverse,
    ask.CoverDebt: cover_debt,
    ask.WriteOff: write_off,
    ask.SetOverage: set_overage,
    limit.SetBudget: changing.set_budget,
    limit.RaiseBudget: changing.raise_budget,
    limit.RemoveBudget: changing.remove_budget,
    limit.Pause: changing.pause,
    limit.Resume: changing.resume,
}


_NOUNS = {"settle": "settlement", "extend": "extension", "capture": "partial settlement", "adjust": "adjustment"}
"""Of the kinds of entries that are named by a verb."""


def _replay(past: Entry, command: ask.Command) -> Decision:
    """The stored answer to the same id and input; a conflict for another input (I5)."""
    if past.fingerprint == command.fingerprint():
        return Decision(events=(), entry=past, replayed=True)
    if past.kind in RESOLVED_AS and not (past.kind == "settle" and isinstance(command, ask.SettleHold)):
        raise already_resolved(past)
    raise IdReused(
        f"The id was used before, on another input. Use a new id for a new {_NOUNS.get(past.kind, past.kind)}, or"
        " repeat the first exactly.",
        field="capture_id" if past.kind == "capture" else "id",
    )


def _decided(events: tuple[Event, ...]) -> Decision:
    entry = events[-1].entry
    assert entry is not None, "a handler's last event posts the answer"
    return Decision(events=events, entry=entry)


def _standing(account: Account) -> Entry:
    """The answer to Touch: how the account stands. Never posted."""
    return Entry(
        org_id=account.org_id, seq=account.last_seq, operation_id="touch:", kind="standing", at=account.last_at,
        deltas=Deltas(), lots=(), available_after=account.available, held_after=account.held,
    )  # fmt: skip
