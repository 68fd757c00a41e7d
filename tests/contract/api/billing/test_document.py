"""The OpenAPI document is true of buying too: with a key that may do everything, at a provider that answers."""

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from testkase.entrypoints.api.v1.billing.table import ROUTES
from tests.support.market import Program

CHECKS = [
    checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance,
    checks.response_headers_conformance,
]  # fmt: skip


@pytest.mark.slow
def test_generated_requests_get_what_the_document_says(program: Program, base_url: str) -> None:
    schema = schemathesis.openapi.from_dict(httpx.get(f"{base_url}/api/v1/openapi.json").json())
    schema.config.update(base_url=base_url)
    paths, met = {f"/api/v1{route.path}" for route in ROUTES}, 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if operation.path not in paths:
            continue
        met += 1

        @settings(max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def answered(case: schemathesis.Case[Any]) -> None:
            answer = case.call(headers=dict(program.http.headers), timeout=20)
            assert answer.status_code < 500, answer.text
            case.validate_response(answer, checks=CHECKS)

        answered()
    assert met == len(ROUTES)
