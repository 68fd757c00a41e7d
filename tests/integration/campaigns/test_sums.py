"""A slice of the sums campaign; `make campaign CAMPAIGN=sums` runs it at full size. The month it has lived through is
then checked by the program of docs/audit.md, which shares nothing with ours."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from campaigns.ledger.sums import sums
from campaigns.outcome import Outcome
from testkase.foundation.database import SyncDatabase
from testkase.services.audit import Activity, Actor, record
from testkase.services.selfaudit.heads import head_of
from tests.support.cluster import Cluster, TestDatabase

ROOT = Path(__file__).resolve().parents[3]
CHANGED = Activity(
    action="credits.granted", actor=Actor(kind="system", ref="operator", name="Ünïcode \u2028 \x1f \"quoted\""),
    details={"b": "ø", "a": "\\n</script>"},
)  # fmt: skip


@pytest.fixture(scope="module")
def month(module_database: TestDatabase) -> Outcome:
    return sums(module_database, operations=400, seed=20_261_127)


@pytest.fixture(scope="module")
def org_id(month: Outcome, module_database: TestDatabase) -> int:
    """Whose month it was."""
    with psycopg.connect(module_database.owner_url) as connection:
        [(only,)] = connection.execute("SELECT org_id FROM ledger.account").fetchall()
    return int(only)


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    """The names of the program in the document."""
    [program] = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/audit.md").read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "check_books"}
    exec(compile(program, "docs/audit.md", "exec"), names)
    return names


@pytest.mark.requirement("I11", "P11", "B12", "R45", "R54")
def test_everything_that_shows_a_sum_shows_the_same_after_a_random_month(month: Outcome) -> None:
    assert month.faults == [], month.line
    assert int(month.figures["entries"]) > 150


@pytest.mark.requirement("B4", "I12")
def test_an_auditors_own_program_comes_to_what_is_published(
    org_id: int, documented: dict[str, Any], module_database: TestDatabase
) -> None:
    books = SyncDatabase(module_database.app_url)
    books.run(record(org_id, CHANGED, event_id="documented"), org_id=org_id)
    head = books.read(head_of(org_id), org_id=org_id)
    books.close()
    assert head is not None
    assert (head.seq, head.activity_seq) > (150, 0)
    assert json.loads(documented["check"](module_database.owner_url, org_id)) == msgspec.to_builtins(head)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        documented["check"](module_database.app_url, org_id)


@pytest.mark.requirement("B4", "I12")
@pytest.mark.parametrize(
    ("found", "change"),
    [
        ("is not what was hashed", "UPDATE ledger.entry SET note = note || '.' WHERE seq = 9"),
        ("is not what was hashed", "UPDATE ledger.usage SET cost = cost + 1"),
        ("is not what was hashed", "DELETE FROM ledger.entry WHERE seq = 7"),
        ("is not what its", "DELETE FROM ledger.entry WHERE seq = (SELECT max(seq) FROM ledger.entry)"),
        ("is not what its", "UPDATE ledger.account SET available = available + 1"),
    ],
)  # fmt: skip
def test_an_auditors_own_program_finds_what_a_superuser_changed(
    org_id: int, documented: dict[str, Any], cluster: Cluster, module_database: TestDatabase, found: str, change: str
) -> None:
    forged = cluster.copy(module_database)
    with psycopg.connect(forged.owner_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(change)
    with pytest.raises(SystemExit, match=found):
        documented["check"](forged.owner_url, org_id)
    cluster.drop(forged)
