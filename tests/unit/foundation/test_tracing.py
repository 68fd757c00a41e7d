"""Spans say ids and amounts and nothing else, and cost nothing while they are off."""

import sys
import threading

import pytest
from opentelemetry.sdk.trace import TracerProvider

from testkase.foundation import tracing
from testkase.foundation.problems import InvalidInput
from testkase.foundation.settings import Settings
from testkase.foundation.tracing import passed_on, serving, span
from tests.support.spans import traced

OUTSIDE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_while_it_is_off_there_is_one_span_that_does_nothing() -> None:
    with span("hold", org_id=1) as told, serving("POST /api/v1/holds", OUTSIDE) as served:
        told.tell(model="m")
    assert told is served
    assert passed_on() == ()
    assert not tracing.is_on()


def test_a_request_joins_the_trace_of_its_caller_and_what_is_done_for_it_is_inside() -> None:
    with traced() as spans, serving("POST /api/v1/holds", OUTSIDE, method="POST"), span("hold", org_id=7):
        pass
    request, hold = spans.one("POST /api/v1/holds"), spans.one("hold")
    assert f"{request.context.trace_id:032x}" == OUTSIDE.split("-")[1]
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == OUTSIDE.split("-")[2]
    assert hold.parent is not None
    assert hold.parent.span_id == request.context.span_id
    assert spans.facts("hold") == {"org_id": 7}


@pytest.mark.parametrize("wrong", ["", "00-zz-yy-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "é" * 60])
def test_a_traceparent_that_is_none_begins_a_trace_of_its_own(wrong: str) -> None:
    with traced() as spans, serving("GET", wrong):
        pass
    assert spans.one("GET").parent is None


def test_an_error_is_named_and_never_quoted() -> None:
    with traced() as spans, pytest.raises(ValueError, match="canary"), span("call", model="m"):
        raise ValueError("the prompt was canary-3141")
    assert spans.facts("call") == {"model": "m", "error.type": "ValueError"}
    assert spans.one("call").events == ()
    assert "canary" not in spans.text()


def test_a_span_may_say_only_what_is_on_the_list_and_no_long_text() -> None:
    with (
        traced() as spans,
        span("call", model="m" * 1_000) as told,
        pytest.raises(ValueError, match="may not say prompt"),
    ):
        told.tell(prompt="Write a test")
    assert len(spans.facts("call")["model"]) == tracing.LONGEST_FACT


def test_providers_are_told_the_trace_only_where_the_operator_wants_it() -> None:
    with traced(), serving("GET", OUTSIDE):
        assert passed_on() == ()
    with traced(to_providers=True), serving("GET", OUTSIDE):
        ((name, value),) = passed_on()
    assert name == b"traceparent"
    assert value.split(b"-")[1].decode() == OUTSIDE.split("-")[1]


def test_it_is_off_without_a_collector_and_says_which_packages_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    tracing.configure(Settings.from_environ({}), "app")
    assert not tracing.is_on()
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    with pytest.raises(InvalidInput, match="packages that send spans"):
        tracing.configure(Settings.from_environ({"TESTKASE_TRACES_URL": "http://127.0.0.1:1/v1/traces"}), "app")


def test_a_collector_that_is_away_disturbs_nobody() -> None:
    tracing.configure(Settings.from_environ({"TESTKASE_TRACES_URL": "http://127.0.0.1:1/v1/traces"}), "app")
    assert tracing.is_on()
    tracing.close()
    assert not tracing.is_on()


def test_a_collector_that_keeps_silent_does_not_keep_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, left = threading.Event(), threading.Event()

    class Silent(TracerProvider):
        def shutdown(self) -> None:
            answered.wait(30)
            left.set()

    monkeypatch.setattr(tracing, "LONGEST_GOODBYE_SECONDS", 0.01)
    tracing.use(Silent(shutdown_on_exit=False))
    tracing.close()
    assert not left.is_set()
    assert not tracing.is_on()
    answered.set()
    assert left.wait(30)
