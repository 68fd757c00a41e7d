"""The ZIP, written row by row: whatever the organization holds, a few pages of rows and one part are in memory."""

import csv
import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from testkase.core.ledger.queries import Balance, balance
from testkase.core.ledger.statement import statements
from testkase.foundation.database import run_async
from testkase.foundation.spreadsheet import safe
from testkase.services.privacy.export.asking import PART_BYTES
from testkase.services.privacy.export.sources import Source, sources

Fields = dict[str, Any]

_ERASED = """
SELECT e.person_ref, 'Erased person ' || e.number FROM erased_person AS e
WHERE e.org_id = %(org_id)s AND NOT EXISTS (
    SELECT FROM membership AS m JOIN app_user AS u ON u.id = m.user_id
    WHERE m.org_id = e.org_id AND u.ref = e.person_ref)
"""
_NAME = "SELECT name FROM organization WHERE id = %(org_id)s"
_REFERENCES = {"user_ref": "", "actor_ref": "actor_name", "buyer_ref": "buyer_name", "set_by_ref": "set_by_name"}
"""Fields that hold a person's reference, each with the one that holds their name."""
_SUMS = (
    "Each billing month's sums: closing = opening + allowance + granted + bought + adjusted - used - expired - reversed"
    " + overage + debt"
)
_AT_ONCE = 500
_README = """\
Content of {organization}, exported on {day}.

Each kind of row comes twice: as JSON Lines (one object a line) and as CSV for spreadsheets. In the CSV, cells that a
spreadsheet would take for a formula begin with an apostrophe, and lists and objects stand as JSON.
Amounts of credits are micro-credits (1 credit = 1,000,000), those of money minor units (cents, paise). Instants are
RFC 3339 or microseconds since 1970, in UTC.
Ids of people are explained in members.jsonl. A person who was erased is named by a number.

{files}
"""


class Sink(io.RawIOBase):
    """Takes what the ZIP writes, in order, until it is fetched. It cannot seek, so sizes follow each file."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.waiting = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self.waiting += len(piece)
        return len(piece)

    def fetched(self) -> bytes:
        """Everything that waits."""
        pieces, self._pieces, self.waiting = self._pieces, [], 0
        return b"".join(pieces)


async def packed(connection: AsyncConnection[Any], org_id: int, *, organization: str, day: str) -> AsyncIterator[bytes]:
    """The ZIP in parts of at most PART_BYTES, from one snapshot: `connection` has an open transaction in the
    organization's context that sees one consistent state."""
    sink, told = Sink(), []
    erased = await _erased(connection, org_id)
    with zipfile.ZipFile(cast(Any, sink), "w", zipfile.ZIP_DEFLATED) as archive:
        for source in sources():
            count = 0
            for write in (_json_line, _CsvLines()):
                count = 0
                with archive.open(f"{source.name}.{_suffix(write)}", "w", force_zip64=True) as file:
                    async for rows in _pages(connection, org_id, source, erased):
                        file.write(b"".join(write(row) for row in rows))
                        count += len(rows)
                        for part in _full(sink):
                            yield part
            told.append(f"{source.name}: {source.about} ({count:,} rows)")
        periods = await _periods(connection, org_id)
        for write in (_json_line, _CsvLines()):
            archive.writestr(f"statements.{_suffix(write)}", b"".join(map(write, periods)))
        told.append(f"statements: {_SUMS} ({len(periods):,} rows)")
        archive.writestr("README.txt", _README.format(organization=organization, day=day, files="\n".join(told)))
    for part in _full(sink, rest=True):
        yield part


def _full(sink: Sink, *, rest: bool = False) -> Iterator[bytes]:
    if sink.waiting >= PART_BYTES or (rest and sink.waiting):
        waiting = sink.fetched()
        yield from (waiting[start : start + PART_BYTES] for start in range(0, len(waiting), PART_BYTES))


def _suffix(write: Any) -> str:
    return "jsonl" if write is _json_line else "csv"


def _json_line(row: Fields) -> bytes:
    return msgspec.json.encode(row) + b"\n"


class _CsvLines:
    """Rows as CSV, with the names of their fields before the first."""

    def __init__(self) -> None:
        self._begun = False

    def __call__(self, row: Fields) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        if not self._begun:
            writer.writerow(row)
            self._begun = True
        writer.writerow(map(_cell, row.values()))
        return text.getvalue().encode()


def _cell(value: Any) -> str:
    """Figures we wrote ourselves stay figures; texts are shown and never run."""
    if value is None:
        return ""
    if isinstance(value, str):
        return safe(value)
    return str(value) if isinstance(value, int) else safe(msgspec.json.encode(value).decode())


async def _pages(
    connection: AsyncConnection[Any], org_id: int, source: Source, erased: dict[str, str]
) -> AsyncIterator[list[Fields]]:
    """Through a cursor of the server: memory does not grow with the table."""
    async with connection.cursor(name="export", row_factory=tuple_row) as cursor:
        await cursor.execute(source.sql, {"org_id": org_id})
        while rows := await cursor.fetchmany(_AT_ONCE):
            yield [_fields(text, source, erased) for (text,) in rows]


def _fields(text: str, source: Source, erased: dict[str, str]) -> Fields:
    row: Fields = msgspec.json.decode(text)
    for column in source.without:
        row.pop(column, None)
    for reference, name in _REFERENCES.items():
        if (shown := erased.get(row.get(reference) or "")) is not None:
            row[reference] = shown
            if name in row:
                row[name] = shown
    return row


async def _erased(connection: AsyncConnection[Any], org_id: int) -> dict[str, str]:
    async with connection.cursor(row_factory=tuple_row) as cursor:
        return dict(await (await cursor.execute(_ERASED, {"org_id": org_id})).fetchall())


async def _periods(connection: AsyncConnection[Any], org_id: int) -> list[Fields]:
    """Every billing month, newest first: a dozen a year."""
    account: Balance = await run_async(connection, balance(org_id))
    found, before = [], None
    while page := await run_async(connection, statements(account, before=before)):
        found += page
        before = page[-1].name
    return [msgspec.structs.asdict(period) for period in found]


async def organization_name(connection: AsyncConnection[Any], org_id: int) -> str:
    """What the organization is called."""
    async with connection.cursor(row_factory=tuple_row) as cursor:
        row = await (await cursor.execute(_NAME, {"org_id": org_id})).fetchone()
        return str(row[0]) if row else str(org_id)
