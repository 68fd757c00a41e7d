"""What the pages ask of chat. Every operation needs the organization's tenant context and names it as well.

Threads are their person's alone: owners and admins do not read them either. Whether the person may chat in the project
is asked by the caller, with the roles it has just loaded (P15).
"""

from datetime import datetime

import msgspec

from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.foundation.text import in_one_line
from testkase.services.audit import Activity, Actor, record
from testkase.services.features.chat.model import MAX_TITLE, USE_CASE, Thread, ThreadOf, ThreadRow, Turn
from testkase.services.features.chat.prompting import HISTORY_TURNS, Said
from testkase.services.features.chat.tools.model import Source

SQL = named_statements("testkase.services.features.chat.sql", "statements.sql")

_DIGITS = 19
"""More do not fit into the database's 64 bits."""

SOURCES = msgspec.json.Decoder(tuple[Source, ...])


PAGE = 30
"""Threads of a page of the list."""


class Mine(msgspec.Struct, frozen=True, kw_only=True):
    """A person in a project: whose threads are meant."""

    org_id: int
    project_id: int
    user_id: int


class After(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of a page of threads: the next page begins behind it."""

    asked_at: datetime
    thread_id: int

    @classmethod
    def read(cls, text: str) -> "After | None":
        """Out of an address, where anything can stand: None for what is none."""
        moment, _, number = text.partition("~")
        try:
            at = datetime.fromisoformat(moment)
        except ValueError:
            return None
        if at.tzinfo is None or not (number.isascii() and number.isdigit() and len(number) < _DIGITS):
            return None
        return cls(asked_at=at, thread_id=int(number))


def threads(mine: Mine, *, limit: int, after: After | None = None) -> Operation[list[ThreadRow]]:
    """A person's threads in a project, the one last asked in first."""
    params = {
        **msgspec.structs.asdict(mine),
        "limit": limit,
        "before_at": after.asked_at if after else None,
        "before_id": after.thread_id if after else None,
    }
    rows = yield Statement(SQL["list_threads"], params)
    return [ThreadRow(**row) for row in rows]


def thread_line(mine: Mine, thread_id: int) -> Operation[ThreadRow]:
    """One of their threads as the list shows it. Raises NotFound."""
    return ThreadRow(**(yield from _theirs("thread_line", mine, thread_id)))


def find_thread(mine: Mine, thread_id: int) -> Operation[Thread]:
    """One of their threads. Raises NotFound."""
    return Thread(**(yield from _theirs("find_thread", mine, thread_id)))


def rename_thread(mine: Mine, thread_id: int, title: str) -> Operation[None]:
    """Another title. Raises NotFound, InvalidInput."""
    title = in_one_line(title)
    if not 1 <= len(title) <= MAX_TITLE:
        raise InvalidInput(f"A chat needs a title of 1 to {MAX_TITLE} characters.", field="title")
    yield from _theirs("rename_thread", mine, thread_id, title=title)


def delete_thread(mine: Mine, thread_id: int, *, project_key: str, actor: Actor) -> Operation[None]:
    """Everything said in it goes; what it cost stays in the usage. Its title was the question's: only its number is
    recorded. Raises NotFound."""
    yield from _theirs("delete_thread", mine, thread_id)
    deleted = Activity(
        action="chat.deleted", actor=actor, target=f"chat {thread_id}", project=project_key, use_case=USE_CASE
    )
    yield from record(mine.org_id, deleted)


def newest_threads(org_id: int, *, limit: int) -> Operation[list[ThreadOf]]:
    """The organization's chats, the one last asked in first: whose, where and when, and nothing that was said. For the
    Owner, who may have one erased and may read none."""
    rows = yield Statement(SQL["newest_threads"], {"org_id": org_id, "limit": limit})
    return [ThreadOf(**row) for row in rows]


def turns(mine: Mine, thread_id: int, *, limit: int, before: int | None = None) -> Operation[list[Turn]]:
    """The newest turns of a thread, or those before one, in the order in which they were said. Raises NotFound."""
    yield from find_thread(mine, thread_id)
    params = {"org_id": mine.org_id, "thread_id": thread_id, "before": before, "limit": limit}
    rows = yield Statement(SQL["list_turns"], params)
    return [_turn(row) for row in reversed(rows)]


def find_turn(mine: Mine, thread_id: int, turn_id: int) -> Operation[Turn]:
    """One turn. Raises NotFound."""
    yield from find_thread(mine, thread_id)
    rows = yield Statement(SQL["find_turn"], {"org_id": mine.org_id, "thread_id": thread_id, "turn_id": turn_id})
    if not rows:
        raise NotFound("There is no such answer.")
    return _turn(rows[0])


def ask_to_stop(mine: Mine, thread_id: int, turn_id: int) -> Operation[None]:
    """End an answer that is being written; what was delivered is charged. One that has ended stays as it is.

    Raises NotFound.
    """
    yield from find_turn(mine, thread_id, turn_id)
    yield Statement(SQL["ask_to_stop"], {"org_id": mine.org_id, "thread_id": thread_id, "turn_id": turn_id})


def said_before(org_id: int, thread_id: int, turn_id: int | None = None) -> Operation[tuple[Said, ...]]:
    """What was said in a thread (before a turn), as far as it is sent to the model again, in that order."""
    values = {"org_id": org_id, "thread_id": thread_id, "turn_id": turn_id, "limit": HISTORY_TURNS}
    rows = yield Statement(SQL["earlier_turns"], values)
    return tuple(
        Said(question=row["question"], answer=f"{row['answer']}\n{row['facts']}".strip()) for row in reversed(rows)
    )


def _theirs(name: str, mine: Mine, thread_id: int, **values: str) -> Operation[Row]:
    rows = yield Statement(SQL[name], {**msgspec.structs.asdict(mine), "thread_id": thread_id, **values})
    if not rows:
        raise NotFound("There is no such chat.")
    return rows[0]


def _turn(row: Row) -> Turn:
    return Turn(**{**row, "sources": SOURCES.decode(row["sources"])})
