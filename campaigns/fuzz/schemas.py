"""Values that a JSON schema allows, drawn at random; strings of a pattern are made from the pattern itself."""

import random
import re
from re import _constants as sre
from re import _parser as parser
from typing import Any

from campaigns.fuzz.operations import Document

_DEEPEST = 6
_MOST_REPEATED = 8
_PRINTABLE = [chr(code) for code in range(32, 127)] + list("äßéЖ漢🙂")


class Sampler:
    """Draws with the dice of one request."""

    def __init__(self, document: Document, dice: random.Random) -> None:
        self._document = document
        self._dice = dice

    def value(self, schema: dict[str, Any], depth: int = 0) -> Any:
        """One value of the schema."""
        schema, dice = self._document.resolved(schema), self._dice
        for choices in ("anyOf", "oneOf"):
            if choices in schema:
                return self.value(dice.choice(schema[choices]), depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return dice.choice(schema["enum"])
        kind = schema.get("type")
        if kind in ("object", "array"):
            return (self._object if kind == "object" else self._array)(schema, depth)
        simple = {"string": self._string, "integer": self._integer, "number": self._number}
        if kind in simple:
            return simple[kind](schema)
        return dice.random() < 0.5 if kind == "boolean" else None

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        chosen = {
            name: self.value(each, depth + 1)
            for name, each in schema.get("properties", {}).items()
            if name in required or (depth < _DEEPEST and self._dice.random() < 0.4)
        }
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and depth < _DEEPEST:
            chosen |= {f"more{number}": self.value(more, depth + 1) for number in range(self._dice.randrange(3))}
        return chosen

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        count = self._dice.randint(least, min(schema.get("maxItems", least + 3), least + 3))
        return [self.value(schema.get("items", {}), depth + 1) for _ in range(count if depth < _DEEPEST else least)]

    def _string(self, schema: dict[str, Any]) -> str:
        if schema.get("examples") and self._dice.random() < 0.3:
            return str(self._dice.choice(schema["examples"]))
        if "pattern" in schema:
            return text_of(schema["pattern"], self._dice)
        least = schema.get("minLength", 0)
        length = self._dice.randint(least, min(schema.get("maxLength", least + 20), least + 20))
        return "".join(self._dice.choices(_PRINTABLE, k=length))

    def _integer(self, schema: dict[str, Any]) -> int:
        least, most = schema.get("minimum", -1000), schema.get("maximum", 1000)
        return self._dice.choice((least, most, self._dice.randint(least, max(least, most))))

    def _number(self, schema: dict[str, Any]) -> float:
        return self._dice.uniform(schema.get("minimum", -1000.0), schema.get("maximum", 1000.0))


def text_of(pattern: str, dice: random.Random) -> str:
    """A text that the pattern matches."""
    return "".join(_part(op, argument, dice) for op, argument in parser.parse(pattern))


def _part(op: Any, argument: Any, dice: random.Random) -> str:
    if op is sre.LITERAL:
        return chr(argument)
    if op is sre.NOT_LITERAL:
        return next(one for one in dice.sample(_PRINTABLE, 2) if ord(one) != argument)
    if op is sre.IN:
        return _one_of(argument, dice)
    if op is sre.ANY:
        return dice.choice(_PRINTABLE)
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        least, most, inner = argument
        count = dice.randint(least, min(int(most), least + _MOST_REPEATED))
        return "".join(_part(each[0], each[1], dice) for _ in range(count) for each in inner)
    if op is sre.SUBPATTERN:
        return "".join(_part(each[0], each[1], dice) for each in argument[3])
    if op is sre.BRANCH:
        return "".join(_part(each[0], each[1], dice) for each in dice.choice(argument[1]))
    return ""  # an anchor


def _one_of(choices: list[Any], dice: random.Random) -> str:
    if choices[0][0] is sre.NEGATE:
        shut = re.compile("[" + "".join(_as_class(*each) for each in choices[1:]) + "]")
        return next(one for one in dice.sample(_PRINTABLE, len(_PRINTABLE)) if not shut.match(one))
    op, argument = dice.choice(choices)
    if op is sre.RANGE:
        return chr(dice.randint(*argument))
    return chr(argument) if op is sre.LITERAL else dice.choice("0123456789")  # a category: digits serve for all


def _as_class(op: Any, argument: Any) -> str:
    if op is sre.RANGE:
        return f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
    return re.escape(chr(argument)) if op is sre.LITERAL else r"\s"
