"""Results of somebody's real test suite, brought into cycles and reported on.

    python -m tests.support.real_results first.xml second.xml.gz third.xml

imports each JUnit file into a test cycle of its own, on a PostgreSQL of its own, makes every report of them, and says
how long that took and what it cost. Without files those beside the tests are taken
(tests/integration/reports/networkx).
"""

import asyncio
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.server import Server, bench_server
from testkase.core.ledger.engine import Engine
from testkase.foundation.database import Operation, Statement
from testkase.services.audit import OPERATOR, Actor
from testkase.services.features.reports.model import KINDS, NAMES, Options
from testkase.services.features.reports.requests import report, request_reports
from testkase.services.features.reports.run import run_reports
from testkase.services.metering import Meter
from testkase.services.workspace.cycles import set_cycle_state
from testkase.services.workspace.importing.model import ImportOptions
from testkase.services.workspace.importing.requests import ImportRun, find_import, request_import
from testkase.services.workspace.importing.run import run_import
from tests.support.features import LARGE_MODEL, Office, in_pieces, metering_on
from tests.support.upstream import scripted_upstream

FILES = sorted((Path(__file__).parents[1] / "integration" / "reports" / "networkx").glob("*.xml.gz"))

CREDITS = 100_000
_SENTENCE = "Look at the newest failures before anything else."
_ANSWER = json.dumps({"summary": _SENTENCE, "recommendations": [{"about": "whole", "text": _SENTENCE}]})


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


async def _tell(server: Server, files: Sequence[Path]) -> None:
    """Import, report, and say what it took."""
    engine = Engine(server.app_url)
    await engine.start()
    with scripted_upstream(in_pieces(_ANSWER, tokens=(900, 120))) as upstream, tempfile.TemporaryDirectory() as folder:
        async with metering_on(server.database, engine, upstream, Path(folder)) as (pool, meter):
            office = Office(pool, engine, server.owner_url)
            await office.set_up(CREDITS)
            for file in files:
                before = server.cpu_seconds()
                (one,) = await bring(office, [file])
                counts = ", ".join(f"{count:,} {outcome}" for outcome, count in one.run.counts.items())
                print(f"{file.name}: {counts} in {one.seconds:.1f} s, {_cpu(one.cpu_seconds, server, before)}")
            await _report(office, meter, server)
    await engine.stop()


async def _report(office: Office, meter: Meter, server: Server) -> None:
    options = Options(model=LARGE_MODEL, kinds=KINDS)
    asked = request_reports(
        office.org_id, project_id=office.project_id, project_key=office.key, user_id=office.user_id,
        user_ref=office.email, options=options,
    )  # fmt: skip
    run_id, first = await office.ask(asked)
    began, cpu, before = time.monotonic(), time.process_time(), server.cpu_seconds()
    await run_reports(office.org_id, run_id, meter, office.database)
    took, spent = time.monotonic() - began, time.process_time() - cpu
    view = await office.ask(report(office.org_id, office.project_id, first))
    print(f"{len(view.siblings)} reports in {took:.1f} s, {_cpu(spent, server, before)}")
    for sibling in view.siblings:
        made = await office.ask(report(office.org_id, office.project_id, sibling.report_id))
        told = " ".join(made.facts.headline) if made.facts is not None else made.error
        print(f"{NAMES[made.kind]}: {told}")


def _cpu(spent: float, server: Server, before: float) -> str:
    return f"{spent:.1f} s of CPU here and {server.cpu_seconds() - before:.1f} s in PostgreSQL"


def main(files: Sequence[Path]) -> None:
    with bench_server() as server:
        asyncio.run(_tell(server, files or FILES))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
