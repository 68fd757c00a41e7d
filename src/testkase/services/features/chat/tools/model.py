"""What a look-up answers: facts, and the things they were found in."""

from typing import Any, Literal

import msgspec

SourceKind = Literal["case", "cycle"]

KINDS = ("positive", "negative", "boundary", "permission")
"""Kinds of test cases that every requirement asks for."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A test case (`ref` is its key) or a cycle (`ref` is its number) that an answer rests on."""

    kind: SourceKind
    ref: str
    title: str

    def path(self, project_key: str) -> str:
        """Its page. Keys and numbers need no quoting."""
        folder = "cases" if self.kind == "case" else "cycles"
        return f"/projects/{project_key}/{folder}/{self.ref}"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where is looked, for whom: never an argument of a tool."""

    org_id: int
    project_id: int
    user_id: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool found. `facts` are its figures; `rows` are things of a kind, the most telling first."""

    tool: str
    facts: dict[str, Any]
    rows: tuple[dict[str, Any], ...] = ()
    sources: tuple[Source, ...] = ()


def plain(text: str, most: int) -> str:
    """People's words on one line, without signs that mean something to a page or to a prompt."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    line = line.translate(_SIGNS)
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


_SIGNS = {ord(sign): other for sign, other in {"<": "‹", ">": "›", "`": "'", "*": "", "[": "(", "]": ")"}.items()}
