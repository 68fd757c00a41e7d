"""The look-ups themselves: each reads rows of one project of one organization, and few of them.

Every operation needs the organization's tenant context, and names organization and project as well.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import NotFound
from testkase.services.features.chat.tools.access import FACTS
from testkase.services.features.chat.tools.model import KINDS, Found, Place, Source, plain
from testkase.services.workspace.cases import find_case
from testkase.services.workspace.content import search_words
from testkase.services.workspace.cycles import find_cycle, list_cycles
from testkase.services.workspace.executions import cycles_of_case
from testkase.services.workspace.folders import list_folders, with_those_inside
from testkase.services.workspace.model import Cycle, CycleState, Folder

MOST_ROWS = 10
TITLE, TEXT = 160, 300
"""Characters of a title and of a longer text, as the model is told it."""
MOST_STEPS = 15
_SHORT_WORD = 3

_STOP_WORDS = frozenset(re.findall(r"\w+", """
    a about all an and any are as at be been by can case cases chat could do does find for from get give has have how in
    is it list me most my new no not of on or our please project show so some test tests that the their them there these
    they this those to us was we were what when where which who why will with would you your
"""))  # fmt: skip


def counts(place: Place) -> Operation[Found]:
    """How much there is of everything."""
    (row,) = yield Statement(FACTS["counts"], _of(place))
    return Found(tool="counts", facts=dict(row))


def search_cases(
    place: Place, *, text: str = "", status: str | None = None, priority: str | None = None, folder: str = ""
) -> Operation[Found]:
    """Test cases by words, the best match first."""
    folders = yield from list_folders(place.org_id, place.project_id)
    words = keywords(text)
    values = {
        **_of(place),
        "words": words,
        "status": status,
        "priority": priority,
        "folders": _inside(folders, folder),
        "limit": MOST_ROWS,
    }
    rows = yield Statement(FACTS["search"], values)
    paths = {one.folder_id: one.path for one in folders}
    return Found(
        tool="search_cases",
        facts={"total": rows[0]["total"] if rows else 0, "text": plain(text, TITLE)},
        rows=tuple(
            {
                "key": row["key"], "title": plain(row["title"], TITLE), "kind": row["kind"],
                "priority": row["priority"], "status": row["status"],
                "folder": plain(paths.get(row["folder_id"], ""), TITLE),
            }
            for row in rows
        ),
        sources=_cases(rows),
    )  # fmt: skip


def get_case(place: Place, *, key: str) -> Operation[Found]:
    """A test case in full, and how it stands in its newest cycles."""
    try:
        case = yield from find_case(place.org_id, place.project_id, key.strip().upper()[:40])
    except NotFound:
        return Found(tool="get_case", facts={"found": False})
    results = yield from cycles_of_case(place.org_id, case.case_id, limit=5)
    content = case.content
    steps = [
        {"action": plain(step.action, TEXT), "expected": plain(step.expected, TEXT)}
        for step in content.steps[:MOST_STEPS]
    ]
    facts = {
        "found": True, "key": case.key, "title": plain(content.title, TITLE), "kind": content.kind,
        "priority": content.priority, "status": content.status, "steps": len(content.steps),
        "preconditions": plain(content.preconditions, TEXT), "tags": [plain(tag, 40) for tag in content.tags],
        "results": [
            {"cycle": one.cycle_id, "name": plain(one.name, TITLE), "result": one.result} for one in results
        ],
    }  # fmt: skip
    sources = [Source(kind="case", ref=case.key, title=plain(content.title, TITLE))]
    sources += [Source(kind="cycle", ref=str(one.cycle_id), title=plain(one.name, TITLE)) for one in results]
    return Found(tool="get_case", facts=facts, rows=tuple(steps), sources=tuple(sources))


def cycles(place: Place, *, state: CycleState | None = None) -> Operation[Found]:
    """The newest cycles with their progress."""
    found = yield from list_cycles(place.org_id, place.project_id, limit=MOST_ROWS, state=state)
    return Found(
        tool="list_cycles",
        facts={"shown": len(found)},
        rows=tuple(_cycle(one) for one in found),
        sources=tuple(_cycle_source(one) for one in found),
    )


def cycle_progress(place: Place, *, cycle: int) -> Operation[Found]:
    """How far one cycle is."""
    try:
        found = yield from find_cycle(place.org_id, place.project_id, cycle)
    except NotFound:
        return Found(tool="cycle_progress", facts={"found": False})
    return Found(tool="cycle_progress", facts={"found": True, **_cycle(found)}, sources=(_cycle_source(found),))


def flaky_cases(place: Place) -> Operation[Found]:
    """Cases that pass and fail by turns."""
    rows = yield Statement(FACTS["flaky"], {**_of(place), "limit": MOST_ROWS})
    told = tuple({**row, "title": plain(row["title"], TITLE)} for row in rows)
    return Found(tool="flaky_cases", facts={"shown": len(rows), "days": 90}, rows=told, sources=_cases(rows))


def recent_failures(place: Place, *, cycle: int | None = None) -> Operation[Found]:
    """Cases that stand as failed."""
    rows = yield Statement(FACTS["failures"], {**_of(place), "cycle_id": cycle, "limit": MOST_ROWS})
    told = tuple(
        {
            "key": row["key"], "title": plain(row["title"], TITLE), "priority": row["priority"],
            "cycle": row["cycle_id"], "cycle_name": plain(row["cycle"], TITLE), "comment": plain(row["comment"], TEXT),
            "defect": plain(row["defect"], TITLE), "on": row["executed_at"].date().isoformat(),
        }
        for row in rows
    )  # fmt: skip
    named = {row["cycle_id"]: row["cycle"] for row in rows}
    sources = [Source(kind="cycle", ref=str(number), title=plain(name, TITLE)) for number, name in named.items()]
    facts = {"total": rows[0]["total"] if rows else 0}
    return Found(tool="recent_failures", facts=facts, rows=told, sources=(*_cases(rows), *sources))


def coverage_gaps(place: Place, *, text: str = "", folder: str = "") -> Operation[Found]:
    """What kinds of test cases a requirement or a folder lacks, and which were never executed."""
    folders = yield from list_folders(place.org_id, place.project_id)
    words = keywords(text)
    values = {**_of(place), "words": words, "folders": _inside(folders, folder)}
    rows = yield Statement(FACTS["coverage"], values)
    paths = {one.folder_id: one.path for one in folders}
    told = [_gap(plain(paths.get(row["folder_id"], "No folder"), TITLE), row) for row in rows]
    if not words and not folder:
        used = {row["folder_id"] for row in rows}
        told += [
            {"folder": plain(one.path, TITLE), "cases": 0, "missing": list(KINDS), "never_executed": 0}
            for one in folders
            if one.folder_id not in used and not any(other.parent_id == one.folder_id for other in folders)
        ]
    told.sort(key=lambda gap: (-len(gap["missing"]), gap["cases"], gap["folder"]))
    total = {kind: sum(row[kind] for row in rows) for kind in KINDS}
    facts = {
        "text": plain(text, TITLE), "cases": sum(row["cases"] for row in rows), **total,
        "never_executed": sum(row["never_executed"] for row in rows),
        "missing": [kind for kind, count in total.items() if not count],
    }  # fmt: skip
    return Found(tool="coverage_gaps", facts=facts, rows=tuple(told[:MOST_ROWS]))


def keywords(text: str) -> list[str]:
    """What of a sentence to look for, as patterns for LIKE: at most eight words, those that say nothing left out."""
    words = [word for word in re.findall(r"[\w-]{2,}", text.casefold()) if word not in _STOP_WORDS]
    return search_words(" ".join(dict.fromkeys(map(_singular, words))))


def _singular(word: str) -> str:
    """Without the s of a plural: whoever asks about vouchers means the case of one voucher, too. Patterns find both."""
    return word[:-1] if len(word) > _SHORT_WORD and word.endswith("s") and not word.endswith("ss") else word


def _gap(folder: str, row: Row) -> dict[str, Any]:
    missing = [kind for kind in KINDS if not row[kind]]
    return {"folder": folder, "cases": row["cases"], "missing": missing, "never_executed": row["never_executed"]}


def _cycle(one: Cycle) -> dict[str, Any]:
    progress = one.progress
    return {
        "cycle": one.cycle_id, "name": plain(one.plan.name, TITLE), "state": one.state, "cases": progress.total,
        "passed": progress.passed, "failed": progress.failed, "blocked": progress.blocked, "skipped": progress.skipped,
        "not_executed": progress.not_executed, "percent": progress.percent,
    }  # fmt: skip


def _cycle_source(one: Cycle) -> Source:
    return Source(kind="cycle", ref=str(one.cycle_id), title=plain(one.plan.name, TITLE))


def _cases(rows: Iterable[Row]) -> tuple[Source, ...]:
    named = {row["key"]: row["title"] for row in rows}
    return tuple(Source(kind="case", ref=key, title=plain(title, TITLE)) for key, title in named.items())


def _inside(folders: Sequence[Folder], name: str) -> list[int] | None:
    """The folders of that name or path, with those inside; None where no folder is named."""
    wanted = " ".join(name.casefold().split())
    if not wanted:
        return None
    named = [one.folder_id for one in folders if wanted in (one.name.casefold(), one.path.casefold())]
    return sorted({inside for one in named for inside in with_those_inside(list(folders), one)})


def _of(place: Place) -> dict[LiteralString, Any]:
    return {"org_id": place.org_id, "project_id": place.project_id}
