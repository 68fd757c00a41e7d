"""One organization's books, checked. Short journals are walked from their first entry every time; long ones from their
checkpoint, and from their first entry once a week or for as long as something deviates."""

from testkase.core.ledger.calendar import to_micros
from testkase.core.ledger.checkpoint import Checkpoint, still_stands, verify_since, where_it_ends
from testkase.core.ledger.months import months_standing
from testkase.core.ledger.verify import Deviation, verify
from testkase.foundation.clock import utc_now
from testkase.foundation.database import Operation, Statement, named_statements
from testkase.services.audit import verify_activity
from testkase.services.selfaudit.model import EVERYBODY, HISTORY, MONTHS, RECEIPTS, Outcome, Place

_SQL = named_statements("testkase.services.selfaudit.sql", "checking.sql")

SHORT_ENTRIES = 20_000
"""A journal of so many entries is walked from the first one in well under a second."""

MOST_PLACES = 20
"""A journal that was tampered with may deviate everywhere; so many places say enough."""


def check(org_id: int, *, short: int = SHORT_ENTRIES) -> Operation[Outcome]:
    """Everything that can be checked of one organization. Needs its context and one consistent state."""
    known, resumable = yield from _known(org_id)
    said = yield from where_it_ends(org_id)
    whole = not resumable or said.seq <= short
    if whole:
        found = (yield from still_stands(org_id, known)) + (yield from verify(org_id))
        reached = said
    else:
        found, reached = yield from verify_since(org_id, known)
    places = [_place(one) for one in found]
    places += [(HISTORY, broken.seq or 0) for broken in (yield from verify_activity(org_id))]
    (row,) = yield Statement(_SQL["payments_differ"], {"org_id": org_id})
    places += [("I8", 0)] if row["differing"] else []
    kept = tuple(sorted(set(places))[:MOST_PLACES])
    return Outcome(org_id=org_id, whole=whole, found=kept, reached=reached)


def check_common() -> Operation[Outcome]:
    """What concerns all organizations: receipts' numbers, and where the next months' entries and usage are to lie."""
    (row,) = yield Statement(_SQL["broken_series"])
    months = yield from months_standing()
    lacking = months.lacking(to_micros(utc_now()))
    found: list[Place] = [(code, 0) for code, broken in ((RECEIPTS, row["broken"]), (MONTHS, lacking)) if broken]
    return Outcome(org_id=EVERYBODY, whole=True, found=tuple(found), reached=Checkpoint())


def _known(org_id: int) -> Operation[tuple[Checkpoint, bool]]:
    """The checkpoint, and whether a walk from there is enough."""
    rows = yield Statement(_SQL["checkpoint"], {"org_id": org_id})
    if not rows:
        return Checkpoint(), False
    row = rows[0]
    resumable = row.pop("resumable")
    return Checkpoint(**{**row, "hash": bytes(row["hash"])}), resumable


def _place(found: Deviation) -> Place:
    return found.invariant, found.seq or 0
