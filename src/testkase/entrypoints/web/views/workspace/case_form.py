"""The form of a test case: its fields as they stand on the page, and the content they make."""

import re
from dataclasses import dataclass, replace
from typing import Any, cast

from django.http import QueryDict

from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.views.workspace.filters import CHOICES
from testkase.foundation.problems import InvalidInput
from testkase.services.workspace.content import MOST_STEPS
from testkase.services.workspace.model import CaseContent, Step, TestCase

_LINES = ("title", "status", "priority", "kind", "type", "tags", "automation_id", "description", "preconditions")
_STEP = re.compile(r"(up|down|remove):([0-9]{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseForm:
    """The fields, as texts. `folder` is a number or nothing; `version` the one the editor has before their eyes."""

    title: str = ""
    status: str = "draft"
    priority: str = "medium"
    kind: str = "positive"
    type: str = "functional"
    tags: str = ""
    automation_id: str = ""
    description: str = ""
    preconditions: str = ""
    folder: str = ""
    version: str = ""
    steps: tuple[Step, ...] = (Step(action=""),)

    @classmethod
    def of(cls, case: TestCase) -> "CaseForm":
        return replace(cls.proposed(case.content, folder_id=case.folder_id), version=str(case.version))

    @classmethod
    def proposed(cls, content: CaseContent, *, folder_id: int | None) -> "CaseForm":
        """Of a content that is no test case yet."""
        texts = {name: str(getattr(content, name)) for name in _LINES if name != "tags"}
        return cls(**texts, tags=", ".join(content.tags), steps=content.steps, folder=str(folder_id or ""))

    @classmethod
    def sent(cls, post: QueryDict) -> "CaseForm":
        pairs = zip(post.getlist("action"), post.getlist("expected"), strict=False)
        steps = tuple(Step(action=action, expected=expected) for action, expected in pairs)
        texts = {name: post.get(name, "") for name in (*_LINES, "folder", "version")}
        return cls(**texts, steps=steps or (Step(action=""),))

    def content(self) -> CaseContent:
        """What the case says. Raises InvalidInput naming the field."""
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InvalidInput("Choose one from the list.", field=name)
        chosen: dict[str, Any] = {name: getattr(self, name) for name in CHOICES}
        return CaseContent(
            title=self.title,
            steps=self.steps,
            preconditions=self.preconditions,
            description=self.description,
            tags=tuple(self.tags.split(",")),
            automation_id=self.automation_id,
            **chosen,
        )

    @property
    def seen_version(self) -> int | None:
        return number(self.version)

    def after(self, do: str) -> "CaseForm | None":
        """The form after a button of the steps, for browsers without scripts; None: the button saves."""
        if do == "add":
            return replace(self, steps=(*self.steps, Step(action=""))[:MOST_STEPS])
        asked = _STEP.fullmatch(do)
        if asked is None or int(asked[2]) >= len(self.steps):
            return None
        return replace(self, steps=_arranged(list(self.steps), asked[1], int(asked[2])))


def _arranged(steps: list[Step], do: str, at: int) -> tuple[Step, ...]:
    step = steps.pop(at)
    if do != "remove":
        steps.insert(max(0, at - 1) if do == "up" else at + 1, step)
    return tuple(steps) or cast(tuple[Step, ...], (Step(action=""),))
