"""Reading a TOML table strictly: every fault is noted with its key path and what to write; none stops the reading.

TOML's bare decimals are floats to most readers, so here they are refused by name: an amount is a quoted decimal string.
"""

import datetime as dt
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class BareDecimal(str):
    """A decimal written without quotes, kept as its text (tomllib's `parse_float`), so that the error can quote it."""

    __slots__ = ()


class Faults:
    """The faults of one file, each as `file: key path: what is wrong; what to write`."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[str] = []

    def add(self, path: str, sentence: str) -> None:
        self.found.append(f"{self.file}: {path}: {sentence}")


class Table:
    """One table being read. What was read is ticked off; `done` reports the keys nobody asked for."""

    def __init__(self, faults: Faults, path: str, values: dict[str, Any]) -> None:
        self.faults = faults
        self.path = path
        self.values = values
        self._read: list[str] = []

    def at(self, key: str) -> str:
        """The key path of an entry: `models."gpt-5.4".rates`."""
        written = key if _BARE_KEY.fullmatch(key) else f'"{key}"'
        return f"{self.path}.{written}" if self.path else written

    def fault(self, key: str, sentence: str) -> None:
        self.faults.add(self.at(key), sentence)

    def has(self, key: str) -> bool:
        """Whether an optional key is there; it has a meaning here either way."""
        self._read.append(key)
        return key in self.values

    def _take(self, key: str, wanted: str) -> Any:
        self._read.append(key)
        if key not in self.values:
            self.fault(key, f"is missing; write {key} = {wanted}")
            return None
        return self.values[key]

    def text(self, key: str, example: str) -> str:
        """A non-empty quoted text; "" after a fault."""
        value = self._take(key, f'"{example}"')
        if value is None:
            return ""
        if not isinstance(value, str) or isinstance(value, BareDecimal) or not value.strip():
            self.fault(key, f'must be a text in quotes; write {key} = "{example}"')
            return ""
        return value

    def optional_text(self, key: str, example: str) -> str | None:
        return self.text(key, example) if self.has(key) else None

    def amount(self, key: str, example: str, *, decimals: int, unit: str, largest: int, least: int = 0) -> int:
        """A quoted decimal of so many decimals, as an integer of its smallest unit; 0 after a fault.

        `least` and `largest` are in that smallest unit; `least` is 0 or 1."""
        value = self._take(key, f'"{example}"')
        if value is None:
            return 0
        if isinstance(value, BareDecimal | int) and not isinstance(value, bool):
            self.fault(key, f'{value} is a bare number; write it in quotes, as {unit}: {key} = "{value}"')
            return 0
        match = (
            re.fullmatch(r"(0|[1-9][0-9]{0,14})(?:\.([0-9]+))?", value, re.ASCII) if isinstance(value, str) else None
        )
        if match is None:
            self.fault(key, f'{value!r} is not a decimal of {unit}; write {key} = "{example}"')
            return 0
        fraction = (match[2] or "").rstrip("0")
        if len(fraction) > decimals:
            self.fault(key, f"{value!r} has more than {decimals} decimals; {unit} have at most {decimals}")
            return 0
        number = int(match[1] + fraction.ljust(decimals, "0"))
        if number > largest:
            self.fault(key, f"{value!r} is too large; {unit} may be at most {largest // 10**decimals}")
            return 0
        if number < least:
            self.fault(key, f'must be above 0; write {key} = "{example}"')
            return 0
        return number

    def count(self, key: str, example: int, *, least: int, most: int) -> int:
        """A bare whole number within bounds; `least` after a fault."""
        value = self._take(key, str(example))
        if value is None:
            return least
        if not isinstance(value, int) or isinstance(value, bool):
            self.fault(key, f"must be a whole number without quotes; write {key} = {example}")
            return least
        if not least <= value <= most:
            self.fault(key, f"{value} is out of range; write a whole number from {least} to {most}")
            return least
        return value

    def optional_count(self, key: str, example: int, *, least: int, most: int) -> int | None:
        return self.count(key, example, least=least, most=most) if self.has(key) else None

    def flag(self, key: str) -> bool:
        """true or false; absent means false."""
        self._read.append(key)
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            self.fault(key, f"must be true or false without quotes; write {key} = true")
            return False
        return value

    def date(self, key: str, example: str) -> dt.date | None:
        value = self._take(key, example)
        if value is None:
            return None
        if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
            self.fault(key, f"must be a date without quotes or time; write {key} = {example}")
            return None
        return value

    def tables(self, key: str, example: str) -> Iterator["Table"]:
        """The tables of an array of tables."""
        value = self._take(key, example)
        if value is None:
            return
        if not isinstance(value, list) or not value:
            self.fault(key, f"must be a list of tables; write {key} = {example}")
            return
        for index, item in enumerate(value):
            path = f"{self.at(key)}[{index}]"
            if isinstance(item, dict):
                yield Table(self.faults, path, item)
            else:
                self.faults.add(path, f"must be a table; write {example}")

    def named_tables(self, key: str, example: str) -> Iterator[tuple[str, "Table"]]:
        """The sub-tables of a table, with their names."""
        value = self._take(key, example)
        if value is None:
            return
        if not isinstance(value, dict) or not value:
            self.fault(key, f"must hold one table a name; write {example}")
            return
        holder = Table(self.faults, self.at(key), value)
        for name, item in value.items():
            if isinstance(item, dict):
                yield name, Table(self.faults, holder.at(name), item)
            else:
                holder.fault(name, f"must be a table; write {example}")

    def done(self) -> None:
        """Report every key that has no meaning here, with the nearest one that has."""
        for key in self.values:
            if key not in self._read:
                near = get_close_matches(key, self._read, n=1)
                self.fault(key, f"has no meaning here; write {near[0]}" if near else "has no meaning here; remove it")
