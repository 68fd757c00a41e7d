"""Results of somebody's real test suite, brought into cycles and reported on.

    python -m tests.support.real_results first.xml second.xml.gz third.xml

imports each JUnit file into a test cycle of its own, on a PostgreSQL of its own, makes every report of them, and says
how long that took and what it cost. Without files those beside the tests are taken
(tests/integration/reports/networkx).
"""

import gzip
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testkase.foundation.database import Operation, Statement
from testkase.services.audit import OPERATOR, Actor
from testkase.services.workspace.cycles import set_cycle_state
from testkase.services.workspace.importing.model import ImportOptions
from testkase.services.workspace.importing.requests import ImportRun, find_import, request_import
from testkase.services.workspace.importing.run import run_import
from tests.support.features import Office

FILES = sorted((Path(__file__).parents[1] / "integration" / "reports" / "networkx").glob("*.xml.gz"))


@dataclass(frozen=True, slots=True)
class Brought:
    """An import, and what it took."""

    run: ImportRun
    seconds: float
    cpu_seconds: float
    """Of this process; PostgreSQL's come on top."""


def content_of(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


async def bring(office: Office, files: Sequence[Path]) -> list[Brought]:
    """Each file into a cycle of its own, which then is finished; tests that are not known yet become test cases."""
    brought = []
    for file in files:
        name = file.name.removesuffix(".gz").removesuffix(".xml")
        asked = request_import(
            office.org_id, office.project_id, kind="junit", file_name=file.name, content=content_of(file),
            options=ImportOptions(cycle_name=name, unmatched="create"), user_id=office.user_id,
            actor=Actor(kind="person", ref=office.email, name="Ada"),
        )  # fmt: skip
        import_id, _ = await office.ask(asked)
        began, cpu = time.monotonic(), time.process_time()
        await run_import(office.org_id, import_id, office.database)
        took = time.monotonic() - began, time.process_time() - cpu
        run = await office.ask(find_import(office.org_id, import_id))
        brought.append(Brought(run, *took))
        if run.cycle_id is not None:
            await office.ask(
                set_cycle_state(office.org_id, office.project_id, run.cycle_id, "finished", actor=OPERATOR)
            )
    return brought


def results_by_test(office: Office, cycle_id: int) -> Operation[dict[str, str]]:
    """The newest result of every automated test in a cycle."""
    rows = yield Statement(
        "SELECT c.automation_id, e.result FROM cycle_entry AS e JOIN test_case AS c USING (org_id, case_id)"
        " WHERE e.org_id = %(org_id)s AND e.cycle_id = %(cycle_id)s",
        {"org_id": office.org_id, "cycle_id": cycle_id},
    )
    return {row["automation_id"]: row["result"] for row in rows}
