"""Test cases as a Gherkin feature file: one scenario a case."""

import re
from collections.abc import Iterator

from testkase.services.workspace.exporting.reading import Exported

_OWN = re.compile(r"\s*([@|#*]|[A-Z][\w ]*:|\"\"\"|```|(Given|When|Then|And|But)\b)")
_FIRST_WORD = re.compile(r"^(Given|When|Then|And|But)\s+")


def feature_head(name: str) -> str:
    """The first lines of the file."""
    return f"Feature: {_line(name)}\n"


def scenario(one: Exported) -> str:
    """A case. What has no place in Gherkin, such as its priority, stands in tags and remarks."""
    content = one.case.content
    lines = ["", f"  # {one.case.key}{', ' + _line(one.folder) if one.folder else ''}"]
    tags = [content.priority, content.type, *content.tags]
    lines += ["  " + " ".join("@" + re.sub(r"[\s@#]+", "-", tag) for tag in dict.fromkeys(tags))]
    lines += [f"  Scenario: {_line(content.title)}"]
    lines += [f"    {_safe(line)}" for line in content.description.split("\n") if line.strip()]
    lines += _steps("Given", content.preconditions.split("\n"))
    for step in content.steps:
        lines += _steps("When", step.action.split("\n"))
        lines += _steps("Then", step.expected.split("\n"))
    return "\n".join(lines) + "\n"


def _steps(word: str, texts: list[str]) -> Iterator[str]:
    """Further lines go on with And: Gherkin has no step of several lines."""
    for number, text in enumerate(filter(None, map(_line, texts))):
        yield f"    {'And' if number else word} {_FIRST_WORD.sub('', text)}"


def _safe(line: str) -> str:
    """A line of a description that could be taken for one of Gherkin's own is a remark."""
    return f"# {_line(line)}" if _OWN.match(line) else _line(line)


def _line(text: str) -> str:
    return " ".join(text.split())
