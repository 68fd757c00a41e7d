"""Writing a demo case in few words."""

from testkase.services.workspace.model import CaseContent, CaseKind, CaseType, Priority, Step

Filed = tuple[str, CaseContent]
"""A folder's path and a case in it."""


def case(
    folder: str,
    title: str,
    kind: CaseKind,
    priority: Priority,
    preconditions: str,
    *steps: tuple[str, str],
    type: CaseType = "functional",
    tags: tuple[str, ...] = (),
    automation_id: str = "",
) -> Filed:
    """A case in a folder."""
    content = CaseContent(
        title=title,
        kind=kind,
        priority=priority,
        preconditions=preconditions,
        steps=tuple(Step(action=action, expected=expected) for action, expected in steps),
        type=type,
        tags=tags,
        automation_id=automation_id,
    )
    return folder, content
