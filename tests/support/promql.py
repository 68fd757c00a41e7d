"""As much of PromQL as is needed to tell whether an expression is well formed and asks for what there is."""

import re
from collections.abc import Iterator

FUNCTIONS = frozenset({
    "avg", "count", "max", "min", "sum", "topk", "delta", "increase", "rate", "histogram_quantile", "time", "clamp_min",
})  # fmt: skip
_WORDS = frozenset({"by", "without", "on", "ignoring", "and", "or", "unless", "bool", "offset"})
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<range>\[(?:\d+(?:s|m|h|d|w)|\$__rate_interval)\])
    |(?P<number>\d+(?:\.\d+)?)|(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?P<sign>=~|!~|!=|==|<=|>=|[-+*/%^<>=(){},]))""",
    re.VERBOSE,
)
Token = tuple[str, str]
Selector = tuple[str, dict[str, str], bool]
"""Metric, its matchers, and whether a range of time is asked for."""


def tokens(expression: str) -> list[Token]:
    """Raises ValueError at the first thing that is no token, or where brackets do not match."""
    found: list[Token] = []
    place = 0
    text = expression.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"{text[place:]!r} is not PromQL")
        assert match.lastgroup is not None
        found.append((match.lastgroup, match.group(match.lastgroup)))
        place = match.end()
    _check_brackets(found)
    return found


def selectors(expression: str) -> Iterator[Selector]:
    """What is asked of the database. Raises ValueError for functions that do not exist."""
    found = tokens(expression)
    labels = _label_places(found)
    for place, (kind, text) in enumerate(found):
        if kind != "name" or text in _WORDS or place in labels:
            continue
        following = found[place + 1][1] if place + 1 < len(found) else ""
        if following == "(" or (following in ("by", "without") and text in FUNCTIONS):
            if text not in FUNCTIONS:
                raise ValueError(f"there is no function {text}")
            continue
        matchers, end = _matchers(found, place + 1)
        yield text, matchers, end < len(found) and found[end][0] == "range"


def grouped_by(expression: str) -> set[str]:
    """Labels an expression keeps or groups by."""
    found = tokens(expression)
    return {found[place][1] for place in _label_places(found) if found[place][0] == "name"}


def _label_places(found: list[Token]) -> set[int]:
    """Where names are labels: in the brackets behind by and its fellows, and in selectors."""
    places: set[int] = set()
    for place, (_, text) in enumerate(found):
        if text in ("by", "without", "on", "ignoring"):
            closing = next(n for n in range(place, len(found)) if found[n][1] == ")")
            places |= {n for n in range(place + 2, closing) if found[n][0] == "name"}
        if text == "{":
            closing = next(n for n in range(place, len(found)) if found[n][1] == "}")
            places |= {n for n in range(place, closing) if found[n][0] == "name"}
    return places


def _matchers(found: list[Token], place: int) -> tuple[dict[str, str], int]:
    matchers: dict[str, str] = {}
    if place >= len(found) or found[place][1] != "{":
        return matchers, place
    place += 1
    while found[place][1] != "}":
        (kind, label), (_, sign), (value_kind, value) = found[place : place + 3]
        if kind != "name" or sign not in ("=", "!=", "=~", "!~") or value_kind != "string":
            raise ValueError(f"{label}{sign}{value} matches nothing")
        matchers[label] = value
        place += 3
        if found[place][1] == ",":
            place += 1
    return matchers, place + 1


def _check_brackets(found: list[Token]) -> None:
    open_: list[str] = []
    for kind, text in found:
        if kind != "sign":
            continue
        if text in "({":
            open_.append(")" if text == "(" else "}")
        elif text in ")}" and (not open_ or open_.pop() != text):
            raise ValueError(f"a {text} too many")
    if open_:
        raise ValueError(f"{open_[-1]} is missing")
