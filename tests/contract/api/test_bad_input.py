"""Whatever is sent: a clear problem, never a 5xx, and no change (I6)."""

import asyncio
import json
import re
import time
from types import SimpleNamespace
from typing import Any, cast

import httpx
import msgspec
import pytest

from testkase.core.access import Scope
from testkase.entrypoints.api import body
from testkase.entrypoints.api.body import AnyRequest, decode, read_json
from testkase.entrypoints.api.route import Route
from testkase.entrypoints.api.v1.routes import PREFIX, routes
from testkase.foundation.problems import InvalidInput
from tests.support.programs import MODEL, Organization, Organizations

HOLD: dict[str, Any] = {"id": "call-1", "use_case": "chat", "user": "ada@example.com", "credits": "1"}
TOKENS: dict[str, Any] = {"id": "call-1", "use_case": "chat", "user": "ada", "model": MODEL, "max_output_tokens": 10}
USAGE: dict[str, Any] = {"id": "use-1", "use_case": "chat", "user": "ada", "credits": "1"}

BAD: list[tuple[str, str, Any, int, str, str | None]] = [
    # what, path, body, status, code, field
    ("a float of credits", "/holds", HOLD | {"credits": 1.5}, 422, "invalid_input", "credits"),
    ("an integer of credits", "/holds", HOLD | {"credits": 1}, 422, "invalid_input", "credits"),
    ("credits with an exponent", "/holds", HOLD | {"credits": "1e3"}, 422, "invalid_input", "credits"),
    ("negative credits", "/holds", HOLD | {"credits": "-1"}, 422, "invalid_input", "credits"),
    ("credits with seven decimals", "/holds", HOLD | {"credits": "0.1234567"}, 422, "invalid_input", "credits"),
    ("credits beyond a billion", "/holds", HOLD | {"credits": "9999999999"}, 422, "invalid_input", "credits"),
    ("credits in Arabic digits", "/holds", HOLD | {"credits": "١"}, 422, "invalid_input", "credits"),
    ("credits with a final line break", "/holds", HOLD | {"credits": "1\n"}, 422, "invalid_input", "credits"),
    ("credits and tokens", "/holds", HOLD | {"model": MODEL, "input_tokens": 1}, 422, "invalid_input", "credits"),
    ("neither credits nor tokens", "/holds", {**HOLD, "credits": None}, 422, "invalid_input", "credits"),
    ("tokens without a model", "/holds", {**TOKENS, "model": None}, 422, "invalid_input", "credits"),
    ("an unknown model", "/holds", TOKENS | {"model": "gpt-999"}, 422, "unknown_model", "model"),
    ("the answer's tokens alone", "/holds", TOKENS, 422, "invalid_input", "input_tokens"),
    ("negative tokens", "/holds", TOKENS | {"input_tokens": -1}, 422, "invalid_input", "input_tokens"),
    ("absurd tokens", "/holds", TOKENS | {"input_tokens": 10**15}, 422, "invalid_input", "input_tokens"),
    ("tokens beyond 64 bits", "/holds", TOKENS | {"input_tokens": 10**30}, 422, "invalid_input", "input_tokens"),
    ("half a token", "/holds", TOKENS | {"input_tokens": 0.5}, 422, "invalid_input", "input_tokens"),
    ("tokens as text", "/holds", TOKENS | {"input_tokens": "5"}, 422, "invalid_input", "input_tokens"),
    ("tokens as a boolean", "/holds", TOKENS | {"input_tokens": True}, 422, "invalid_input", "input_tokens"),
    ("a time to live of zero", "/holds", HOLD | {"ttl_seconds": 0}, 422, "invalid_input", "ttl_seconds"),
    ("a time to live of years", "/holds", HOLD | {"ttl_seconds": 10**8}, 422, "invalid_input", "ttl_seconds"),
    ("no use case", "/holds", {"user": "ada", "credits": "1"}, 422, "invalid_input", "use_case"),
    ("no user", "/holds", {"use_case": "chat", "credits": "1"}, 422, "invalid_input", "user"),
    ("an empty user", "/holds", HOLD | {"user": ""}, 422, "invalid_input", "user"),
    ("a user of several lines", "/holds", HOLD | {"user": "a\nb"}, 422, "invalid_input", "user"),
    ("a user with a null character", "/holds", HOLD | {"user": "a\x00b"}, 422, "invalid_input", "user"),
    ("a use case that is no slug", "/holds", HOLD | {"use_case": "Chat!"}, 422, "invalid_input", "use_case"),
    ("an empty id", "/holds", HOLD | {"id": ""}, 422, "invalid_input", "id"),
    ("an id of a thousand letters", "/holds", HOLD | {"id": "x" * 1000}, 422, "invalid_input", "id"),
    ("an id with a space", "/holds", HOLD | {"id": "a b"}, 422, "invalid_input", "id"),
    ("an id with a final line break", "/holds", HOLD | {"id": "a\n"}, 422, "invalid_input", "id"),
    ("an id that is a number", "/holds", HOLD | {"id": 5}, 422, "invalid_input", "id"),
    ("an unknown field", "/holds", HOLD | {"amount": "1"}, 422, "invalid_input", "amount"),
    ("the organization named by the caller", "/holds", HOLD | {"org_id": 1}, 422, "invalid_input", "org_id"),
    ("a list", "/holds", [HOLD], 422, "invalid_input", None),
    ("a string", "/holds", "hold", 422, "invalid_input", None),
    ("null", "/holds", None, 422, "invalid_input", None),
    ("nothing used", "/holds/h/settlement", {}, 422, "invalid_input", "usage"),
    ("usage and credits", "/holds/h/settlement", {"usage": {}, "credits": "1"}, 422, "invalid_input", "usage"),
    ("minted usage", "/holds/h/settlement", {"usage": {"output_tokens": -5}}, 422, "invalid_input",
     "usage.output_tokens"),
    ("a sentinel price", "/holds/h/settlement", {"credits": "-1"}, 422, "invalid_input", "credits"),
    ("an unknown bucket", "/holds/h/settlement", {"usage": {"tokens": 5}}, 422, "invalid_input", "usage.tokens"),
    ("an unknown outcome", "/holds/h/settlement", {"credits": "1", "outcome": "won"}, 422, "invalid_input", "outcome"),
    ("tokens of a hold without a model", "/holds/h/settlement", {"usage": {"output_tokens": 5}}, 422, "no_rate",
     "usage"),
    ("a part without an id", "/holds/h/settlement", {"credits": "1", "final": False}, 422, "invalid_input",
     "capture_id"),
    ("a part beyond the hold", "/holds/h/settlement", {"credits": "9", "final": False, "capture_id": "c"}, 422,
     "invalid_command", "credits"),
    ("an extension beyond the balance", "/holds/h/extension", {"credits": "1000"}, 402, "insufficient_credits", None),
    ("an extension of negative credits", "/holds/h/extension", {"credits": "-5"}, 422, "invalid_input", "credits"),
    ("usage of nothing", "/usage", {**USAGE, "credits": None}, 422, "invalid_input", "usage"),
    ("usage in tokens without a model", "/usage", {**USAGE, "credits": None, "usage": {}}, 422, "invalid_input",
     "model"),
    ("usage beyond the balance", "/usage", USAGE | {"credits": "1000"}, 402, "insufficient_credits", None),
    ("a batch of nothing", "/holds:batch", {"items": []}, 422, "invalid_input", "items"),
    ("a batch of 1,001", "/holds:batch", {"items": [HOLD] * 1001}, 422, "invalid_input", "items"),
    ("a batch that is a list", "/settlements:batch", [], 422, "invalid_input", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("/holds", HOLD | {"amount": "1"}, ["use_case", "user", "id", "credits"]),
        ("/holds/h/settlement", {"usage": {"tokens": 5}}, ["input_tokens", "output_tokens"]),
        ("/usage", USAGE | {"amount": "1"}, ["use_case", "user", "id", "credits", "usage"]),
    ],
)
def test_whoever_names_a_field_there_is_not_is_told_those_there_are(
    api: httpx.Client, path: str, body: Any, fields: list[str]
) -> None:
    detail = api.post(path, json=body).json()["detail"]
    assert detail.startswith("There is no such field; there are ")
    assert [name for name in fields if name not in detail.replace(",", " ").replace(".", " ").split()] == []


def test_the_fields_of_an_item_are_told_wherever_it_stands() -> None:
    class Item(msgspec.Struct, forbid_unknown_fields=True):
        size: int = 0

    class Order(msgspec.Struct, forbid_unknown_fields=True):
        items: list[Item]

    with pytest.raises(InvalidInput) as refused:
        decode(msgspec.json.Decoder(Order), b'{"items":[{},{"seize":1}]}')
    assert (refused.value.field, refused.value.detail) == (
        "items[1].seize", "There is no such field; there are size.",
    )  # fmt: skip


def test_a_field_without_a_name_is_told_by_the_sentence_as_nothing_else_can_name_it() -> None:
    class Order(msgspec.Struct, forbid_unknown_fields=True):
        size: int = 0

    with pytest.raises(InvalidInput) as refused:
        decode(msgspec.json.Decoder(Order), b'{"":1}')
    assert (refused.value.field, refused.value.detail) == (None, "Object contains unknown field ``.")


def state(api: httpx.Client) -> tuple[Any, Any]:
    """Everything a program can see of the account."""
    balance = api.get("/balance").json()
    return balance, api.get("/usage").json()


@pytest.mark.requirement("I6", "I7")
@pytest.mark.parametrize(("what", "path", "body", "status", "code", "field"), BAD, ids=[row[0] for row in BAD])
def test_bad_input_is_named_and_changes_nothing(
    api: httpx.Client, what: str, path: str, body: Any, status: int, code: str, field: str | None
) -> None:
    """elizaOS/eliza#22681: a settlement minted 31,348 credits from a sentinel price of -1."""
    assert api.post("/holds", json=HOLD | {"id": "h", "credits": "2"}).status_code == 201
    before = state(api)
    answer = api.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem.get("field")) == (status, code, field), what
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["type"].endswith(f"/api/v1/problems/{code}")
    assert problem["detail"]
    assert "regex" not in problem["detail"]
    assert problem["next"]
    assert state(api) == before


RAW: list[tuple[str, bytes, str, int, str]] = [
    ("no JSON", b"{", "application/json", 400, "invalid_json"),
    ("nothing", b"", "application/json", 400, "invalid_json"),
    ("bytes", b"\xff\xfe\x00", "application/json", 400, "invalid_json"),
    ("invalid UTF-8 in a name", b'{"user": "\xff"}', "application/json", 400, "invalid_json"),
    ("half a surrogate", b'{"user": "\\ud800", "use_case": "chat", "credits": "1"}', "application/json", 400,
     "invalid_json"),
    ("deep nesting", b'{"credits": ' + b"[" * 100_000, "application/json", 422, "invalid_input"),
    ("a form", b"id=1&credits=2", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    ("text", b'{"credits": "1"}', "text/plain", 415, "unsupported_media_type"),
    ("no content type", b"{}", "", 415, "unsupported_media_type"),
    ("megabytes", b'{"user": "' + b"x" * 3_000_000 + b'"}', "application/json", 413, "too_large"),
]  # fmt: skip


@pytest.mark.requirement("I6")
@pytest.mark.parametrize(
    ("path", "content", "field"),
    [("/holds", b'{"use_case": "chat", "user": "ada", "credits": "1", "credits": "100"}', "credits"),
     ("/holds", b'{"id": "a", "use_case": "chat", "user": "ada", "credits": "1", "id":"b"}', "id"),
     ("/holds/h/settlement", b'{"usage": {"input_tokens": 1, "input_tokens": 2}}', "input_tokens"),
     ("/holds:batch", b'{"items": [], "items": [{"id": "a", "use_case": "chat", "user": "a", "credits": "1"}]}',
      "items")],
)  # fmt: skip
def test_a_field_given_twice_is_refused(api: httpx.Client, path: str, content: bytes, field: str) -> None:
    before = state(api)
    answer = api.post(path, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "invalid_input", field)
    assert state(api) == before


def test_a_field_given_twice_in_an_item_of_a_batch_fails_the_item_alone(api: httpx.Client) -> None:
    items = (
        b'{"id": "a", "use_case": "chat", "user": "a", "credits": "1", "credits": "2"}, ' + json.dumps(HOLD).encode()
    )
    answer = api.post(
        "/holds:batch", content=b'{"items": [' + items + b"]}", headers={"Content-Type": "application/json"}
    )
    assert [(item["status"], item.get("problem", {}).get("field")) for item in answer.json()["items"]] == [
        (422, "credits"), (201, None),
    ]  # fmt: skip


@pytest.mark.parametrize(("coding", "status"), [("gzip", 415), ("identity", 201)])
def test_a_compressed_body_is_said_to_be_one(api: httpx.Client, coding: str, status: int) -> None:
    assert api.post("/holds", json=HOLD, headers={"Content-Encoding": coding}).status_code == status


@pytest.mark.parametrize("name", ["credits", "user", "id"])
def test_a_value_may_be_called_like_a_field(api: httpx.Client, name: str) -> None:
    assert api.post("/holds", json=HOLD | {"user": name, "id": f"call-{name}"}).status_code == 201


@pytest.mark.parametrize(("what", "content", "content_type", "status", "code"), RAW, ids=[row[0] for row in RAW])
def test_a_body_that_cannot_be_read_is_refused(
    api: httpx.Client, what: str, content: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = api.post("/holds", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code), what


@pytest.mark.parametrize(
    "asked",
    [
        "/usage/summary?since=2026-11-01T00:00:00Z",
        "/balance?user=ada@example.com",
        "/lots?since=1",
        "/usage/summary?%ff",
    ],
)
def test_a_filter_that_an_address_does_not_have_is_not_passed_over(api: httpx.Client, asked: str) -> None:
    """The whole month's figures came for one week's, as if they were that week's."""
    answer = api.get(asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert answer.json()["field"]


def test_a_body_without_a_length_is_cut_at_the_limit(api: httpx.Client) -> None:
    def endless() -> Any:
        for _ in range(300):
            yield b" " * 10_000

    answer = api.post("/holds", content=endless(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_batch_holds_a_thousand_items_with_the_longest_names(api: httpx.Client) -> None:
    items = [HOLD | {"id": f"{number:0>128}", "user": "\U0001f600" * 200, "credits": "0.01"} for number in range(1_000)]
    content = json.dumps({"items": items})
    answer = api.post("/holds:batch", content=content, headers={"Content-Type": "application/json"})
    assert len(content) > 2 * 1024 * 1024
    assert {item["status"] for item in answer.json()["items"]} == {201}


def test_a_batch_beyond_the_limit_says_which_and_what_to_do(api: httpx.Client) -> None:
    before = state(api)
    answer = api.post(
        "/holds:batch", content=b" " * (6 * 1024 * 1024 + 1), headers={"Content-Type": "application/json"}
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["limit_bytes"]) == (413, "too_large", 6 * 1024 * 1024)
    assert "several requests" in problem["next"]
    assert state(api) == before


async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS", 0.02)

    async def receive() -> Any:
        await asyncio.Future()

    request = SimpleNamespace(scope={"headers": [(b"content-type", b"application/json")]}, receive=receive)
    with pytest.raises(body.TooSlow):
        await read_json(cast(AnyRequest, request), 8_000_000)


async def test_a_body_in_very_many_pieces_is_not_copied_for_each_of_them() -> None:
    """Eight megabytes in pieces of a hundred bytes kept the server busy for a minute and a half."""
    pieces = iter([{"type": "http.request", "body": b" " * 100, "more_body": True}] * 50_000)
    last = {"type": "http.request", "body": b"{}", "more_body": False}

    async def receive() -> Any:
        return next(pieces, last)

    request = SimpleNamespace(scope={"headers": [(b"content-type", b"application/json")]}, receive=receive)
    began = time.process_time()
    found = await read_json(cast(AnyRequest, request), 8_000_000)
    assert (len(found), type(found)) == (5_000_002, bytes)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("user=a&limit=1&limit=2", "limit"),
        ("cursor=abc", "cursor"), ("cursor=99999999999999999999", "cursor"), ("cursor=-1", "cursor"),
        ("cursor=", "cursor"), ("since=yesterday", "since"), ("since=2026-11-01T00:00:00", "since"),
        ("until=9999999", "until"), ("user=%00", "user"), ("user=%FF", None), ("sort=asc", "sort"),
        ("use_case=A", "use_case"), ("org_id=1", "org_id"),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_read_is_refused(api: httpx.Client, query: str, field: str | None) -> None:
    answer = api.get(f"/usage?{query}")
    assert (answer.status_code, answer.json()["code"], answer.json().get("field")) == (422, "invalid_input", field)


@pytest.mark.parametrize("usage_id", ["0", "-1", "x", "99999999999999999999", "%00", "1.5", "999999"])
def test_a_receipt_that_is_not_there_is_not_found(api: httpx.Client, usage_id: str) -> None:
    assert api.get(f"/usage/{usage_id}").status_code == 404


@pytest.mark.parametrize("route", [route for route in routes() if "{" in route.path], ids=lambda each: each.path)
@pytest.mark.parametrize("part", ["%00", "a%00b", "%ED%A0%80", "%FF"])
def test_an_id_the_database_cannot_be_asked_for_is_not_found(
    base_url: str, organizations: Organizations, route: Route, part: str
) -> None:
    key = organizations.make(scopes=frozenset(Scope)).headers
    body = None if route.body is None else msgspec.json.encode(route.body_example)
    path = PREFIX + re.sub(r"{\w+}", part, route.path)
    headers = key | {"Content-Type": "application/json"}
    answer = httpx.request(route.method, base_url + path, content=body, headers=headers, timeout=20)
    assert answer.status_code in (404, 422), answer.text
    assert answer.json()["code"]


@pytest.mark.parametrize("key", ["", "a b", "x" * 200, "ä"])
def test_an_idempotency_key_that_is_no_id_is_refused(api: httpx.Client, key: str) -> None:
    body = {name: value for name, value in HOLD.items() if name != "id"}
    answer = api.post("/holds", json=body, headers=[(b"Idempotency-Key", key.encode("utf-8"))])
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing"), ("PUT", "/holds"), ("GET", "/"), ("PATCH", "/usage")]
)
def test_an_address_that_is_not_there_answers_a_problem_too(api: httpx.Client, method: str, path: str) -> None:
    answer = api.request(method, path)
    assert answer.status_code in (404, 405)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in ("not_found", "method_not_allowed")


@pytest.mark.parametrize(
    ("path", "right"),
    [("/api/v1/usage", "GET, HEAD, POST"), ("/api//v1/usage/", "GET, HEAD, POST"),
     ("/api/v1/holds/h", "DELETE, GET, HEAD"),
     ("/openai/v1/chat/completions", "POST"), ("/openai/v1/models/some/model", "GET, HEAD")],
)  # fmt: skip
def test_a_wrong_method_names_the_right_ones(base_url: str, path: str, right: str) -> None:
    answer = httpx.put(base_url + path)
    assert (answer.status_code, answer.headers["allow"]) == (405, right)


def test_items_of_a_batch_fail_alone(api: httpx.Client, org: Organization, organizations: Organizations) -> None:
    items: list[Any] = [
        HOLD | {"id": "b1", "credits": "100"},
        HOLD | {"id": "b2", "credits": 5},
        HOLD | {"id": "b3", "credits": "250"},
        {**HOLD, "id": None},
        HOLD | {"id": "b1", "credits": "100"},
        HOLD | {"id": "b1", "credits": "101"},
        "nonsense",
        HOLD | {"id": "b4", "credits": "50"},
    ]
    answers = api.post("/holds:batch", json={"items": items}).json()["items"]
    assert [answer["status"] for answer in answers] == [201, 422, 402, 422, 201, 409, 422, 201]
    assert answers[1]["problem"]["field"] == "credits"
    assert answers[2]["problem"]["estimate"] == "250.00"
    assert answers[4] == answers[0] | {"replayed": True}
    settled = api.post(
        "/settlements:batch",
        json={"items": [{"id": "b1", "credits": "1"}, {"id": "b9", "credits": "1"}, {"id": "b4", "outcome": "failed"}]},
    ).json()["items"]
    assert [answer["status"] for answer in settled] == [200, 404, 200]
    assert settled[2]["answer"]["charged"] == "0.00"
    assert api.get("/balance").json()["available"] == "299.00"
