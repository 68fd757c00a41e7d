"""Scenarios that came out of an export of ours: the remark above one names its test case and folder, and the first of
its tags are the priority and the type, which Gherkin has no place for. A remark without them is somebody else's, and
names a ticket of theirs."""

import re
from typing import Any, NamedTuple, get_args

from testkase.services.workspace.model import CaseType, Priority

_REMARK = re.compile(r"# ([A-Z][A-Z0-9]{1,9}-[1-9][0-9]{0,9})(?:, (.+))?", re.ASCII)

FIRST_TAGS = (("priority", get_args(Priority)), ("type", get_args(CaseType)))


class Named(NamedTuple):
    """The test case a scenario is, and the path of its folder; "" for the top."""

    key: str
    folder: str


def named_by(remark: str) -> Named | None:
    """What a remark names, as an export writes it."""
    found = _REMARK.fullmatch(remark)
    return Named(found[1], found[2] or "") if found else None


def without_first_tags(tags: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields that the first tags stand for, and the tags after them."""
    fields: dict[str, Any] = {}
    for name, known in FIRST_TAGS:
        if tags and tags[0] in known:
            fields[name], tags = tags[0], tags[1:]
    return fields, tags
