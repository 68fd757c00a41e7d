"""A cycle's progress as a bar of parts and as numbers."""

from dataclasses import dataclass

from testkase.services.workspace.model import Progress

PARTS = ("passed", "failed", "blocked", "skipped", "not_executed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the bar: how many, and where it lies in a bar of 1000."""

    result: str
    count: int
    left: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """All parts, empty ones included: the numbers beside the bar are made of them too."""

    progress: Progress
    parts: tuple[Part, ...]


def bar_of(progress: Progress) -> Bar:
    """The bar is full when there is anything in it: each part ends where the next begins."""
    parts, seen = [], 0
    for result in PARTS:
        count = getattr(progress, result)
        left = seen * 1000 // max(progress.total, 1)
        seen += count
        width = seen * 1000 // max(progress.total, 1) - left
        parts.append(Part(result=result, count=count, left=left, width=width))
    return Bar(progress=progress, parts=tuple(parts))
