"""Chat's nouns: threads, their turns, and what an answer was found in."""

from datetime import datetime
from typing import Literal

import msgspec

from testkase.services.features.chat.tools.model import Source

USE_CASE: Literal["chat"] = "chat"
"""As usage is recorded under."""

TurnState = Literal["queued", "running", "answered", "failed"]
Ending = Literal["", "stopped", "switched_off", "facts_only"]
"""What ended an answer early, where that was no fault; or that it is what the look-ups found, and no model's."""

MAX_QUESTION = 2_000
"""Characters of a question."""
MAX_TITLE = 120
MAX_THREADS = 200
"""Threads of one person in one project."""
MAX_TURNS = 100
"""Turns of one thread: a longer one is another subject by then, and each question would carry all of it."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks what, where. `model` was chosen by the organization's quality level."""

    org_id: int
    project_id: int
    project_key: str
    user_id: int
    user_ref: str
    text: str
    model: str


class ThreadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list of threads. `running`: an answer is being written in it."""

    thread_id: int
    title: str
    asked_at: datetime
    turn_count: int
    running: bool

    @property
    def place(self) -> str:
        """Where the list goes on behind this line, for an address."""
        return f"{self.asked_at.isoformat()}~{self.thread_id}"


class ThreadOf(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's conversation, without anything that was said in it."""

    thread_id: int
    user_ref: str
    project_key: str
    asked_at: datetime
    turn_count: int


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation of one person."""

    thread_id: int
    title: str
    created_at: datetime
    asked_at: datetime


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A question and its answer as the page shows them. `charged` in micro-credits, None until it is settled.

    `receipt` is the sequence number of its usage, None where nothing was recorded (the model was never called).
    """

    thread_id: int
    turn_id: int
    question: str
    model: str
    state: TurnState
    doing: str
    answer: str
    facts: str
    sources: tuple[Source, ...]
    stop_asked: bool
    charged: int | None
    receipt: int | None
    ending: Ending
    error: str | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def finished(self) -> bool:
        return self.state in ("answered", "failed")
