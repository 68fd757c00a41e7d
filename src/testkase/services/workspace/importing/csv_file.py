"""Test cases out of a CSV file, as spreadsheets and other tools write them.

The first line names the columns, in whatever order. Steps stand in one cell as numbered lines, or in lines of their own
below the case, in which only step and expected result are filled in.
"""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any, get_args

from testkase.foundation.problems import InvalidInput
from testkase.services.workspace.content import folded
from testkase.services.workspace.importing.model import MOST_ITEMS, CaseItem, Item, Unreadable
from testkase.services.workspace.importing.text import decoded
from testkase.services.workspace.model import CaseKind, CaseStatus, CaseType, Priority, Step

_COLUMNS = {
    "key": ("key", "id", "case id", "test case id", "case key"),
    "title": ("title", "name", "summary", "test case", "test case name", "test case title"),
    "folder": ("folder", "section", "suite", "path", "module", "folder path"),
    "status": ("status", "state"),
    "priority": ("priority", "importance"),
    "kind": ("kind",),
    "type": ("type", "test type", "category"),
    "tags": ("tags", "labels", "tag"),
    "automation_id": ("automation id", "automation", "automated test", "reference"),
    "preconditions": ("preconditions", "precondition", "pre conditions", "prerequisites"),
    "description": ("description", "objective", "notes"),
    "steps": ("step", "steps", "test step", "test steps", "action", "step action", "steps description"),
    "expected": ("expected", "expected result", "expected results", "step expected", "expected outcome"),
}
_BY_HEADING = {heading: column for column, headings in _COLUMNS.items() for heading in headings}
_CHOICES: dict[str, tuple[str, ...]] = {
    "status": get_args(CaseStatus), "priority": get_args(Priority), "kind": get_args(CaseKind),
    "type": get_args(CaseType),
}  # fmt: skip
_SYNONYMS = {
    "status": {"active": "ready", "approved": "ready", "new": "draft", "design": "draft", "obsolete": "deprecated"},
    "priority": {
        "p0": "critical", "p1": "critical", "p2": "high", "p3": "medium", "p4": "low", "blocker": "critical",
        "highest": "critical", "major": "high", "normal": "medium", "minor": "low", "lowest": "low", "trivial": "low",
    },
    "kind": {}, "type": {"functional test": "functional", "smoke test": "smoke", "regression test": "regression"},
}  # fmt: skip
_NUMBERED = re.compile(r"^\s*(?:step\s*)?([0-9]{1,3})\s*[.):]\s*", re.IGNORECASE | re.ASCII)
_FORMULA = ("=", "+", "-", "@")
_LONGEST_CELL = 100_000

Cells = dict[str, str]


def read_csv(data: bytes) -> list[Item]:
    """Every case of the file. Raises InvalidInput for a file that cannot be read at all."""
    text = decoded(data)
    rows = _rows(text)
    headings = next(rows, (0, []))[1]
    columns = [_BY_HEADING.get(_heading(cell)) for cell in headings]
    if "title" not in columns:
        raise InvalidInput('The first line names the columns, and one of them is "Title".', field="file")
    items: list[Item] = []
    for line, row, below in _cases(rows, columns):
        items.append(_item(line, row, below))
        if len(items) > MOST_ITEMS:
            raise InvalidInput(f"The file has more than {MOST_ITEMS:,} test cases. Split it up.", field="file")
    return items


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    first = text.lstrip("\n").partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    csv.field_size_limit(_LONGEST_CELL)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidInput(f"Line {line} cannot be read: {error}.", field="file") from None
        if any(cell.strip() for cell in row):
            yield line, row


def _cases(
    rows: Iterator[tuple[int, list[str]]], columns: list[str | None]
) -> Iterator[tuple[int, Cells, list[Cells]]]:
    """Each case with the lines below it, in which there is neither a title nor a key: further steps."""
    current: tuple[int, Cells, list[Cells]] | None = None
    for line, row in rows:
        cells = {column: _cell(cell) for column, cell in zip(columns, row, strict=False) if column}
        if current is not None and not cells.get("title") and not cells.get("key"):
            current[2].append(cells)
            continue
        if current is not None:
            yield current
        current = (line, cells, [])
    if current is not None:
        yield current


def _item(line: int, cells: Cells, below: list[Cells]) -> Item:
    title = " ".join(cells.get("title", "").split())
    if not title:
        return Unreadable(line=line, title=cells.get("key", ""), reason="There is no title on this line.")
    fields: dict[str, Any] = {"title": title}
    notes: list[str] = []
    for name in ("preconditions", "description", "automation_id"):
        if name in cells:
            fields[name] = cells[name]
    if "tags" in cells:
        fields["tags"] = tuple(re.split(r"[,;]", cells["tags"]))
    for name, known in _CHOICES.items():
        if text := cells.get(name, ""):
            chosen = _chosen(name, text, known)
            if chosen is None:
                notes.append(f"{name.capitalize()} {text[:40]!r} is not known and was left out.")
            else:
                fields[name] = chosen
    if "steps" in cells:
        fields["steps"] = _steps(cells, below)
    return CaseItem(
        line=line, title=title, fields=fields, key=cells.get("key", "").upper(), folder=cells.get("folder"),
        note=" ".join(notes),
    )  # fmt: skip


def _chosen(name: str, text: str, known: tuple[str, ...]) -> str | None:
    plain = folded(text).strip()
    plain = _SYNONYMS[name].get(plain, plain)
    return plain if plain in known else None


def _steps(cells: Cells, below: list[Cells]) -> tuple[Step, ...]:
    """Lines below are steps of their own; without any, one cell can hold several, numbered."""
    rows = [row for row in (cells, *below) if row.get("steps") or row.get("expected")]
    if len(rows) == 1:
        return _numbered(rows[0].get("steps", ""), rows[0].get("expected", ""))
    return tuple(Step(action=row.get("steps", ""), expected=row.get("expected", "")) for row in rows)


def _numbered(actions: str, expected: str) -> tuple[Step, ...]:
    """Numbered lines beside numbered lines: those of one number are a step. An expected result without a number belongs
    to the last step."""
    parts = _parts(actions)
    if not parts:
        return ()
    seen = _parts(expected)
    if len(seen) == 1 and not _NUMBERED.match(expected):
        seen = {max(parts): expected.strip()}
    lost = " ".join(text for number, text in seen.items() if number not in parts)
    steps = [Step(action=text, expected=seen.get(number, "")) for number, text in sorted(parts.items())]
    if lost:
        steps[-1] = Step(action=steps[-1].action, expected=f"{steps[-1].expected} {lost}".strip())
    return tuple(steps)


def _parts(text: str) -> dict[int, str]:
    found: dict[int, list[str]] = {}
    number = last = 0
    for line in text.split("\n"):
        match = _NUMBERED.match(line)
        if match:
            named = int(match[1])
            number = named if named not in found else last + 1
            line = line[match.end() :]  # noqa: PLW2901 - what is left of it
        elif not found:
            number = 1
        if line.strip() or match:
            found.setdefault(number, []).append(line.strip())
            last = max(last, number)
    return {number: "\n".join(lines) for number, lines in found.items()}


def _heading(cell: str) -> str:
    return " ".join(re.sub(r"[_\-/()*:]+", " ", folded(cell)).split())


def _cell(cell: str) -> str:
    """A cell as it was before somebody made it safe for spreadsheets."""
    text = cell.strip()
    return text[1:] if text.startswith("'") and text[1:].lstrip(" ").startswith(_FORMULA) else text
