"""Processes are restarted one by one after a migration (docs/operations.md); those of the code before go on so long."""

import pytest

from testkase.core.ledger import writing
from testkase.core.ledger.commands import Command
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.operations import Answer, execute
from testkase.core.ledger.queries import balance
from testkase.core.ledger.verify import verify
from testkase.foundation.database import SyncDatabase
from tests.support.ledger import fresh_org, hold, open_account, settle
from tests.support.upgrades import code_of_before

APPEND_KNOWN = (
    "SELECT ledger.append_known(%(decided_at)s, %(accounts)s, %(new_lots)s, %(lots)s, %(opened)s, %(closed)s,"
    " %(entries)s, %(usages)s, %(usage_days)s, %(limits)s)"
)
"""How the engine of then wrote what it had decided from memory."""


def test_what_older_processes_call_is_there_and_writes_the_same_books(
    elsewhere: SyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_id = fresh_org()

    def told(*commands: Command) -> None:
        outcomes = elsewhere.run(execute(commands), org_id=org_id)
        assert all(isinstance(outcome, Answer) for outcome in outcomes)

    told(open_account(org_id))
    with code_of_before():
        told(hold(org_id, "a", 10), hold(org_id, "b", 20), hold(org_id, "c", 30))
        told(settle(org_id, "a", 4))
    told(settle(org_id, "b", 5))
    with monkeypatch.context() as older:
        older.setattr(writing, "APPEND", APPEND_KNOWN)
        told(settle(org_id, "c", 6))
    found = elsewhere.read(balance(org_id), org_id=org_id)
    assert (found.available, found.held) == (285 * MICRO, 0)
    assert elsewhere.read(verify(org_id), org_id=org_id) == []
