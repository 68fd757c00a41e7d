"""Looks for what was planted in all that was written: logs, letters, tables, answers, metrics, processes' names."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import psycopg
from psycopg import sql

from campaigns.canaries.planted import Canary

_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
_AROUND = 60


@dataclass(frozen=True, slots=True)
class Written:
    """Something that was written, and where."""

    place: str
    content: bytes


class Search:
    """Finds any form of any canary in one pass over a text."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._by_form = {form.lower(): canary for canary in canaries for form in canary.forms()}
        self._pattern = re.compile(b"|".join(re.escape(form) for form in self._by_form), re.IGNORECASE)

    def leaks(self, written: Iterable[Written]) -> Iterator[str]:
        """Every canary in a place where it does not belong, once a place."""
        told: set[tuple[str, str]] = set()
        for one in written:
            for found in self._pattern.finditer(one.content):
                canary = self._by_form[found[0].lower()]
                if not _belongs(canary, one.place) and (canary.kind, one.place) not in told:
                    told.add((canary.kind, one.place))
                    before, after = one.content[: found.start()][-_AROUND:], one.content[found.end() :][:_AROUND]
                    yield f"{canary.kind} in {one.place}: {before!r} … {after!r}"

    def seen(self, written: Iterable[Written]) -> set[str]:
        """The kinds that were found at all: what was never written down anywhere may not have been planted."""
        return {
            self._by_form[found[0].lower()].kind for one in written for found in self._pattern.finditer(one.content)
        }


def _belongs(canary: Canary, place: str) -> bool:
    return any(fnmatchcase(place, pattern) for pattern in canary.belongs)


def files(folder: Path) -> Iterator[Written]:
    """Every file of a data folder: letters are letters, everything else is named."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            place = "letter" if path.suffix == ".eml" else f"file {re.sub(r'[0-9]{6,}', 'N', path.name)}"
            yield Written(place, path.read_bytes())


def tables(owner_url: str) -> Iterator[Written]:
    """Every row of every table as text, past row security."""
    with psycopg.connect(owner_url) as connection:
        for schema, table in connection.execute(_TABLES).fetchall():
            rows = sql.SQL("SELECT string_agg(t::text, E'\\n') FROM {} AS t").format(sql.Identifier(schema, table))
            found = connection.execute(rows).fetchone()
            if found is not None and found[0] is not None:
                yield Written(f"table {schema}.{table}", found[0].encode())


def running(pids: Iterable[int]) -> Iterator[Written]:
    """How processes call themselves, which every user of the machine can see."""
    for pid in pids:
        yield Written("a process's name", Path(f"/proc/{pid}/cmdline").read_bytes())


def asked(owner_url: str) -> Iterator[Written]:
    """Statements as the database shows them to its operator."""
    with psycopg.connect(owner_url) as connection:
        for query, name in connection.execute("SELECT query, application_name FROM pg_stat_activity").fetchall():
            yield Written("pg_stat_activity", f"{query} {name}".encode())
