"""What was found, in words: every figure of a demonstration model's answer is written here, by code."""

from collections.abc import Iterable
from typing import Any

from testkase.services.features.chat.tools.model import KINDS, Found


def in_words(found: Found) -> str:
    """Markdown of the small kind pages show."""
    return _WORDS[found.tool](found)


def _counts(found: Found) -> str:
    facts = found.facts
    status = f"{facts['ready']} ready, {facts['draft']} draft, {facts['deprecated']} deprecated"
    urgent = f"{facts['critical']} critical and {facts['high']} of high priority"
    kinds = ", ".join(f"{facts[kind]} {kind}" for kind in KINDS)
    around = f"{_of(facts['folders'], 'folder')} and {_of(facts['cycles'], 'test cycle')}"
    return _list([
        f"**{_of(facts['cases'], 'test case')}**: {status}; {urgent}.",
        f"By kind: {kinds}; {facts['generated']} came from generated drafts.",
        f"{around}, {facts['running_cycles']} running.",
    ])  # fmt: skip


def _search(found: Found) -> str:
    total, shown = found.facts["total"], len(found.rows)
    if not shown:
        return "No test case was found for these words."
    head = f"**{_of(total, 'test case')} found**" + (f", the best {shown} of them:" if total > shown else ":")
    return f"{head}\n\n" + _list(
        f"{row['key']} {row['title']} ({row['kind']}, {row['priority']}, {row['status']})" for row in found.rows
    )


def _case(found: Found) -> str:
    facts = found.facts
    if not facts["found"]:
        return "There is no test case of that key in this project."
    lines = [f"**{facts['key']} {facts['title']}**: {facts['kind']}, {facts['priority']}, {facts['status']}."]
    if facts["preconditions"]:
        lines.append(f"Before: {facts['preconditions']}")
    steps = [f"{step['action']}" + (f" → {step['expected']}" if step["expected"] else "") for step in found.rows]
    results = [f"{one['name']}: {_plain(one['result'])}" for one in facts["results"]]
    parts = ["\n\n".join(lines), "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))]
    return "\n\n".join([*parts, *([_list(results)] if results else [])])


def _cycles(found: Found) -> str:
    if not found.rows:
        return "There are no test cycles yet."
    return "**The newest test cycles:**\n\n" + _list(_progress(row) for row in found.rows)


def _cycle(found: Found) -> str:
    return f"{_progress(found.facts)}." if found.facts["found"] else "There is no such test cycle in this project."


def _flaky(found: Found) -> str:
    days = found.facts["days"]
    if not found.rows:
        return f"No test case went back and forth between passed and failed in the last {days} days."
    return f"**Back and forth between passed and failed in the last {days} days:**\n\n" + _list(
        f"{row['key']} {row['title']}: {_of(row['changes'], 'change')} in {_of(row['runs'], 'run')},"
        f" {row['failed']} failed"
        for row in found.rows
    )


def _failures(found: Found) -> str:
    total, shown = found.facts["total"], len(found.rows)
    if not shown:
        return "No test case stands as failed."
    head = f"**{_of(total, 'failed result')}**" + (f", the latest {shown}:" if total > shown else ":")
    return f"{head}\n\n" + _list(_failure(row) for row in found.rows)


def _failure(row: dict[str, Any]) -> str:
    said = " · ".join(part for part in (row["comment"], row["defect"]) if part)
    return f"{row['key']} {row['title']}, in {row['cycle_name']} on {row['on']}" + (f": {said}" if said else "")


def _coverage(found: Found) -> str:
    facts = found.facts
    about = "This is covered by" if facts["text"] else "The project has"
    kinds = ", ".join(f"{facts[kind]} {kind}" for kind in KINDS)
    head = f"**{about} {_of(facts['cases'], 'test case')}**: {kinds}; {facts['never_executed']} never executed."
    lines = [head]
    if facts["missing"]:
        lines.append(f"Missing altogether: {', '.join(facts['missing'])}.")
    gaps = [row for row in found.rows if row["missing"] or row["never_executed"]]
    return "\n\n".join([*lines, *([_list(_gap(row) for row in gaps)] if gaps else [])])


def _gap(row: dict[str, Any]) -> str:
    parts = [f"no {', no '.join(row['missing'])} case"] if row["missing"] else []
    parts += [f"{row['never_executed']} never executed"] if row["never_executed"] else []
    return f"{row['folder']} ({_of(row['cases'], 'case')}): {'; '.join(parts)}"


def _progress(row: dict[str, Any]) -> str:
    return (
        f"{row['name']} ({row['state']}): {row['percent']} % executed of {_of(row['cases'], 'case')}: {row['passed']}"
        f" passed, {row['failed']} failed, {row['blocked']} blocked, {row['skipped']} skipped"
    )


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _of(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _plain(result: str) -> str:
    return result.replace("_", " ")


_WORDS = {
    "counts": _counts,
    "search_cases": _search,
    "get_case": _case,
    "list_cycles": _cycles,
    "cycle_progress": _cycle,
    "flaky_cases": _flaky,
    "recent_failures": _failures,
    "coverage_gaps": _coverage,
}
