"""One try: a wrong context, a way of asking, a table; and whether something of the neighbour's was seen or changed."""

from collections.abc import Sequence
from typing import Any

import psycopg

from campaigns.isolation.catalogue import Table
from campaigns.isolation.contexts import Context
from campaigns.isolation.forms import Form
from campaigns.isolation.planting import CANARY, NEIGHBOUR, OWN, ROWS, row_for

_TRACES = (CANARY, str(NEIGHBOUR))


class Prober:
    """A connection of the application's role, and what PostgreSQL says on it besides answers."""

    def __init__(self, app_url: str) -> None:
        self._connection = psycopg.connect(app_url, autocommit=True, prepare_threshold=None)
        self._connection.add_notice_handler(lambda notice: self._notices.append(notice.message_primary or ""))
        self._notices: list[str] = []

    def close(self) -> None:
        self._connection.close()

    def attempt(self, context: Context, form: Form, table: Table, other: Table) -> tuple[bool, str]:
        """Whether it was refused, and what was seen or changed that should not have been, "" if nothing."""
        self._notices.clear()
        names = {"t": table.name, "u": other.name, "own": OWN, "neighbour": NEIGHBOUR, "stats": _stats(table)}
        refused, found = False, ""
        try:
            for statement in (*context.statements, *(text.format(**names) for text in form.first)):
                self._connection.execute(statement.encode())
            found = self._judged(context, form, table, names)
            self._connection.execute(
                b"ROLLBACK" if form.reads or context.name.startswith("the neighbour") else b"COMMIT"
            )
        except psycopg.Error as error:
            refused, found = True, _traces([_beside_ours(str(error))])
        finally:
            self._clean()
        return refused, found or _traces(self._notices)

    def _clean(self) -> None:
        if self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self._connection.execute(b"ROLLBACK")
        self._connection.execute(b"RESET SESSION AUTHORIZATION")
        self._connection.execute(b"RESET ALL")

    def _judged(self, context: Context, form: Form, table: Table, names: dict[str, Any]) -> str:
        most = ROWS if context.own else 0
        if form.answer in ("copy", "copied in"):
            return self._copied(form, table, names, most)
        row = row_for(table, NEIGHBOUR) if "{row}" in form.sql else {}
        columns = ", ".join(f'"{name}"' for name in row)
        statement = form.sql.format(**names, columns=columns, row=", ".join(["%s"] * len(row)))
        cursor = self._connection.execute(statement.encode(), list(row.values()) or None)
        if form.answer == "done":
            return "it was done"
        if form.answer == "changed":
            return f"{cursor.rowcount} rows changed" if cursor.rowcount > 0 else ""
        rows = cursor.fetchall()
        if form.answer == "words":
            return _traces(rows)
        if form.answer == "proof":
            return f"{rows} proves them" if any(row != (0,) for row in rows) else ""
        return _counted(form, rows, most) if form.answer in ("count", "plan") else _rows(rows, most)

    def _copied(self, form: Form, table: Table, names: dict[str, Any], most: int) -> str:
        if form.answer == "copied in":
            row = row_for(table, NEIGHBOUR)
            columns = ", ".join(f'"{name}"' for name in row)
            cursor = self._connection.cursor()
            with cursor.copy(form.sql.format(**names, columns=columns).encode()) as copy:
                copy.write_row(list(row.values()))
            return "it was taken"
        with self._connection.cursor().copy(form.sql.format(**names).encode()) as copy:
            return _rows([bytes(line).decode() for line in copy], most)


def _counted(form: Form, rows: Sequence[Any], most: int) -> str:
    first: Any = rows[0][0] if rows else 0
    seen = int(first[0]["Plan"]["Actual Rows"] if form.answer == "plan" else first)
    return f"{seen} rows counted" if seen > most else ""


def _rows(rows: Sequence[Any], most: int) -> str:
    """Where no row may be seen, any is one too many."""
    return _traces(rows) or (f"{len(rows)} rows seen" if rows and not most else "")


def _beside_ours(message: str) -> str:
    """What an error says, without the context it quotes: that was ours."""
    return "" if "syntax for type bigint" in message else message


def _traces(said: Sequence[Any]) -> str:
    return next((f"shows {text[:80]}" for text in map(str, said) if any(trace in text for trace in _TRACES)), "")


def _stats(table: Table) -> str:
    schema, name = table.name.replace('"', "").split(".")
    return f"schemaname = '{schema}' AND tablename = '{name}'"
