"""What will happen to one stream, and what each beginning of it is worth: worked out here from the rules in words.

A stream is a list of events. What was delivered is a beginning of that list, and its worth follows from it alone:
nothing while there is no text in it; the provider's own figures once it has said them; else a quarter of a token for
every byte of prompt and of text, and what a template adds. Rates are the campaign's own, so large that a single token
shows.
"""

import json
import random
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from testkase.core.ledger.credits import MICRO

CutBy = Literal["nobody", "client", "provider", "gateway"]
Ending = Literal["well", "eof", "broken chunk", "reset", "stall", "garbage", "error"]

COUNTED, RUNNING, SILENT = "counted-1", "running-1", "silent-1"
"""Models: usage at the end, usage in every chunk, no usage at all."""

INPUT_RATE, OUTPUT_RATE = 7_770, 33_330
"""Micro-credits for a token: a charge, which is a multiple of 10,000, shows every one of the answer's."""
INCREMENT = MICRO // 100
MOST_TOKENS = 900

PRICE_BOOK = "".join(
    f"""
[models.{name}]
provider = "scripted"
context_window = 100000
max_output_tokens = 1000
cost = [{{ above_input_tokens = 0, input = "0", output = "0" }}]

[[models.{name}.rates]]
above_input_tokens = 0
input = "{INPUT_RATE}"
cached_input = "{INPUT_RATE}"
cache_write = "{INPUT_RATE}"
output = "{OUTPUT_RATE}"
reasoning = "{OUTPUT_RATE}"
"""
    for name in (COUNTED, RUNNING, SILENT)
)

_WORDS = (
    "Open",
    " the",
    " page",
    ", then",
    " wait",
    " 30",
    " minutes",
    " – prüfe",
    " “Löschen”",
    " 漢字",
    "\n\n",
    " 🙂",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the provider's stream. `shown`: whether the client gets it."""

    payload: bytes
    text: int = 0
    """UTF-8 bytes."""
    usage: tuple[int, int] | None = None
    """Prompt and completion tokens."""
    shown: bool = True


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One stream."""

    call_id: str
    model: str
    cut_by: CutBy
    events: tuple[Event, ...]
    ending: Ending = "well"
    written: int
    """How many events the provider sends before its ending."""
    delay: float = 0.0
    """Seconds between events."""
    leaves_after: int | None = None
    """Bytes the client reads before it is gone."""

    @cached_property
    def body(self) -> dict[str, Any]:
        """The request. The prompt names the call, so that the provider knows which it is."""
        message = {"role": "user", "content": f"call {self.call_id}: a test, please"}
        return {"model": self.model, "messages": [message], "max_tokens": MOST_TOKENS, "stream": True}

    def worth(self, delivered: int) -> int:
        """Micro-credits for the first so many events."""
        events = self.events[:delivered]
        text = sum(event.text for event in events)
        if not text:
            return 0
        said = [event.usage for event in events if event.usage is not None]
        prompt, completion = said[-1] if said else (self._prompt_estimate, min(_quarter(text), MOST_TOKENS))
        return -(-(prompt * INPUT_RATE + completion * OUTPUT_RATE) // INCREMENT) * INCREMENT

    @cached_property
    def _prompt_estimate(self) -> int:
        """What a chat template adds to one message (96 + 12 tokens' worth), and the words with the fields' names."""
        words = "".join(part for message in self.body["messages"] for pair in message.items() for part in pair)
        return (96 + 12) // 4 + _quarter(len(words.encode()))


def plan(call_id: str, cut_by: CutBy, dice: random.Random) -> Plan:
    """A stream at random, cut by whoever is named."""
    model = dice.choice((COUNTED, RUNNING, SILENT))
    events = tuple(_events(model, dice))
    ending: Ending = "well"
    written = len(events)
    if cut_by == "provider":
        ending = dice.choice(("eof", "broken chunk", "reset", "stall", "garbage", "error"))
        written = dice.randrange(len(events))
    delay = dice.choice((0.0, 0.001, 0.01)) if cut_by != "gateway" else dice.choice((0.01, 0.05, 0.1))
    leaves = dice.randrange(1, 600 + 250 * len(events)) if cut_by == "client" else None
    return Plan(
        call_id=call_id, model=model, cut_by=cut_by, events=events, ending=ending, written=written, delay=delay,
        leaves_after=leaves,
    )  # fmt: skip


def _events(model: str, dice: random.Random) -> list[Event]:
    prompt, events = dice.randrange(5, 80), [Event(_chunk({"role": "assistant"}))]
    pieces = dice.randrange(1, 60)
    for number in range(1, pieces + 1):
        if dice.random() < 0.03:
            events.append(Event(dice.choice((b'{"choices": [{"delta', b'{"choices": 5}', b"\xff\xfe not JSON"))))
        word = dice.choice(_WORDS)
        usage = (prompt, number) if model == RUNNING else None
        events.append(Event(_chunk({"content": word}, usage=usage), len(word.encode()), usage))
    events.append(Event(_chunk({}, reason="stop")))
    if model != SILENT:
        usage = (prompt, pieces)
        events.append(Event(_chunk(None, usage=usage), usage=usage, shown=False))
    return events


def _chunk(delta: dict[str, str] | None, *, reason: str | None = None, usage: tuple[int, int] | None = None) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
    told = None if usage is None else {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": choices, "usage": told}).encode()


def _quarter(size: int) -> int:
    return -(-size // 4)
