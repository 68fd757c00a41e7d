"""An entry of the real journal beside a fact of the naive history."""

from msgspec.structs import astuple, replace

from testkase.core.ledger import commands as c
from testkase.core.ledger.model import Deltas, Entry, Usage
from testkase.core.ledger.terms import Tokens
from tests.support.naive_facts import Fact
from tests.support.naive_ledger import NaiveLedger

_CHARGES = c.SettleHold | c.RecordUsage
_OF_LOTS = ("available", "held")
_PLACES = Deltas.__struct_fields__
_NOTHING = Deltas()
_NOWHERE: dict[str, int] = dict.fromkeys(_PLACES, 0)


def same_entry(entry: Entry, fact: Fact, naive: NaiveLedger) -> None:
    """Name, kind and instant; what moved, in all and lot by lot; the hold and the usage."""
    assert (entry.operation_id, entry.kind, entry.at) == (fact.operation, fact.kind, fact.at)
    if fact.moves or entry.lots:
        moved, lots = _moved(fact)
        assert astuple(entry.deltas) == tuple(moved.values())
        assert len(moved) == len(_PLACES), "no other places"
        assert _by_lot(entry) == lots
    else:
        assert entry.deltas == _NOTHING
    if fact.kind in ("hold", "extend"):
        assert entry.expires_at == fact.expires_at
    assert entry.hold_id == fact.hold
    if entry.usage is None:
        assert fact.cost is None
    else:
        assert entry.usage.cost == fact.cost
        _same_usage(entry.usage, fact, naive)


def _moved(fact: Fact) -> tuple[dict[str, int], dict[tuple[int, str], int]]:
    """By place, and by lot what is available and held of it."""
    moved, lots = _NOWHERE.copy(), dict[tuple[int, str], int]()
    for move in fact.moves:
        for full, amount in ((move.source, -move.amount), (move.target, move.amount)):
            place = full if full in _NOWHERE else full.split(":")[0]
            moved[place] = moved.get(place, 0) + amount
            if place in _OF_LOTS:
                lots[move.lot, place] = lots.get((move.lot, place), 0) + amount
    return moved, {key: amount for key, amount in lots.items() if amount}


def _by_lot(entry: Entry) -> dict[tuple[int, str], int]:
    said: dict[tuple[int, str], int] = {}
    for lot, available, held in entry.lots:
        said[lot, "available"] = said.get((lot, "available"), 0) + available
        said[lot, "held"] = said.get((lot, "held"), 0) + held
    return {key: amount for key, amount in said.items() if amount}


def _same_usage(usage: Usage, fact: Fact, naive: NaiveLedger) -> None:
    """The record says what the caller said, of whom the call was for."""
    command = fact.command
    assert isinstance(command, _CHARGES)
    measured = "credits" if command.credits is not None else command.measurement
    assert (usage.tokens, usage.outcome, usage.measurement) == (command.tokens or Tokens(), command.outcome, measured)
    subject = naive.limits.subject_of(command)
    assert subject is not None
    other = isinstance(command, c.SettleHold) and command.terms == usage.terms and command.terms is not None
    model = usage.terms.model if other and usage.terms else subject.model
    assert usage.subject == (subject if model == subject.model else replace(subject, model=model))
