"""Short words for tests of the self-audit."""

from typing import Any

import psycopg

from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.operations import execute_one
from testkase.entrypoints.worker.selfaudit import SelfAudit
from testkase.services.selfaudit.standing import deviations
from tests.support.ledger import SUBJECT
from tests.support.shop import Shop


def tamper(shop: Shop, statement: Any, *values: object) -> None:
    """What a superuser does to the rows."""
    with psycopg.connect(shop.database.owner_url, autocommit=True) as superuser:
        assert superuser.execute(statement, values).rowcount > 0


def spend(shop: Shop, org_id: int, *usage_ids: str) -> None:
    """One credit a usage."""
    for usage_id in usage_ids:
        command = RecordUsage(org_id=org_id, usage_id=usage_id, subject=SUBJECT, credits=MICRO)
        shop.run(org_id, execute_one(command))


def check_all(shop: Shop, audit: SelfAudit) -> list[tuple[int, str, int]]:
    """Let the audit check everything once; what stands afterwards."""
    with psycopg.connect(shop.database.owner_url, autocommit=True) as owner:
        owner.execute("UPDATE ledger_check SET due_at = now()")
    while audit.turn():
        pass
    found = shop.organizations.database.run(deviations(limit=100))
    return sorted((one.org_id, one.invariant, one.seq) for one in found if one.gone_at is None)
