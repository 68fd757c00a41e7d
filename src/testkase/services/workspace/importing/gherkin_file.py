"""Test cases out of a Gherkin feature file: a scenario is a case, and so is each row of a scenario outline's examples.

Given and When begin a step, Then says what should be seen of it; And and But go on with what they follow. The feature,
and a rule in it, become the folder; what the background says, the preconditions. A scenario that came out of an export
of ours names its test case, and is read as it was written: Given for preconditions, And for a further line.

A small file can ask for endless test cases: examples repeat a scenario, and a scenario repeats the background. So what
is made of a file is bounded, and it is refused before more is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from testkase.foundation.problems import InvalidInput
from testkase.services.workspace.importing.model import MAX_BYTES, MOST_ITEMS, CaseItem, Item, Unreadable
from testkase.services.workspace.importing.named_scenario import FIRST_TAGS, Named, named_by, without_first_tags
from testkase.services.workspace.importing.text import decoded
from testkase.services.workspace.model import Step

_HEAD = re.compile(
    r"(Feature|Rule|Background|Scenario Outline|Scenario Template|Scenario|Example|Examples|Scenarios):\s*(.*)"
)
_STEP = re.compile(r"(Given|When|Then|And|But|\*)(?:\s+(.*)|$)")
_LANGUAGE = re.compile(r"#\s*language:\s*(\S+)")
_GOES_ON = ("And", "But", "*")
_QUOTES = ('"""', "```")
_OUTLINES = ("Scenario Outline", "Scenario Template")
_CELL = re.compile(r"(?<!\\)\|")
_PLACEHOLDER = re.compile(r"<([^<>]+)>")
_MOST_MADE = 4 * MAX_BYTES
"""Characters of all cases of a file together, each example's written out."""
_LONGEST = 20_000
"""Characters of a step, and of a quoted text or table in it: more than any case takes."""
_MOST_PARTS = 200
"""Tags before a line, and steps of a background."""


@dataclass(slots=True)
class _Scenario:
    line: int
    title: str
    tags: tuple[str, ...]
    folder: str
    outline: bool
    background: list[str]
    named: Named | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)
    """Preconditions of its own, where it is named."""
    description: list[str] = field(default_factory=list)
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of "do" or "see", and the text."""
    examples: list[tuple[int, tuple[str, ...], list[str]]] = field(default_factory=list)
    """Rows of tables: line, tags of the table, cells; a table begins with its heading at line 0."""


def read_gherkin(data: bytes) -> list[Item]:
    """Every case of the file. Raises InvalidInput naming the line that cannot be read."""
    reader = _Reader()
    for number, raw in enumerate(decoded(data).split("\n"), start=1):
        reader.line(number, raw)
    reader.end()
    if not reader.seen_feature:
        raise InvalidInput('The file has no line that begins with "Feature:".', field="file")
    made = _Made()
    items: list[Item] = []
    for scenario in reader.scenarios:
        for item in _items(scenario, made):
            items.append(item)
            _must_fit(len(items))
    return items


def _must_fit(cases: int) -> None:
    if cases > MOST_ITEMS:
        raise InvalidInput(f"The file has more than {MOST_ITEMS:,} scenarios. Split it up.", field="file")


class _Made:
    """Writes texts out, and counts what was written for the whole file."""

    def __init__(self) -> None:
        self._left = _MOST_MADE

    def filled(self, text: str, values: dict[str, str]) -> str:
        """In one pass: a value that looks like a placeholder stays as it is."""
        pieces, at = [], 0
        for found in _PLACEHOLDER.finditer(text):
            pieces.append(self._counted(text[at : found.start()]))
            pieces.append(self._counted(values.get(found[1], found[0])))
            at = found.end()
        return "".join([*pieces, self._counted(text[at:])])

    def _counted(self, text: str) -> str:
        self._left -= len(text)
        if self._left < 0:
            raise InvalidInput("With all its examples, the file has too much text. Split it up.", field="file")
        return text


class _Reader:
    """Takes line after line."""

    def __init__(self) -> None:
        self.scenarios: list[_Scenario] = []
        self.seen_feature = False
        self._feature = self._rule = self._part = self._quote = ""
        self._tags: list[str] = []
        self._feature_tags: tuple[str, ...] = ()
        self._rule_tags: tuple[str, ...] = ()
        self._backgrounds: dict[str, list[str]] = {"": []}
        self._table_tags: tuple[str, ...] = ()
        self._new_table = False
        self._rows = 0
        self._named: Named | None = None

    def line(self, number: int, raw: str) -> None:
        text = raw.strip()
        if self._quote:
            self._quoted(number, text, raw)
        elif text.startswith(_QUOTES) and self._part in ("steps", "background"):
            self._quote = text[:3]
        elif text.startswith("#"):
            self._language(text)
            self._named = named_by(text) or self._named
        elif text.startswith("@"):
            self._tags += [tag.lstrip("@") for tag in text.split(" #")[0].split() if tag != "@"]
            self._bounded(number, len(self._tags), _MOST_PARTS)
        elif head := _HEAD.fullmatch(text):
            self._headed(number, head[1], head[2].strip())
        elif text.startswith("|"):
            self._row(number, text)
        elif self._part in ("steps", "background") and (step := _STEP.fullmatch(text)):
            self._step(number, step[1], (step[2] or "").strip())
        elif text:
            self._described(number, text)

    def end(self) -> None:
        if self._quote:
            raise InvalidInput("The file ends inside a quoted text.", field="file")

    def _bounded(self, number: int, size: int, most: int) -> None:
        if size > most:
            raise InvalidInput(f"Line {number} goes on for longer than any test case.", field="file")

    def _language(self, text: str) -> None:
        found = _LANGUAGE.fullmatch(text)
        if found and not self.seen_feature and not found[1].lower().startswith("en"):
            raise InvalidInput("Only feature files with English keywords can be read.", field="file")

    def _headed(self, number: int, word: str, name: str) -> None:
        tags, self._tags = tuple(self._tags), []
        named, self._named = self._named, None
        if word == "Feature":
            self.seen_feature, self._feature, self._feature_tags, self._part = True, name, tags, "feature"
        elif not self.seen_feature:
            raise InvalidInput(f'Line {number}: "{word}:" stands before "Feature:".', field="file")
        elif word == "Rule":
            self._rule, self._rule_tags, self._part = name, tags, "rule"
            self._backgrounds = {"": self._backgrounds[""]}
        elif word == "Background":
            self._part = "background"
            self._backgrounds.setdefault(self._rule, [])
        elif word in ("Examples", "Scenarios"):
            if not self.scenarios or not self.scenarios[-1].outline:
                raise InvalidInput(f"Line {number}: examples belong to a scenario outline.", field="file")
            self._part, self._table_tags, self._new_table = "examples", tags, True
        else:
            self._scenario(number, name, tags, outline=word in _OUTLINES, named=named)

    def _scenario(self, number: int, name: str, tags: tuple[str, ...], *, outline: bool, named: Named | None) -> None:
        self._part = "steps"
        fields, rest = without_first_tags(tags)
        named = None if outline or len(fields) < len(FIRST_TAGS) else named
        fields, tags = (fields, rest) if named else ({}, tags)
        background = [*self._backgrounds[""], *(self._backgrounds.get(self._rule, []) if self._rule else [])]
        folder = " / ".join(part.replace("/", "-")[:120] for part in (self._feature, self._rule) if part)
        self.scenarios.append(
            _Scenario(
                line=number, title=name, tags=(*self._feature_tags, *self._rule_tags, *tags), folder=folder,
                outline=outline, background=background, named=named, fields=fields,
            )
        )  # fmt: skip
        _must_fit(len(self.scenarios))

    def _step(self, number: int, word: str, text: str) -> None:
        self._named = None
        if self._part == "background":
            self._backgrounds[self._rule].append(text)
            self._bounded(number, len(self._backgrounds[self._rule]), _MOST_PARTS)
            return
        scenario, steps = self.scenarios[-1], self.scenarios[-1].steps
        if scenario.named and not steps and (word == "Given" or (scenario.given and word in _GOES_ON)):
            scenario.given.append(text)
            self._bounded(number, len(scenario.given), _MOST_PARTS)
            return
        if scenario.named and steps and word in _GOES_ON:
            self._append(number, text)
            return
        before = steps[-1][0] if steps else "do"
        does = {"Given": "do", "When": "do", "Then": "see"}.get(word, before)
        steps.append((does, text))

    def _row(self, number: int, text: str) -> None:
        if self._part == "examples":
            self.scenarios[-1].examples.append((0 if self._new_table else number, self._table_tags, _cells(text)))
            self._new_table = False
            self._rows += 1
            _must_fit(self._rows // 2)  # a table's heading is a row as well
        elif self._part in ("steps", "background"):
            self._append(number, text)

    def _quoted(self, number: int, text: str, raw: str) -> None:
        if text == self._quote:
            self._quote = ""
        else:
            self._append(number, raw.rstrip())

    def _append(self, number: int, text: str) -> None:
        """Tables and quoted texts belong to the step above them."""
        if self._part == "background":
            lines = self._backgrounds[self._rule]
            lines[-1:] = [f"{lines[-1]}\n{text}"] if lines else [text]
            self._bounded(number, len(lines[-1]), _LONGEST)
        elif self.scenarios and self.scenarios[-1].steps:
            does, before = self.scenarios[-1].steps[-1]
            self._bounded(number, len(before), _LONGEST)
            self.scenarios[-1].steps[-1] = (does, f"{before}\n{text}")

    def _described(self, number: int, text: str) -> None:
        self._named = None
        if self._part == "steps" and self.scenarios[-1].steps:
            raise InvalidInput(f"Line {number} is no step: {text[:60]}", field="file")
        if self._part == "steps":
            self.scenarios[-1].description.append(text)
        elif not self.seen_feature:
            raise InvalidInput(f'Line {number} stands before "Feature:": {text[:60]}', field="file")


def _cells(text: str) -> list[str]:
    cells = _CELL.split(text.strip().removeprefix("|").removesuffix("|"))
    return [cell.strip().replace("\\|", "|").replace("\\n", "\n").replace("\\\\", "\\") for cell in cells]


def _items(scenario: _Scenario, made: _Made) -> Iterator[Item]:
    if not scenario.outline:
        yield _item(scenario, scenario.line, scenario.title, scenario.tags, values={}, made=made)
        return
    heading: list[str] = []
    for line, tags, cells in scenario.examples:
        if line == 0:
            heading = cells
            continue
        if len(cells) != len(heading):
            reason = f"The row has {len(cells)} cells; the table's heading has {len(heading)}."
            yield Unreadable(line=line, title=scenario.title, reason=reason)
            continue
        values = dict(zip(heading, cells, strict=True))
        title = made.filled(scenario.title, values)
        if title == scenario.title:
            title = f"{title} ({', '.join(cells)})"
        yield _item(scenario, line, title, (*scenario.tags, *tags), values=values, made=made)
    if all(line == 0 for line, _, _ in scenario.examples):
        yield Unreadable(line=scenario.line, title=scenario.title, reason="The outline has no examples.")


def _item(
    scenario: _Scenario, line: int, title: str, tags: tuple[str, ...], *, values: dict[str, str], made: _Made
) -> Item:
    title = " ".join(title.split())
    steps = _steps([(does, made.filled(text, values)) for does, text in scenario.steps])
    if not title or not steps:
        lacks = "a name" if not title else "steps"
        return Unreadable(line=line, title=title, reason=f"The scenario has not got {lacks}.")
    fields: dict[str, Any] = {
        "title": title,
        "steps": steps,
        "tags": tags,
        "preconditions": "\n".join(made.filled(text, values) for text in (*scenario.background, *scenario.given)),
        "description": "\n".join(made.filled(text, {}) for text in scenario.description),
    }
    if scenario.named is None:
        return CaseItem(line=line, title=title, fields=fields, folder=scenario.folder)
    return CaseItem(
        line=line, title=title, fields={**fields, **scenario.fields}, key=scenario.named.key,
        folder=scenario.named.folder, reads_back=True,
    )  # fmt: skip


def _steps(pairs: list[tuple[str, str]]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for does, text in pairs:
        if does == "see" and steps:
            expected = f"{steps[-1].expected}\n{text}" if steps[-1].expected else text
            steps[-1] = Step(action=steps[-1].action, expected=expected)
        else:
            steps.append(Step(action=text))
    return tuple(step for step in steps if step.action)
