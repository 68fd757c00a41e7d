"""Test cases as rows of a table: one row a step, and what belongs to the case in the first of them."""

from collections.abc import Iterator

from testkase.services.workspace.exporting.reading import Exported

HEADINGS = (
    "Key", "Title", "Folder", "Status", "Priority", "Kind", "Type", "Tags", "Automation id", "Preconditions",
    "Description", "Step", "Expected",
)  # fmt: skip
_WITHOUT_CASE = ("",) * 11


def case_rows(one: Exported) -> Iterator[tuple[str, ...]]:
    """The rows of a case. Whoever writes them makes the cells safe for spreadsheets."""
    content = one.case.content
    about = (
        one.case.key, content.title, one.folder, content.status, content.priority, content.kind, content.type,
        ", ".join(content.tags), content.automation_id, content.preconditions, content.description,
    )  # fmt: skip
    for number, step in enumerate(content.steps):
        yield (*(_WITHOUT_CASE if number else about), step.action, step.expected)
