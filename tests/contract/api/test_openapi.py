"""The OpenAPI document says what the API does: complete, valid, and true of real answers."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from testkase.entrypoints.api.catalogue import PROBLEMS
from testkase.entrypoints.api.v1.routes import PREFIX, routes
from testkase.services.notifications.webhooks.events import EVENTS, FACTS, TEST, Message
from tests.support.programs import Organization

CHECKS = [
    checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance,
    checks.response_headers_conformance,
]  # fmt: skip
"""What the document says of answers. That every request of the right shape is accepted it does not say."""


@pytest.fixture(scope="module")
def document(base_url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{base_url}/api/v1/openapi.json").json()
    return found


def test_the_document_is_open_to_all_and_names_its_version(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"]
    assert document["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"


def test_every_route_is_described_with_answers_problems_and_examples(document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(route.method, PREFIX + route.path) for route in routes()}
    for route in routes():
        operation = document["paths"][PREFIX + route.path][route.method.lower()]
        assert operation["summary"]
        if route.body is not None:
            assert operation["requestBody"]["content"]["application/json"]["example"]
        if route.scope is not None:
            assert {"401", "403", "503"} <= set(operation["responses"])


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for child in node.values():
                yield from references(child)
        elif isinstance(node, list):
            for child in node:
                yield from references(child)

    for reference in set(references(document)):
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_examples_are_what_their_schemas_say(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            bodies = [operation["requestBody"]["content"]] if "requestBody" in operation else []
            answers = [answer["content"] for answer in operation["responses"].values() if "content" in answer]
            for content in bodies + answers:
                for media in content.values():
                    if "example" in media and "schema" in media:
                        schema = {"components": document["components"], **media["schema"]}
                        assert jsonschema_rs.is_valid(schema, media["example"]), (method, path)


def test_request_examples_are_accepted(document: dict[str, Any]) -> None:
    for route in routes():
        if route.body is not None:
            msgspec.json.decode(msgspec.json.encode(route.body_example), type=route.body)


def test_every_problem_says_what_it_means_and_what_to_do(base_url: str) -> None:
    for code, row in PROBLEMS.items():
        answer = httpx.get(f"{base_url}/api/v1/problems/{code}")
        assert answer.json() == {"code": code, "status": row.status, "title": row.title, "next": row.next}
    absent = httpx.get(f"{base_url}/api/v1/problems/nonsense")
    assert (absent.status_code, absent.json()["code"]) == (404, "not_found")


def test_each_webhook_is_what_its_schema_says(document: dict[str, Any]) -> None:
    assert set(document["webhooks"]) == {*EVENTS, TEST}
    for kind, told in document["webhooks"].items():
        schema = told["post"]["requestBody"]["content"]["application/json"]["schema"]
        message = Message(
            org_id=7, event_id=1, kind=kind, title="T", body="B", link="/settings/billing",
            facts=dict.fromkeys(FACTS.get(kind, ()), "1"), created_at=datetime.now(UTC),
        )  # fmt: skip
        body = msgspec.json.decode(message.bytes("https://credits.test"))
        jsonschema_rs.validate(schema, body)
        assert schema["properties"]["data"]["properties"].keys() == body["data"].keys()
        for part in schema["required"]:
            assert not jsonschema_rs.is_valid(schema, {name: body[name] for name in body if name != part})


@pytest.mark.slow
def test_generated_requests_never_break_the_server_and_get_what_the_document_says(
    document: dict[str, Any], base_url: str, org: Organization
) -> None:
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=base_url)
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @settings(max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def answered(case: schemathesis.Case[Any]) -> None:
            answer = case.call(headers=org.headers, timeout=20)
            assert answer.status_code < 500, answer.text
            case.validate_response(answer, checks=CHECKS)

        answered()
