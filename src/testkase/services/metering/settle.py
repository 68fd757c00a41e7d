"""Telling the ledger what an interaction cost, until it has heard. An error does not mean that it did not happen, so a
settlement is repeated under the same id; once the hold has lapsed it is recorded as usage under the hold's id."""

import asyncio
import contextlib
import logging

import msgspec

from testkase.core.ledger.commands import Command, RecordUsage, SettleHold, VoidHold
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.model import Entry, Measurement, Outcome, Subject
from testkase.core.ledger.refusals import HoldNotFound, HoldResolved
from testkase.core.ledger.terms import Terms, Tokens
from testkase.foundation.problems import Problem, Unavailable
from testkase.services.metering.charge import Charge
from testkase.services.metering.metrics import SETTLED, UNSETTLED

log = logging.getLogger(__name__)


_METERED = "~"
"""Begins the id of every hold metering opens; the API takes no id that begins so. Whoever has a key could otherwise
release or settle the hold of a call that is still running, and have the call for nothing."""

_OUR_OWN = "_"
"""Comes next where the name is ours. A key of the gateway's begins with a letter or digit: one that happened to be
called `chat-7-1` had taken the hold of the seventh answer, which failed."""


def metered_id(name: str) -> str:
    """The id of the hold of a metered call, from a name that is unique in the organization for ever."""
    return _METERED + name


def own_id(name: str) -> str:
    """The same of the product's own work, whose names programs neither know nor can take."""
    return metered_id(_OUR_OWN + name)


def bare_name(hold_id: str) -> str:
    """What such an id was made of; any other as it is."""
    return hold_id.removeprefix(_METERED).removeprefix(_OUR_OWN) if is_metered(hold_id) else hold_id


def is_metered(hold_id: str) -> bool:
    """Whether metering alone resolves the hold."""
    return hold_id.startswith(_METERED)


class OpenedHold(msgspec.Struct, frozen=True, kw_only=True):
    """What metering remembers of the hold it opened."""

    org_id: int
    hold_id: str
    amount: int
    subject: Subject
    terms: Terms


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """How an interaction ended in the ledger. Amounts in micro-credits."""

    hold_id: str
    charged: int
    balance: int | None
    """Available credits afterwards; None when the ledger could not be told."""
    receipt: int | None
    """Sequence number of the usage's entry; None when nothing was recorded."""
    tokens: Tokens
    outcome: Outcome
    measurement: Measurement
    told: bool = True
    """Whether the ledger knows."""


async def settle(
    engine: Engine,
    hold: OpenedHold,
    charge: Charge | None,
    *,
    opened_seq: int,
    patience_seconds: float,
) -> Settlement:
    """Resolve the hold; `charge` is None when the model was never called, `opened_seq` the hold's place in the journal
    (0: not known, so a switch since then counts). Never raises: what could not be told is logged with everything
    needed to tell it later."""
    try:
        async with asyncio.timeout(patience_seconds):
            settlement = await resolve(engine, hold, charge, opened_seq)
    except Exception:
        UNSETTLED.inc()
        log.exception("settlement failed: organization %s hold %s charge %r", hold.org_id, hold.hold_id, charge)
        return msgspec.structs.replace(_settlement(hold, charge, None), told=False)
    SETTLED.labels(settlement.outcome, settlement.measurement).inc()
    return settlement


async def resolve(engine: Engine, hold: OpenedHold, charge: Charge | None, opened_seq: int) -> Settlement:
    """Tell the ledger, again and again while the database is away. Raises what else keeps it from being told."""
    if charge is None:
        with contextlib.suppress(HoldNotFound, HoldResolved):  # it was never opened, or has lapsed already
            return _settlement(hold, None, await _persist(engine, VoidHold(org_id=hold.org_id, hold_id=hold.hold_id)))
        return _settlement(hold, None, None)
    command = SettleHold(
        org_id=hold.org_id,
        hold_id=hold.hold_id,
        tokens=charge.tokens,
        outcome=charge.outcome,
        measurement=charge.measurement,
        terms=charge.terms,
    )
    try:
        return _settlement(hold, charge, await _persist(engine, command))
    except HoldResolved as resolved:
        if resolved.facts.get("state") != "lapsed":  # voided: AI was switched off, and what was in flight is free
            return _settlement(hold, charge, None)
    return _settlement(hold, charge, await _record_late(engine, hold, charge, opened_seq))


async def _record_late(engine: Engine, hold: OpenedHold, charge: Charge, opened_seq: int) -> Entry | None:
    """The hold had lapsed: the credits went back and are taken again, as far as they are still there."""
    terms = charge.terms or hold.terms
    command = RecordUsage(
        org_id=hold.org_id,
        usage_id=hold.hold_id,
        admitted=opened_seq,
        subject=msgspec.structs.replace(hold.subject, model=terms.model),
        tokens=charge.tokens,
        terms=terms,
        outcome=charge.outcome,
        measurement=charge.measurement,
    )
    try:
        return await _persist(engine, command)
    except Problem as problem:
        UNSETTLED.inc()
        figures = (hold.org_id, hold.hold_id, charge)
        log.warning("late usage refused (%s): organization %s hold %s %r", problem.code, *figures)
        return None


async def _persist(engine: Engine, command: Command) -> Entry:
    """Submit until the outcome is known. Raises the ledger's refusals."""
    delay = 0.05
    while True:
        try:
            return (await engine.submit(command)).entry
        except Unavailable:
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)


def _settlement(hold: OpenedHold, charge: Charge | None, entry: Entry | None) -> Settlement:
    charge = charge or Charge(tokens=Tokens(), outcome="failed", measurement="exact")
    return Settlement(
        hold_id=hold.hold_id,
        charged=entry.deltas.used if entry is not None else 0,
        balance=entry.available_after if entry is not None else None,
        receipt=entry.seq if entry is not None and entry.kind in ("settle", "usage") else None,
        tokens=charge.tokens,
        outcome=charge.outcome,
        measurement=charge.measurement,
    )
