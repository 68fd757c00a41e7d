r"""Rows as PostgreSQL takes an array of composite values: in its binary form, which it reads at a third of what text
costs it, or as text, which any driver can bind.

A record is the number of its columns, and of each column the type, the length and the value. Types go by number. Those
of PostgreSQL's own are the same everywhere; that of the composite itself is another in every database, so that whoever
sends the binary form has to ask for it first. What a record is made of is named here after what it holds; numbers that
stand side by side are packed at once:

    "named", record((first_numbers(1)(2, N, org_id), text(name)))
"""

import re
import struct
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Final

Record = tuple[str, bytes]
"""The name of a composite type, and a row of it."""

_INT8, _INT4, _BOOL, _BYTEA, _TEXT, _DATE, _INT8_ARRAY = 20, 23, 16, 17, 25, 1082, 1016
_DAY_ZERO: Final = date(2000, 1, 1).toordinal()
_length = struct.Struct(">i").pack
_head = struct.Struct(">ii").pack
_array_head = struct.Struct(">5i").pack
_three = struct.Struct(">3i")
_number = struct.Struct(">iiq").pack
_QUOTED = re.compile(r"\\(.)", re.DOTALL)
_NO_NUMBER, _NO_TEXT = _head(_INT8, -1), _head(_TEXT, -1)
_NO_LINES = _head(_INT8_ARRAY, 12) + _three.pack(0, 0, _INT8)

record = b"".join
"""A row, of its columns."""
N: Final = _INT8 << 32 | 8
"""Stands before each number: its type and its length."""
FLAG: Final = {True: _head(_BOOL, 1) + b"\x01", False: _head(_BOOL, 1) + b"\x00"}


class Rows:
    """Rows of one type, at least one."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.type = records[0][0]
        self.records = [told for _, told in records]

    def binary(self, type_number: int) -> bytes:
        """`type_number`: of the composite type in the database at the other end (pg_type.oid)."""
        head = _array_head(1, 0, type_number, len(self.records), 1)
        lengths = map(_length, map(len, self.records))
        return head + b"".join(chain.from_iterable(zip(lengths, self.records, strict=True)))

    def __str__(self) -> str:
        r"""A row is written `"(1,\"a text\",…)"`: quoted for the array, and what needs quotes within it once more."""
        return "{" + ",".join(map(_as_text, self.records)) + "}"


class Row(Rows):
    """One row, not in an array."""

    def __init__(self, told: Record) -> None:
        super().__init__([told])

    def binary(self, type_number: int) -> bytes:
        return self.records[0]

    def __str__(self) -> str:
        return _QUOTED.sub(r"\1", _as_text(self.records[0])[1:-1])


def array(records: Sequence[Record]) -> Rows | None:
    """The array of some rows; None where there are none."""
    return Rows(records) if records else None


def numbers(count: int) -> Callable[..., bytes]:
    """What packs so many numbers, each behind an N."""
    return struct.Struct(">" + "qq" * count).pack


def first_numbers(count: int) -> Callable[..., bytes]:
    """What packs the numbers with which a row begins, behind how many columns it has."""
    return struct.Struct(">i" + "qq" * count).pack


def number(value: int | None) -> bytes:
    return _NO_NUMBER if value is None else _number(_INT8, 8, value)


def small(value: int) -> bytes:
    """An integer of four bytes."""
    return _three.pack(_INT4, 4, value)


def text(value: str | None) -> bytes:
    if value is None:
        return _NO_TEXT
    told = value.encode()
    return _head(_TEXT, len(told)) + told


word = lru_cache(maxsize=4_096)(text)
"""A text that comes again and again."""


def blob(value: bytes) -> bytes:
    return _head(_BYTEA, len(value)) + value


@lru_cache(maxsize=64)
def iso_date(value: str) -> bytes:
    """A date in its ISO form."""
    return _three.pack(_DATE, 4, date.fromisoformat(value).toordinal() - _DAY_ZERO)


def lines(rows: Sequence[Sequence[int]]) -> bytes:
    """Rows of numbers, all of one length, as an array of arrays."""
    if not rows:
        return _NO_LINES
    pack, head = _lines_packer(len(rows), len(rows[0]))
    told = [8] * (2 * len(rows) * len(rows[0]))
    told[1::2] = chain.from_iterable(rows)
    return pack(*head, *told)


@lru_cache(maxsize=256)
def _lines_packer(count: int, width: int) -> tuple[Callable[..., bytes], Sequence[int]]:
    cells = count * width
    head = (_INT8_ARRAY, 28 + 12 * cells, 2, 0, _INT8, count, 1, width, 1)
    return struct.Struct(">9i" + "iq" * cells).pack, head


def _as_text(told: bytes) -> str:
    values, place = [], 4
    while place < len(told):
        kind, size = struct.unpack_from(">ii", told, place)
        place += 8
        values.append(_READ[kind](told[place : place + size]) if size >= 0 else "")
        place += max(size, 0)
    return '"(' + ",".join(values) + ')"'


def _integer(value: bytes) -> str:
    return str(int.from_bytes(value, signed=True))


def _quoted(value: bytes) -> str:
    return '\\"' + value.decode().replace("\\", "\\\\\\\\").replace('"', '\\\\\\"') + '\\"'


def _quoted_lines(value: bytes) -> str:
    if len(value) == _three.size:
        return '\\"{}\\"'
    width = struct.unpack_from(">i", value, 20)[0]
    cells = [_integer(cell) for _, cell in struct.iter_unpack(">i8s", value[28:])]
    found = ["{" + ",".join(cells[first : first + width]) + "}" for first in range(0, len(cells), width)]
    return '\\"{' + ",".join(found) + '}\\"'


_READ: dict[int, Callable[[bytes], str]] = {
    _INT8: _integer, _INT4: _integer, _TEXT: _quoted, _INT8_ARRAY: _quoted_lines,
    _BOOL: lambda value: "t" if value == b"\x01" else "f", _BYTEA: lambda value: "\\\\\\\\x" + value.hex(),
    _DATE: lambda value: date.fromordinal(_DAY_ZERO + int.from_bytes(value, signed=True)).isoformat(),
}  # fmt: skip
