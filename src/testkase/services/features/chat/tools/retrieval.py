"""What a question asks for, by rules: for a model that cannot choose tools itself.

Only the question is read here, never what was found: no test case can make the program look elsewhere.
"""

import re
from collections.abc import Iterator
from typing import Any

MOST = 2
"""Look-ups for one question."""

_KEY = re.compile(r"\b[A-Za-z][A-Za-z0-9]{1,9}-[0-9]{1,9}\b")
_CYCLE = re.compile(r"\bcycle\s*(?:no\.?|number|#)?\s*([0-9]{1,9})\b", re.IGNORECASE)
_FLAKY = re.compile(r"\b(flaky|flakiness|unstable|intermittent\w*|sometimes fail\w*|back and forth)\b", re.IGNORECASE)
_FAILED = re.compile(r"\b(fail\w*|broke\w*|red|went wrong|defects?|bugs?)\b", re.IGNORECASE)
_GAPS = re.compile(
    r"\b(cover\w*|gaps?|missing|untested|not tested|never (?:executed|run|tested)|what should (?:we|i) test)\b",
    re.IGNORECASE,
)
_PROGRESS = re.compile(r"\b(cycles?|progress|how far|status of|sprint|release)\b", re.IGNORECASE)
_COUNT = re.compile(r"\b(how many|how much|number of|count|total|overview|summary|summari[sz]e)\b", re.IGNORECASE)
_GAP_WORDS = re.compile(
    r"\b(well|cover\w*|gaps?|missing|untested|tested|never|executed|kinds?|which|folders?|requirements?)\b",
    re.IGNORECASE,
)

Wish = tuple[str, dict[str, Any]]
"""A tool's name and its arguments."""


def wishes(question: str) -> list[Wish]:
    """At most MOST look-ups, the most telling first; a search where nothing else fits."""
    found = list(_wishes(question))
    return (found or [("search_cases", {"text": question[:300]})])[:MOST]


def _wishes(question: str) -> Iterator[Wish]:
    for key in list(dict.fromkeys(_KEY.findall(question)))[:MOST]:
        yield "get_case", {"key": key.upper()}
    numbered = _CYCLE.search(question)
    if _FLAKY.search(question):
        yield "flaky_cases", {}
    elif _FAILED.search(question):
        yield "recent_failures", {"cycle": int(numbered[1])} if numbered else {}
    if _GAPS.search(question):
        yield "coverage_gaps", {"text": _GAP_WORDS.sub(" ", question)[:300]}
    if numbered:
        yield "cycle_progress", {"cycle": int(numbered[1])}
    elif _PROGRESS.search(question) and not _FAILED.search(question):
        yield "list_cycles", {}
    if _COUNT.search(question):
        yield "counts", {}
