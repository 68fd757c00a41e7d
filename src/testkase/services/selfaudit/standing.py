"""Whose turn it is, what was found, who was told, and how far it has come. Ids, counts and hashes only."""

from collections.abc import Sequence
from datetime import date

from testkase.foundation.database import Operation, Statement, named_statements
from testkase.services.selfaudit.model import Checked, Deviating, Outcome, Place, Published

SQL = named_statements("testkase.services.selfaudit.sql", "standing.sql")


def enrol(org_ids: Sequence[int]) -> Operation[None]:
    """Those nobody has checked yet are due now."""
    yield Statement(SQL["enrol"], {"org_ids": list(org_ids)})


def hasten(org_ids: Sequence[int]) -> Operation[None]:
    """Those where something was posted are due within the hour."""
    yield Statement(SQL["hasten"], {"org_ids": list(org_ids)})


def claim() -> Operation[int | None]:
    """The organization whose turn it is; None: nobody's."""
    rows = yield Statement(SQL["claim"])
    return rows[0]["org_id"] if rows else None


def keep(outcome: Outcome) -> Operation[list[Place]]:
    """Write down what a check found; answers what nobody knew yet."""
    org_id, reached = outcome.org_id, outcome.reached
    new: list[Place] = []
    for invariant, seq in outcome.found:
        rows = yield Statement(SQL["found"], {"org_id": org_id, "invariant": invariant, "seq": seq})
        new += [(row["invariant"], row["seq"]) for row in rows]
    places = {"invariants": [place[0] for place in outcome.found], "seqs": [place[1] for place in outcome.found]}
    yield Statement(SQL["gone"], {"org_id": org_id, **places})
    if outcome.found:
        yield Statement(SQL["keep_faulty"], {"org_id": org_id})
        return new
    sums = {"available": reached.available, "held": reached.held, "debt": reached.debt}
    place = {"seq": reached.seq, "at": reached.at, "hash": reached.hash, "whole": outcome.whole}
    yield Statement(SQL["keep"], {"org_id": org_id, **place, **sums})
    return new


def untold() -> Operation[list[Deviating]]:
    """Deviations that stand and that nobody was written to about."""
    return [Deviating(**row) for row in (yield Statement(SQL["untold"]))]


def told(deviations: Sequence[Deviating]) -> Operation[None]:
    """Somebody was written to about these."""
    places = {
        "org_ids": [one.org_id for one in deviations],
        "invariants": [one.invariant for one in deviations],
        "seqs": [one.seq for one in deviations],
    }
    yield Statement(SQL["told"], places)


def staff_addresses() -> Operation[list[str]]:
    """Whom to write to."""
    return [row["email"] for row in (yield Statement(SQL["staff"]))]


def deviations(*, limit: int) -> Operation[list[Deviating]]:
    """The newest ones, those that stand first. For staff: it names organizations."""
    return [Deviating(**row) for row in (yield Statement(SQL["deviations"], {"limit": limit}))]


def checked() -> Operation[Checked]:
    """How far the self-audit has come, over all organizations."""
    (row,) = yield Statement(SQL["checked"])
    return Checked(**row)


def published(*, limit: int) -> Operation[list[Published]]:
    """The newest heads that were written outside the database."""
    rows = yield Statement(SQL["published"], {"limit": limit})
    return [Published(**{**row, "day": row["day"].isoformat(), "digest": bytes(row["digest"]).hex()}) for row in rows]


def keep_published(day: date, organizations: int, digest: bytes) -> Operation[None]:
    """The heads of a day were written."""
    yield Statement(SQL["publish"], {"day": day, "organizations": organizations, "digest": digest})
