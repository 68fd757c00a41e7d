"""Whether an answer is one that may be given."""

import json
from collections.abc import Iterator
from typing import Any

from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import ValidationError

from campaigns.fuzz.operations import Document
from campaigns.fuzz.request import Request
from campaigns.fuzz.wire import Answer
from testkase.entrypoints.api.catalogue import PROBLEMS

_INSIDE = (b"Traceback (most recent", b"psycopg", b"DETAIL:", b"site-packages", b"SELECT ", b"msgspec.", b"django.db")
"""What nobody outside should read."""
_WITHOUT_FIELD = (
    "The query string cannot be read", "Expected `object`", "Number out of range",
    "Object contains unknown field ``",
)  # fmt: skip
"""What is wrong is the whole of it, or has no name: no field can be named."""
_MEMBERS = ("type", "title", "status", "detail", "code", "next")
_OPENAI_CODES = PROBLEMS.keys() | {"model_not_found"}


def judged(request: Request, answer: Answer, document: Document) -> Iterator[str]:
    """Everything wrong with an answer."""
    if answer.status <= 0:
        # Half a request may be left unanswered: the connection ends. A whole one may not.
        if not request.malformed or answer.status < 0:
            yield "nothing in time" if answer.status else "the connection ended without an answer"
        return
    if answer.status >= 500 and not (answer.status == 501 and request.malformed):
        yield f"{answer.status}"
        return
    if found := next((word for word in _INSIDE if word in answer.body and word not in (request.body or b"")), None):
        yield f"{answer.status} shows {found!r}"
    if request.malformed and answer.status in (400, 408, 411, 413, 417, 431) and not answer.body:
        return  # the server's own answer to what is no HTTP
    yield from _BY_DOOR[request.door](request, answer, document)


def _of_api(request: Request, answer: Answer, document: Document) -> Iterator[str]:
    if request.method == "HEAD" or _is_of_the_server(answer):
        return
    operation = request.operation
    promised = document.promised(operation, answer.status) if operation else None
    if answer.status >= 400:
        yield from _problem(answer)
        if operation is not None and promised is None and answer.status not in (404, 405):
            yield f"{answer.status} {_told(answer)} is not in the document"
    elif operation is None:
        return
    elif promised is None:
        yield f"{answer.status} is not in the document"
    elif "content" in promised:
        value = json.loads(answer.body) if answer.content_type.endswith("json") else answer.body.decode()
        if wrong := document.wrong(promised, answer.content_type, value):
            yield f"{answer.status}: {wrong}"


def _problem(answer: Answer) -> Iterator[str]:
    """RFC 9457, with a code of the catalogue, its status, what to do, and the field where there is one."""
    if answer.content_type != "application/problem+json":
        yield f"{answer.status} is {answer.content_type or 'nothing'}: {answer.body[:100]!r}"
        return
    problem: dict[str, Any] = json.loads(answer.body)
    lacking = [name for name in _MEMBERS if not problem.get(name)]
    if lacking:
        yield f"{answer.status} {problem.get('code')} lacks {lacking}"
        return
    row = PROBLEMS.get(problem["code"])
    if row is None or row.status != answer.status or problem["status"] != answer.status:
        yield f"{answer.status} with the code {problem['code']}"
    nameless = problem["code"] == "invalid_input" and not problem.get("field")
    if nameless and not problem["detail"].startswith(_WITHOUT_FIELD):
        yield f"{answer.status} names no field: {problem['detail'][:120]}"
    if len(answer.body) > 4_000:
        yield f"{answer.status} {problem['code']} has {len(answer.body):,} bytes"


def _of_gateway(request: Request, answer: Answer, _document: Document) -> Iterator[str]:
    if request.method == "HEAD" or _is_of_the_server(answer):
        return
    if answer.status >= 400:
        if answer.content_type != "application/json":
            yield f"{answer.status} is {answer.content_type or 'nothing'}: {answer.body[:100]!r}"
            return
        error = json.loads(answer.body).get("error", {})
        if (
            not error.get("message")
            or not error.get("type")
            or "param" not in error
            or error.get("code") not in _OPENAI_CODES
        ):
            yield f"{answer.status} is not OpenAI's shape: {answer.body[:200]!r}"
    elif request.path.endswith("/chat/completions") and request.method == "POST":
        yield from _completion(answer)


def _completion(answer: Answer) -> Iterator[str]:
    try:
        if answer.content_type != "text/event-stream":
            ChatCompletion.model_validate_json(answer.body, strict=True)
            return
        events = [line[6:] for line in answer.body.decode().splitlines() if line.startswith("data: ")]
        if events[-1:] != ["[DONE]"]:
            yield f"the stream ends with {answer.body[-200:]!r}"
        for event in events[:-1]:
            ChatCompletionChunk.model_validate_json(event, strict=True)
    except (ValidationError, UnicodeDecodeError) as error:
        yield f"{answer.status} is no completion: {str(error)[:300]}"


def _of_webhooks(request: Request, answer: Answer, _document: Document) -> Iterator[str]:
    if answer.status >= 400 and request.method != "HEAD" and not _is_of_the_server(answer):
        yield from _problem(answer)


def _of_pages(request: Request, answer: Answer, _document: Document) -> Iterator[str]:
    leads_to = answer.headers.get("location", "")
    if leads_to and (not leads_to.startswith("/") or leads_to.startswith(("//", "/\\"))):
        yield f"{answer.status} leads to {leads_to[:100]}"
    told = answer.body.strip() or request.method == "HEAD" or _is_of_the_server(answer)
    if answer.status in (400, 403, 404, 409, 413, 422) and not told:
        yield f"{answer.status} says nothing"
    if answer.content_type == "text/html" and "content-security-policy" not in answer.headers:
        yield f"{answer.status} has no content security policy"


def _is_of_the_server(answer: Answer) -> bool:
    """What is no HTTP at all never reaches the application."""
    return answer.status in (400, 417, 431) and not answer.body


def _told(answer: Answer) -> Any:
    return json.loads(answer.body).get("code") if answer.content_type.endswith("json") else answer.content_type


_BY_DOOR = {"api": _of_api, "openai": _of_gateway, "webhooks": _of_webhooks, "pages": _of_pages}
