"""POST /chat/completions: read what is asked and by whom; the rest is the conversation's."""

import re
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

import msgspec
from litestar.response.base import ASGIResponse

from testkase.core.access import Scope
from testkase.core.ledger.model import Subject
from testkase.entrypoints.api.body import AnyRequest, decode, header, read_json
from testkase.entrypoints.api.context import Context
from testkase.entrypoints.api.fields import LONGEST_ID, checked_id
from testkase.entrypoints.api.keys import Caller
from testkase.entrypoints.api.openai.conversation import Conversation, Question
from testkase.foundation.problems import InvalidInput
from testkase.services.inference import check_size
from testkase.services.metering import metered_id

BODY_LIMIT = 8 * 1024 * 1024
"""Bytes of one conversation; more than any model's context window holds."""

_body = msgspec.json.Decoder(dict[str, Any])
_SLUG = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_LINE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_EXTENDED = "UTF-8''"


async def chat_completion(context: Context, request: AnyRequest) -> ASGIResponse:
    """The conversation, ready to be held. Raises what is wrong with the request before anything is spent."""
    caller = await context.keys.caller(header(request, b"authorization"))
    caller.require(Scope.MODELS_CALL)
    raw = await read_json(request, BODY_LIMIT)
    check_size(raw)
    body = decode(_body, raw)
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise InvalidInput("model must name a model.", field="model")
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise InvalidInput("stream must be true or false.", field="stream")
    if not isinstance(body.get("stream_options"), dict | None):
        raise InvalidInput("stream_options must be an object.", field="stream_options")
    key = header(request, b"idempotency-key")
    question = Question(
        org_id=caller.org_id,
        subject=_subject(caller, request, body),
        model=model,
        body=body,
        stream=bool(stream),
        hold_id=_hold_id(key) if key is not None else None,
        digest=blake2b(raw, digest_size=16).digest(),
    )
    return Conversation(context, question)


def _hold_id(key: str) -> str:
    """The hold named after an Idempotency-Key, which is one character shorter than other ids."""
    hold_id = metered_id(checked_id(key.strip().strip('"'), "Idempotency-Key"))
    if len(hold_id) > LONGEST_ID:
        raise InvalidInput(f"Here an id has at most {LONGEST_ID - 1} characters.", field="Idempotency-Key")
    return hold_id


def _subject(caller: Caller, request: AnyRequest, body: dict[str, Any]) -> Subject:
    """What the call is for: the headers, else OpenAI's own `user` field, else the key's name."""
    use_case = header(request, b"x-use-case") or "api"
    if not _SLUG.fullmatch(use_case):
        raise InvalidInput("X-Use-Case is a slug: a-z, 0-9, _ and -, beginning with a letter.", field="X-Use-Case")
    user = _named(request, "X-User") or _line(body.get("user"), "user") or caller.key_name
    return Subject(use_case=use_case, user=user, project=_named(request, "X-Project"))


def _named(request: AnyRequest, name: str) -> str | None:
    """The name in a header. Characters beyond ASCII, which many clients cannot send, may be written as in RFC 8187:
    `UTF-8''Zo%C3%AB`."""
    text = header(request, name.lower().encode())
    if text is not None and text.upper().startswith(_EXTENDED):
        try:
            text = unquote(text[len(_EXTENDED) :], errors="strict")
        except UnicodeDecodeError:
            raise InvalidInput(f"What follows UTF-8'' in {name} is not percent-encoded UTF-8.", field=name) from None
    return _line(text, name)


def _line(value: Any, field: str) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _LINE.fullmatch(value):
        raise InvalidInput(f"{field} is one line of text of at most 200 characters.", field=field)
    return value
