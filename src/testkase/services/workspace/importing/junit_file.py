"""Results of automated tests out of a JUnit XML file, and out of JSON.

The XML comes from anywhere: document types, and with them entities of every sort, are refused before anything of them
is read; depth, number and length of what is kept are bounded.
"""

import math
import re
from typing import Annotated
from xml.parsers import expat

import msgspec

from testkase.foundation.problems import InvalidInput
from testkase.foundation.text import in_one_line
from testkase.services.workspace.importing.model import MOST_ITEMS, Item, ResultItem, Unreadable
from testkase.services.workspace.model import Executed, Outcome

DEEPEST = 64
_LONGEST_COMMENT = 2_000
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")
_TESTS = re.compile(r"tests?|test_\w+|\w+_test")
DEEPEST_PACKAGE = 3
_FAULTS: dict[str, Executed] = {"failure": "failed", "error": "failed", "skipped": "skipped"}
_RANK = {"passed": 0, "skipped": 1, "failed": 2}


class _Refused(Exception):
    """Carries the sentence for people through the parser."""


class _Test:
    """A test case element while it is read."""

    def __init__(self, line: int, classname: str, attributes: dict[str, str]) -> None:
        self.line = line
        self.name = " ".join(attributes.get("name", "").split())
        self.classname = classname
        self.duration_ms = _milliseconds(attributes.get("time", ""))
        self.result: Executed = "passed"
        self.comment: list[str] = []

    def item(self) -> Item:
        if not self.name:
            return Unreadable(line=self.line, title=self.classname[:300], reason="The test has no name.")
        automation_id = f"{self.classname}.{self.name}" if self.classname else self.name
        if len(automation_id) > 500:
            return Unreadable(line=self.line, title=self.name[:300], reason="The test's name is too long.")
        comment = "\n".join(self.comment).replace("\x00", "").strip()[:_LONGEST_COMMENT]
        outcome = Outcome(result=self.result, comment=comment, duration_ms=self.duration_ms)
        return ResultItem(
            line=self.line, automation_id=automation_id, title=self.name[:300], outcome=outcome,
            folder=_folder(self.classname),
        )  # fmt: skip


def _folder(classname: str) -> str:
    """Where a test stands: the packages of a dotted class name, without the class, its module and what merely says that
    there are tests. What lies deeper than people like to open is one folder; other names are no places."""
    parts = classname.split(".") if _DOTTED.fullmatch(classname) else []
    while len(parts) > 1 and (parts[-1][0].isupper() or _TESTS.fullmatch(parts[-1])):
        parts.pop()
    deep = ".".join(parts[DEEPEST_PACKAGE:])
    return " / ".join(parts[:DEEPEST_PACKAGE] + ([deep] if deep else []))


class _Reader:
    """The parser's handlers."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self._depth = 0
        self._test: _Test | None = None
        self._listening = False
        self._text: list[str] = []
        self._room = 0
        self._parser = parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = self._doctype
        parser.UnparsedEntityDeclHandler = parser.ExternalEntityRefHandler = self._doctype

    def read(self, data: bytes) -> list[Item]:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise InvalidInput(f"Line {error.lineno} is not well-formed XML.", field="file") from None
        except (_Refused, ValueError, LookupError) as refused:
            words = str(refused) if isinstance(refused, _Refused) else "The XML's encoding cannot be read."
            raise InvalidInput(words, field="file") from None
        return self.items

    def _doctype(self, *_: object) -> int:
        raise _Refused("XML with a document type or entities is not read. Results need neither.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name not in ("testsuites", "testsuite"):
            raise _Refused('This is no file of JUnit results: they begin with "testsuites" or "testsuite".')
        if self._depth > DEEPEST:
            raise _Refused(f"The XML is more than {DEEPEST} elements deep.")
        if name == "testcase":
            classname = " ".join(attributes.get("classname", "").split())
            self._test = _Test(self._parser.CurrentLineNumber, classname, attributes)
        elif self._test is not None and (name in _FAULTS or name in ("flakyFailure", "flakyError")):
            self._fault(name, attributes)

    def _fault(self, name: str, attributes: dict[str, str]) -> None:
        assert self._test is not None
        result = _FAULTS.get(name, "passed")
        if _RANK[result] > _RANK[self._test.result]:
            self._test.result = result
        if result == "passed":
            self._test.comment.append("Passed on a retry.")
        if attributes.get("message"):
            self._test.comment.append(attributes["message"][:_LONGEST_COMMENT])
        self._listening, self._room = True, _LONGEST_COMMENT

    def _characters(self, text: str) -> None:
        if self._listening and self._room > 0:
            self._text.append(text[: self._room])
            self._room -= len(text)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._listening and self._test is not None:
            self._test.comment.append("".join(self._text).strip())
        self._listening, self._text = False, []
        if name == "testcase" and self._test is not None:
            self.items.append(self._test.item())
            self._test = None
            if len(self.items) > MOST_ITEMS:
                raise _Refused(f"The file has more than {MOST_ITEMS:,} results. Split it up.")


def read_junit(data: bytes) -> list[Item]:
    """Every result of the file. Raises InvalidInput for XML that is broken, hostile or something else."""
    return _Reader().read(data)


class ResultJson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A result in JSON."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    result: Executed
    automation_id: Annotated[str, msgspec.Meta(max_length=500)] = ""
    duration_ms: Annotated[int, msgspec.Meta(ge=0, le=2_592_000_000)] | None = None
    message: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


def read_json(data: bytes) -> list[Item]:
    """Every result of a JSON list; `line` is its place in the list. Raises InvalidInput."""
    try:
        rows = msgspec.json.decode(data, type=list[ResultJson])
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"The results cannot be read: {error}.", field="file") from None
    if len(rows) > MOST_ITEMS:
        raise InvalidInput(f"There are more than {MOST_ITEMS:,} results. Split them up.", field="file")
    return [_item(row, place) for place, row in enumerate(rows, start=1)]


def _item(row: ResultJson, place: int) -> Item:
    title = in_one_line(row.title)
    if not title:
        return Unreadable(line=place, title="", reason="The result has no title.")
    outcome = Outcome(result=row.result, comment=row.message.replace("\x00", ""), duration_ms=row.duration_ms)
    return ResultItem(line=place, automation_id=in_one_line(row.automation_id) or title, title=title, outcome=outcome)


def _milliseconds(text: str) -> int | None:
    try:
        seconds = float(text.replace(",", ""))
    except ValueError:
        return None
    return round(seconds * 1_000) if math.isfinite(seconds) and 0 <= seconds < 2_592_000 else None
