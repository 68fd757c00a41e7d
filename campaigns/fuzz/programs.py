"""What programs ask: every operation of the document, the gateway, and the payment provider's reports."""

import random
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from campaigns.fuzz import bending
from campaigns.fuzz.bending import Bend
from campaigns.fuzz.json_text import written
from campaigns.fuzz.operations import Document, Operation
from campaigns.fuzz.request import Request
from campaigns.fuzz.schemas import Sampler
from campaigns.fuzz.stock import Stock
from tests.support.programs import MODEL
from tests.support.tenants.row import KeyRow

_JSON = b"application/json"
_WITH_BODY: tuple[Bend, ...] = (
    *(bending.bent_value,) * 10, bending.bent_bytes, bending.bent_bytes, bending.bent_type, bending.bent_length,
)  # fmt: skip
_AROUND: tuple[Bend, ...] = (
    bending.bent_header, bending.bent_header, bending.bent_key, bending.bent_method, bending.bent_path,
    bending.bent_path, bending.bent_query, bending.bent_query,
)  # fmt: skip
_NAMES = re.compile(r"\{(\w+)\}")


class Programs:
    """Requests of programs, each drawn with its own dice."""

    def __init__(self, document: Document, rows: dict[str, KeyRow]) -> None:
        self._document = document
        self._rows = rows
        weighted = [[each] * (4 if each.body else 1) for each in document.operations]
        self._operations = [each for group in weighted for each in group]

    def api(self, stock: Stock, dice: random.Random) -> Request:
        """One operation of the document, most often bent in one or two places."""
        operation = dice.choice(self._operations)
        request = self.asked(operation, stock, dice)
        return bent(request, dice, _WITH_BODY if operation.body else ())

    def asked(self, operation: Operation, stock: Stock, dice: random.Random) -> Request:
        """As the document wants it."""
        path = _NAMES.sub(lambda found: quote(str(self._id(found[1], stock, dice)), safe=""), operation.path)
        request = Request(door="api", method=operation.method, path=path, operation=operation)
        _signed_in(request, stock, dice)
        sampler = Sampler(self._document, dice)
        if dice.random() < 0.6:
            pairs = [
                (each["name"], self._query_value(each, sampler, stock, dice)) for each in operation.parameters("query")
            ]
            request.query = urlencode([pair for pair in pairs if dice.random() < 0.4])
        if operation.body is not None:
            request.value = self._body(operation, sampler, stock, dice)
            request.body = written(request.value)
            request.set("Content-Type", _JSON)
        if operation.takes_a_key and dice.random() < 0.4:
            request.set("Idempotency-Key", f"key-{dice.getrandbits(48):x}".encode())
        return request

    def _id(self, name: str, stock: Stock, dice: random.Random) -> Any:
        return stock.one(name, dice) if name in stock.ids else "none"

    def _query_value(self, parameter: dict[str, Any], sampler: Sampler, stock: Stock, dice: random.Random) -> Any:
        if parameter["name"] == "cursor" and stock.cursors:
            return dice.choice(stock.cursors)
        return sampler.value(parameter["schema"])

    def _body(self, operation: Operation, sampler: Sampler, stock: Stock, dice: random.Random) -> Any:
        row = self._rows[f"{operation.method} {operation.path}"]
        body = stock.filled(row.body) if row.body is not None and dice.random() < 0.6 else {}
        if not body:
            assert operation.body is not None
            body = sampler.value(operation.body)
        for name in ("id", "hold_id"):
            if name in body:
                body[name] = f"fuzz-{dice.getrandbits(48):x}"
        return body


def gateway(stock: Stock, dice: random.Random) -> Request:
    """A completion, or a list of models."""
    request = Request(door="openai", method="POST", path="/openai/v1/chat/completions")
    _signed_in(request, stock, dice)
    if dice.random() < 0.1:
        request.method, request.path = "GET", dice.choice(("/openai/v1/models", f"/openai/v1/models/{MODEL}"))
        return bent(request, dice, ())
    request.value = _conversation(dice)
    request.body = written(request.value)
    request.set("Content-Type", _JSON)
    if dice.random() < 0.5:
        request.set("Idempotency-Key", f"call-{dice.getrandbits(48):x}".encode())
    return bent(request, dice, _WITH_BODY)


_CONTENTS: tuple[Any, ...] = (
    "A test?", "", [{"type": "text", "text": "A test?"}], None,
    [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}], [{"type": "input_audio"}],
    "漢字 " * 200,
)  # fmt: skip
_PARAMETERS: dict[str, Callable[[random.Random], Any]] = {
    "temperature": lambda dice: dice.choice((0, 0.7, 2, 2.1, -1)),
    "top_p": lambda dice: dice.choice((0, 1, 1.5)),
    "n": lambda dice: dice.choice((1, 1, 2, 0, 128)),
    "stop": lambda dice: dice.choice(("END", ["a", "b"], [], None, ["x"] * 9)),
    "max_tokens": lambda dice: dice.choice((1, 16, 0, -1, 10**9)),
    "max_completion_tokens": lambda dice: dice.choice((1, 16, 10**12)),
    "tools": lambda _: [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
    "tool_choice": lambda dice: dice.choice(
        ("auto", "none", "required", {"type": "function", "function": {"name": "x"}})
    ),
    "response_format": lambda dice: dice.choice(({"type": "json_object"}, {"type": "text"}, {"type": "json_schema"})),
    "stream": lambda dice: dice.random() < 0.7,
    "stream_options": lambda dice: dice.choice(({"include_usage": True}, {}, {"include_usage": False})),
    "user": lambda dice: dice.choice(("ada@example.com", "")),
    "seed": lambda dice: dice.choice((1, -(2**63))),
    "logit_bias": lambda _: {"50256": -100},
    "logprobs": lambda _: True,
    "store": lambda _: True,
    "metadata": lambda _: {"a": "b"},
    "reasoning_effort": lambda _: "low",
    "service_tier": lambda _: "priority",
    "modalities": lambda _: ["audio"],
}


def _conversation(dice: random.Random) -> dict[str, Any]:
    roles = ("user", "user", "system", "assistant", "tool", "developer", "function")
    messages = [{"role": dice.choice(roles), "content": dice.choice(_CONTENTS)} for _ in range(dice.randint(1, 3))]
    messages.append({"role": "user", "content": "A test?"})
    chosen = [name for name in _PARAMETERS if dice.random() < 0.12]
    return {"model": MODEL, "messages": messages, "max_tokens": 16} | {name: _PARAMETERS[name](dice) for name in chosen}


def bent(request: Request, dice: random.Random, with_body: tuple[Bend, ...]) -> Request:
    """As it is now and then, bent once as a rule, seldom more often; very seldom huge."""
    if with_body and dice.random() < 0.01:
        request.bent.append(bending.bent_depth(request, dice))
        return request
    for _ in range(dice.choices((0, 1, 2, 3), (20, 55, 20, 5))[0]):
        bend = dice.choice(with_body) if with_body and dice.random() < 0.65 else dice.choice(_AROUND)
        request.bent.append(bend(request, dice))
        if request.malformed or request.header("Transfer-Encoding") is not None:
            break
    return request


_WRONG_KEYS = (
    b"",
    b"Bearer",
    b"Bearer ",
    b"Basic dGs6",
    b"Bearer tk_live_" + b"a" * 40,
    b"Bearer \xff",
    b"Bearer tk_live_" + b"x" * 7_000,
)


def _signed_in(request: Request, stock: Stock, dice: random.Random) -> None:
    chance = dice.random()
    request.who = "the key" if chance < 0.9 else "a key that may only read" if chance < 0.95 else "no key"
    value = b"Bearer " + (stock.key if chance < 0.9 else stock.weak_key).encode()
    request.set("Authorization", value if chance < 0.95 else dice.choice(_WRONG_KEYS))
