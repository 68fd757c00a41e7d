"""One trace across hold, call and settle, as a collector gets it; and nothing of anybody's content in it."""

from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.integration.test_canaries import CANARY, plant
from tests.integration.test_worker import eventually, one
from tests.support.cluster import TestDatabase
from tests.support.collector import Collector, collecting
from tests.support.processes import serving, working
from tests.support.programs import Organization, Organizations
from tests.support.upstream import Upstream, scripted_upstream

pytestmark = [pytest.mark.slow, pytest.mark.requirement("P16")]

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "tracestate": f"other={CANARY}", "baggage": f"a={CANARY}"}
CHAT = "POST /openai/v1/chat"
CALL = {"model": "testkase-demo", "max_tokens": 20, "messages": [{"role": "user", "content": CANARY}]}


def facts(span: Span) -> dict[str, str | int]:
    return {one.key.removeprefix("testkase."): one.value.string_value or one.value.int_value for one in span.attributes}


def exported(
    database: TestDatabase, folder: Path, *, to_providers: bool
) -> tuple[Collector, Organization, Upstream, list[int]]:
    """What a process of the application tells a collector of a traced call and of many with something planted."""
    organizations = Organizations(database)
    organization = organizations.make()
    with collecting() as collector, scripted_upstream() as upstream:
        environ = {
            "TESTKASE_MODEL_PORT": str(upstream.port),
            "TESTKASE_MODEL_API_KEY": f"key-{CANARY}",
            "TESTKASE_TRACES_URL": collector.url,
            "TESTKASE_TRACES_TO_PROVIDERS": "1" if to_providers else "0",
        }
        with serving(database, folder, environ) as running:
            with httpx.Client(base_url=running.url, trust_env=False, timeout=30) as client:
                answer = client.post("/openai/v1/chat/completions", json=CALL, headers=organization.headers | PARENT)
                assert answer.status_code == 200
                statuses = plant(client, organization, upstream)
                client.get(f"/api/v1/{CANARY}", headers=organization.headers)
            running.stop()  # and what was not sent yet is sent
    organizations.close()
    return collector, organization, upstream, statuses


def test_a_call_is_one_trace_and_no_content_is_in_any(database: TestDatabase, tmp_path: Path) -> None:
    collector, organization, upstream, statuses = exported(database, tmp_path, to_providers=False)
    trace = [span for span in collector.spans() if span.trace_id.hex() == TRACE]
    by_name = {span.name: span for span in trace}
    assert set(by_name) == {CHAT, "hold", "call", "settle"}
    assert by_name[CHAT].parent_span_id.hex() == "b7ad6b7169203331"
    assert {by_name[name].parent_span_id for name in ("hold", "call", "settle")} == {by_name[CHAT].span_id}
    assert facts(by_name["hold"])["org_id"] == facts(by_name["settle"])["org_id"] == organization.org_id
    assert facts(by_name["hold"])["hold_id"] == facts(by_name["settle"])["hold_id"]
    assert facts(by_name["call"]) == {"model": "testkase-demo", "stream": 0, "status": 200}
    assert facts(by_name[CHAT])["status"] == 200

    assert len(collector.named(CHAT)) == len(statuses)  # all but the sign-in, and the traced one
    everything = b"".join(collector.bodies)
    for secret in (CANARY, organization.key, "tk_live_", "nobody@example.com"):
        assert secret.encode() not in everything
    assert not any("traceparent" in request.headers for request in upstream.requests)


def test_a_provider_is_told_the_trace_where_the_operator_wants_it(database: TestDatabase, tmp_path: Path) -> None:
    collector, _, upstream, _ = exported(database, tmp_path, to_providers=True)
    call = next(span for span in collector.named("call") if span.trace_id.hex() == TRACE)
    assert upstream.requests[0].headers["traceparent"] == f"00-{TRACE}-{call.span_id.hex()}-01"
    assert "tracestate" not in upstream.requests[0].headers


def test_a_job_of_an_ai_feature_is_a_span(django_database: TestDatabase, tmp_path: Path) -> None:
    from procrastinate.contrib.django import app

    # There is no such generation, which is soon found out.
    job = app.configure_task("generation.run", queue="ai").defer(org_id=1, generation_id=1)
    waiting = "SELECT count(*) FROM procrastinate_jobs WHERE id = %s AND status IN ('todo', 'doing')"
    with (
        collecting() as collector,
        working(django_database, tmp_path, {"TESTKASE_TRACES_URL": collector.url}) as worker,
    ):
        assert eventually(lambda: one(django_database, waiting, job) == 0), worker.output()
        worker.stop()
    (span,) = collector.named("job")
    assert facts(span)["task"] == "generation.run"
    assert facts(span)["job_id"] == job
