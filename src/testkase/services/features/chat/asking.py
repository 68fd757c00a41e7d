"""Asking: a question is written down for its job, or refused before any model is called (P18)."""

import msgspec

from testkase.core.ledger.model import Subject
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import Conflict, InvalidInput
from testkase.services.features.admission import admit
from testkase.services.features.chat.model import MAX_QUESTION, MAX_THREADS, MAX_TURNS, USE_CASE, Question
from testkase.services.features.chat.operations import SQL, Mine, find_thread

TITLE = 70
"""Characters of a title made of the first question."""


class AnswerRunning(Conflict):
    """The person has an answer under way, in this page or another."""

    code = "answer_running"
    title = "Another answer is being written"


class TooManyThreads(Conflict):
    """The person has as many threads in the project as one may have (fact: `limit`)."""

    code = "too_many_chats"
    title = "Delete a chat first"


class ThreadFull(Conflict):
    """The thread has as many turns as one may have (fact: `limit`)."""

    code = "chat_full"
    title = "This chat is full"


def ask(question: Question, *, most: int, thread_id: int | None = None) -> Operation[tuple[int, int]]:
    """Write a question down in a thread, or in a new one; answers thread and turn. The caller defers the job in the
    same transaction, and rolls it back where this raises.

    `most`: micro-credits it can cost at most, refused here already when the balance does not cover it. Raises
    InvalidInput, NotFound for the thread, AiDisabled, Indebted, InsufficientCredits, Paused, BudgetExceeded,
    AnswerRunning, TooManyThreads, ThreadFull.
    """
    asked = msgspec.structs.replace(question, text=checked(question.text))
    if thread_id is not None:
        yield from find_thread(_mine(asked), thread_id)
    subject = Subject(use_case=USE_CASE, user=asked.user_ref, project=asked.project_key)
    yield from admit(asked.org_id, subject, most, what="This answer")
    if thread_id is None:
        thread_id = yield from _new_thread(asked)
    else:
        yield from _has_room(asked.org_id, thread_id)
    values = {**_values(asked), "thread_id": thread_id, "question": asked.text, "model": asked.model}
    yield Statement(SQL["give_up_lost"], values)
    rows = yield Statement(SQL["insert_turn"], {**values, "project_ref": asked.project_key})
    if not rows:
        raise AnswerRunning((yield from _under_way(values)))
    yield Statement(SQL["touch_thread"], values)
    return thread_id, int(rows[0]["turn_id"])


def _under_way(values: dict[str, object]) -> Operation[str]:
    """Where the other answer is: whoever asks in a second tab, or in another project, does not see it."""
    rows = yield Statement(SQL["answer_under_way"], values)
    where = "".join(f", in the chat “{row['title']}” of {row['project_ref']}" for row in rows)
    return f"An answer to another question of yours is being written{where}. Wait for it, or stop it."


def checked(text: str) -> str:
    """The question without what no question holds. Raises InvalidInput."""
    text = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not any(character.isalnum() for character in text):
        raise InvalidInput("Write a question first.", field="question")
    if len(text) > MAX_QUESTION:
        raise InvalidInput(
            f"The question has {len(text):,} characters; {MAX_QUESTION:,} are the most.", field="question"
        )
    return text


def title_of(question: str) -> str:
    """The beginning of a question, cut at a word."""
    line = " ".join(question.split())
    if len(line) <= TITLE:
        return line
    return line[:TITLE].rpartition(" ")[0].rstrip(",.;:") + " …" if " " in line[:TITLE] else line[:TITLE] + "…"


def _new_thread(asked: Question) -> Operation[int]:
    values = _values(asked)
    (row,) = yield Statement(SQL["count_threads"], values)
    if row["threads"] >= MAX_THREADS:
        raise TooManyThreads(
            f"You have {MAX_THREADS} chats in this project. Delete one to begin another.", limit=MAX_THREADS
        )
    rows = yield Statement(SQL["insert_thread"], {**values, "title": title_of(asked.text)})
    return int(rows[0]["thread_id"])


def _has_room(org_id: int, thread_id: int) -> Operation[None]:
    (row,) = yield Statement(SQL["count_turns"], {"org_id": org_id, "thread_id": thread_id})
    if row["turns"] >= MAX_TURNS:
        raise ThreadFull(f"This chat has {MAX_TURNS} questions. Begin another one.", limit=MAX_TURNS)


def _mine(asked: Question) -> Mine:
    return Mine(org_id=asked.org_id, project_id=asked.project_id, user_id=asked.user_id)


def _values(asked: Question) -> dict[str, object]:
    return {**msgspec.structs.asdict(_mine(asked)), "user_ref": asked.user_ref}
