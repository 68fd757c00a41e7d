"""JSON as it should not be: written from a tree that may hold raw text, and bent in it."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_LONG = "x" * 70_000


@dataclass(frozen=True, slots=True)
class Raw:
    """Written as it stands, JSON or not."""

    text: str


@dataclass(frozen=True, slots=True)
class Twice:
    """A value under a key that comes once more with another."""

    first: Any
    second: Any


NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**40, 0.1, -0.0, 1.5, Raw("NaN"), Raw("Infinity"),
    Raw("-Infinity"), Raw("1e400"), Raw("-1e400"), Raw("1E-400"), Raw("00012"), Raw("+1"), Raw("0x10"), Raw("1_000"),
    Raw("." + "5"), Raw("1" * 5_000), Raw("1." + "0" * 5_000),
)  # fmt: skip
TEXTS: tuple[str, ...] = (
    "", " ", "\x00", "a\x00b", "\ud800", "a\udfffb", "\ud83d\ude00", "\n", "a\r\nX-Evil: 1", "\t", "\x7f", "\x1b[31m",
    "\u202eevil", "\u200b", "\ufeff", "\uffff", "é" * 200, "x" * 129, "x" * 201, "x" * 5_000, _LONG, "null", "true",
    "0", "-0", "-1", "00", "1e3", "1E400", "-1e-7", "NaN", "Infinity", "-Infinity", "1,5", " 1", "1 ", "1\n", "+1",
    "0x1", "1_000", "٣", "1.", ".5", "1.0000001", "9999999999.999999", "99999999999", "9" * 400, "-0.000001", "12.34",
    "1.1.1", "../../etc/passwd", "..\\..", "%00", "%s%n%x", "{{7*7}}", "${jndi:ldap://x}", "' OR '1'='1", '";--',
    "<script>1</script>", "=cmd|' /C calc'!A0", "@SUM(1)", "0000-00-00", "2026-02-30", "9999-12-31T23:59:59Z",
    "2026-11-01T00:00:00", "2026-11-01T00:00:00+99:99", "0001-01-01T00:00:00+14:00", "-infinity", "now", "today",
    "2026-13", "2026-1", "٢٠٢٦-٠١", "admin", "owner", "tk_live_x", "//evil.example", "https://evil.example/",
    "javascript:alert(1)", "a@b", "@", "ADA@EXAMPLE.COM",
)  # fmt: skip
OTHERS: tuple[Any, ...] = (
    None, True, False, [], {}, [None], [[]], {"": None}, {"a": {"b": {}}}, ["x"] * 1_500, {"$ref": "#"},
    {"__proto__": {"x": 1}}, Raw("[" * 300 + "]" * 300), Raw("[" * 60_000), Raw('{"a":' * 900 + "1" + "}" * 900),
    Raw(""), Raw("undefined"), Raw("'single'"), Raw("// comment\n1"), Raw('"\\x41"'), Raw('"\\u12"'), Raw('"\t"'),
    Raw("nul"),
)  # fmt: skip


def hostile(dice: random.Random) -> Any:
    """Something that hardly any field expects."""
    return dice.choice(dice.choice((NUMBERS, TEXTS, TEXTS, OTHERS)))


def written(value: Any) -> bytes:
    """As UTF-8; half a surrogate stays the escape that it is."""
    return _text(value).encode()


def _text(value: Any) -> str:
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(_pair(str(name), each) for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_text(each) for each in value) + "]"
    return json.dumps(value)


def _pair(name: str, value: Any) -> str:
    if isinstance(value, Twice):
        return f"{_pair(name, value.first)},{_pair(name, value.second)}"
    return f"{json.dumps(name)}:{_text(value)}"


def bend(value: Any, dice: random.Random) -> tuple[Any, str]:
    """The value with one thing in it changed, and what that was."""
    places = list(_places(value))
    if not places or dice.random() < 0.03:
        return hostile(dice), "the whole body"
    return _bent_at(value, dice.choice(places), dice)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in list(inside)[:20]:
        yield (*path, name)
        yield from _places(each, (*path, name))


def _bent_at(value: Any, path: tuple[Any, ...], dice: random.Random) -> tuple[Any, str]:
    *way, last = path
    copy = _copied(value)
    node = copy
    for name in way:
        node = node[name]
    kind = dice.choice(("value", "value", "value", "type", "without", "more", "twice", "name", "wrapped"))
    old = node[last].first if isinstance(node[last], Twice) else node[last]
    if kind == "without":
        del node[last]
    elif kind in ("more", "name") and isinstance(node, dict):
        if kind == "name":
            del node[last]
        node[dice.choice(TEXTS)] = old if kind == "name" else hostile(dice)
    elif kind == "twice" and isinstance(node, dict):
        node[last] = Twice(old, hostile(dice))
    elif kind == "wrapped":
        node[last] = dice.choice(([old], {"value": old}, [[old]]))
    elif kind == "type":
        node[last] = _another_type(old)
    else:
        node[last] = hostile(dice)
    return copy, f"{kind} of {'.'.join(map(str, path))[:60]}"


def _another_type(old: Any) -> Any:
    """A number where a decimal string is wanted, and the other way round."""
    if isinstance(old, str):
        try:
            return float(old) if "." in old else int(old)
        except ValueError:
            return [old]
    return _text(old) if isinstance(old, int | float | bool | list | dict) else old


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value
