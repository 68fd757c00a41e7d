"""Which further steps a test case may lack, computed from what it says; a small model writes them out."""

from collections.abc import Iterator

from testkase.services.features.generation.ideas.model import Idea
from testkase.services.workspace.model import CaseContent

MOST_STEPS = 3
"""Suggested at once."""

_STARTS = {
    "kept": "Reload the page and check ",
    "again": "Sign out, sign in again and ",
    "elsewhere": "Open the same page in another browser and ",
    "repeat": "Do the last step once more and ",
}


def step_ideas(case: CaseContent) -> tuple[Idea, ...]:
    """At most `MOST_STEPS`, the most telling first; none that the case begins a step with already."""
    said = [step.action.lower() for step in case.steps]
    fresh = (idea for idea in _ideas(case) if not any(one.startswith(idea.key_step.strip().lower()) for one in said))
    return tuple(fresh)[:MOST_STEPS]


def _ideas(case: CaseContent) -> Iterator[Idea]:
    about = case.title
    if case.kind in ("negative", "permission", "security"):
        yield _idea(case, "kept", f"Nothing has changed although somebody tried: {about}.", "Nothing has ")
        yield _idea(case, "elsewhere", f"Another user sees no change: {about}.", "The page ")
    else:
        yield _idea(case, "kept", f"The effect is kept when the page is loaded again: {about}.", "The page shows ")
        yield _idea(case, "again", f"The effect is still there for the same user later: {about}.", "The page shows ")
    yield _idea(case, "repeat", f"The last step is done twice: {about}. It takes effect once.", "The ")
    yield _idea(case, "elsewhere", f"The same is seen in another browser: {about}.", "The page shows ")


def _idea(case: CaseContent, start: str, hint: str, expected: str) -> Idea:
    key_step = _STARTS[start]
    return Idea(kind=case.kind, title=f"{key_step}…", hint=hint, key_step=key_step, expected=expected)
