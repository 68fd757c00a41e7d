"""Taking results over: each belongs to the case with its automation id, else to the one with its title that has none.

Real suites have dozens of tests of one name in different classes: a title alone never says which of them it was.
"""

from collections.abc import Sequence

from testkase.foundation.database import Operation, Row
from testkase.services.workspace.cases import NewCase, create_cases
from testkase.services.workspace.content import tidied
from testkase.services.workspace.executions import record_outcomes
from testkase.services.workspace.folders import folders_at
from testkase.services.workspace.importing.bringing_cases import Place
from testkase.services.workspace.importing.matching import Known, known_cases
from testkase.services.workspace.importing.model import ReportLine, ResultItem, Unmatched
from testkase.services.workspace.model import CaseContent, Outcome, Step


def bring_results(
    place: Place, items: Sequence[ResultItem], *, cycle_id: int, import_id: int, unmatched: Unmatched
) -> Operation[list[ReportLine]]:
    """Record the results in the cycle; answers what became of each, in their order."""
    known = yield from known_cases(
        place.org_id,
        place.project_id,
        titles=[item.title for item in items],
        automation_ids=[item.automation_id for item in items],
    )
    written = (yield from _written(place, items, known)) if unmatched == "create" else {}
    lines: list[ReportLine] = []
    outcomes: list[tuple[int, Outcome]] = []
    for item in items:
        row, reason = _case_of(item, known)
        made = written.get(item.automation_id)
        if row is None and made is None:
            lines.append(ReportLine(line=item.line, outcome="skipped", title=item.title, reason=reason))
            continue
        case_id, key = made if row is None and made is not None else (row["case_id"], row["key"])  # type: ignore[index]
        outcomes.append((case_id, item.outcome))
        lines.append(_line(item, key, created=row is None))
    yield from record_outcomes(
        place.org_id, place.project_id, cycle_id, outcomes, by=place.user_id, import_id=import_id
    )
    return lines


def _line(item: ResultItem, key: str, *, created: bool) -> ReportLine:
    words = item.outcome.result.capitalize() + "."
    return ReportLine(
        line=item.line, outcome="created" if created else "matched", title=item.title, case_key=key, reason=words
    )


def _case_of(item: ResultItem, known: Known) -> tuple[Row | None, str]:
    """The case of a result, or why there is none."""
    if item.automation_id in known.by_automation:
        return known.by_automation[item.automation_id], ""
    titled = [row for row in known.titled(item.title) if not (item.named and row["automation_id"])]
    if len(titled) == 1:
        return titled[0], ""
    if titled:
        return None, f"{' and '.join(row['key'] for row in titled[:3])} have this title; none has this automation id."
    return None, f"No test case has the automation id {item.automation_id[:200]} or this title."


def _written(place: Place, items: Sequence[ResultItem], known: Known) -> Operation[dict[str, tuple[int, str]]]:
    """Cases for results that belong to none: ids and keys by automation id."""
    lacking = {item.automation_id: item for item in items if _case_of(item, known)[0] is None}
    if not lacking:
        return {}
    paths = {item.folder for item in lacking.values() if item.folder}
    folders = (yield from folders_at(place.org_id, place.project_id, paths)) if paths else {}
    cases = [NewCase(content=_content(item), folder_id=folders.get(item.folder)) for item in lacking.values()]
    made = yield from create_cases(place.org_id, place.project_id, cases, author_id=place.user_id, origin="import")
    return dict(zip(lacking, made, strict=True))


def _content(item: ResultItem) -> CaseContent:
    step = Step(action=f"Run the automated test {item.automation_id}", expected="It passes")
    return tidied(
        CaseContent(title=item.title, steps=(step,), automation_id=item.automation_id, tags=("automated",))
    )  # fmt: skip
