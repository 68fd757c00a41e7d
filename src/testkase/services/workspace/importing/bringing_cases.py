"""Taking test cases over: one that is there already is changed where the file differs, any other is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from testkase.foundation.database import Operation, Row
from testkase.foundation.problems import Conflict, InvalidInput
from testkase.services.workspace.cases import NewCase, create_cases, edit_case, find_case
from testkase.services.workspace.content import tidied
from testkase.services.workspace.exporting.feature import feature_head, scenario
from testkase.services.workspace.exporting.reading import Exported
from testkase.services.workspace.folders import folder_at
from testkase.services.workspace.importing.gherkin_file import read_gherkin
from testkase.services.workspace.importing.matching import Known, known_cases
from testkase.services.workspace.importing.model import CaseItem, ReportLine
from testkase.services.workspace.model import CaseContent, TestCase


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it goes, and who brings it."""

    org_id: int
    project_id: int
    user_id: int | None


def bring_cases(place: Place, items: Sequence[CaseItem]) -> Operation[list[ReportLine]]:
    """Take the cases over; answers what became of each, in their order."""
    known = yield from known_cases(
        place.org_id,
        place.project_id,
        titles=[item.title for item in items],
        keys=[item.key for item in items if item.key],
        automation_ids=[str(item.fields.get("automation_id", "")) for item in items],
    )
    lines: list[ReportLine | None] = []
    new: list[tuple[int, NewCase]] = []
    for item in items:
        made = yield from _brought(place, item, known)
        if isinstance(made, NewCase):
            new.append((len(lines), made))
            lines.append(None)
        else:
            lines.append(made)
    yield from _written(place, items, lines, new)
    return [line for line in lines if line is not None]


def _written(
    place: Place, items: Sequence[CaseItem], lines: list[ReportLine | None], new: list[tuple[int, NewCase]]
) -> Operation[None]:
    """Write the new ones together, and say so in their lines."""
    if not new:
        return
    cases = [case for _, case in new]
    made = yield from create_cases(place.org_id, place.project_id, cases, author_id=place.user_id, origin="import")
    for (at, _), (_, key) in zip(new, made, strict=True):
        item = items[at]
        note = item.note or (f"There is no {item.key} in this project: written anew." if item.key else "")
        lines[at] = ReportLine(
            line=item.line, outcome="created", title=item.title[:300], case_key=key, reason=note[:300]
        )


def _brought(place: Place, item: CaseItem, known: Known) -> Operation[ReportLine | NewCase]:
    """Change the case the item speaks of, or what is to be written. A line that cannot be is left out, with why."""
    try:
        folder_id = (yield from folder_at(place.org_id, place.project_id, item.folder)) if item.folder else None
        found = _found(item, known, folder_id)
        if found is None:
            return NewCase(content=tidied(CaseContent(**{"steps": (), **item.fields})), folder_id=folder_id)
        return (yield from _changed(place, item, found, folder_id))
    except (InvalidInput, Conflict) as problem:
        return ReportLine(line=item.line, outcome="skipped", title=item.title[:300], reason=problem.detail[:300])


def _found(item: CaseItem, known: Known, folder_id: int | None) -> Row | None:
    """By key, then by automation id, then by title. Raises Conflict where several have the title."""
    if item.key in known.by_key:
        return known.by_key[item.key]
    automation = str(item.fields.get("automation_id", ""))
    if automation and automation in known.by_automation:
        return known.by_automation[automation]
    titled = known.titled(item.title, folder_id=folder_id, any_folder=item.folder is None)
    if len(titled) > 1:
        raise Conflict(f"{' and '.join(row['key'] for row in titled[:3])} have this title: name one by its key.")
    return titled[0] if titled else None


def _changed(place: Place, item: CaseItem, found: Row, folder_id: int | None) -> Operation[ReportLine]:
    """Only what the file speaks of: the rest of the case stays."""
    case = yield from find_case(place.org_id, place.project_id, found["key"])
    fields = _unlike(item.fields, case) if item.reads_back else item.fields
    changed = yield from edit_case(
        place.org_id,
        place.project_id,
        found["key"],
        msgspec.structs.replace(case.content, **fields),
        folder_id=case.folder_id if item.folder is None else folder_id,
        editor_id=place.user_id,
        origin="import",
    )
    outcome = "updated" if changed else "unchanged"
    return msgspec.convert(
        {"line": item.line, "outcome": outcome, "title": item.title[:300], "case_key": found["key"],
         "reason": item.note[:300]},
        ReportLine,
    )  # fmt: skip


def _unlike(fields: Mapping[str, Any], case: TestCase) -> dict[str, Any]:
    """Those that say something else than an export of the case would: a feature file has no empty lines, and no tag of
    two words, and nobody has taken them out who brings back what was exported."""
    now, *_ = read_gherkin(f"{feature_head('now')}{scenario(Exported(case=case, folder=''))}".encode())
    known = now.fields if isinstance(now, CaseItem) else {}
    return {name: value for name, value in fields.items() if name not in known or known[name] != value}
