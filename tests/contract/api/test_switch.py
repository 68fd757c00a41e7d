"""What programs are told when AI is switched off: at once for what is new, within a second for what is running."""

import threading
import time
from typing import Any

import httpx
import pytest

from tests.support.programs import MODEL, Organization, Organizations
from tests.support.upstream import Reply, Upstream

LONG = Reply(chunks=("word ",) * 600, delay_chunk=0.1, usage={"prompt_tokens": 1000, "completion_tokens": 600})
LATE = Reply(delay_first=60)
"""A minute of an answer, or of none: a call that ends long before was cut."""
SOON_SECONDS = 30
HOLD = {"use_case": "chat", "user": "ada@example.com"}


def chat(base_url: str, org: Organization, *, stream: bool) -> Any:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Tell me a long story."}], "stream": stream}
    url = f"{base_url}/openai/v1/chat/completions"
    return httpx.stream("POST", url, json=body, headers=org.headers, timeout=40, trust_env=False)


def switch_off(organizations: Organizations, org: Organization, runs: threading.Event) -> None:
    """The owner switches AI off once the call runs."""
    assert runs.wait(SOON_SECONDS)
    organizations.switch_ai(org.org_id, False)


def wait_until_asked(upstream: Upstream, before: int, runs: threading.Event) -> None:
    """A call that says nothing for a minute runs once the model was asked."""
    while len(upstream.requests) == before and not runs.is_set():
        time.sleep(0.02)
    runs.set()


@pytest.mark.requirement("R60", "B13", "I14")
@pytest.mark.parametrize("stream", [True, False])
def test_a_running_call_of_the_gateway_is_cut_and_costs_nothing(
    base_url: str,
    org: Organization,
    api: httpx.Client,
    organizations: Organizations,
    upstream: Upstream,
    stream: bool,
) -> None:
    upstream.script(LONG if stream else LATE)
    runs, asked = threading.Event(), len(upstream.requests)
    owner = threading.Thread(target=switch_off, args=(organizations, org, runs))
    owner.start()
    began = time.monotonic()
    if not stream:
        threading.Thread(target=wait_until_asked, args=(upstream, asked, runs)).start()
    with chat(base_url, org, stream=stream) as answer:
        said = []
        for line in answer.iter_lines():
            said.append(line)
            runs.set()
    owner.join()
    assert time.monotonic() - began < SOON_SECONDS
    if stream:
        assert answer.status_code == 200
        assert '"code":"ai_disabled"' in said[-4]
        assert '"charged":"0.00"' in said[-2]
        assert "[DONE]" not in said
    else:
        assert (answer.status_code, answer.headers["x-testkase-charged"]) == (403, "0.00")
        assert '"code":"ai_disabled"' in said[0]
        assert "Nothing was charged" in said[0]
    balance = api.get("/balance").json()
    assert (balance["available"], balance["held"], balance["this_month"]) == ("300.00", "0.00", "0.00")
    assert api.get("/usage").json()["items"] == []


@pytest.mark.requirement("R60", "P18", "I14")
def test_every_way_of_spending_is_refused_while_ai_is_off(
    api: httpx.Client, org: Organization, organizations: Organizations
) -> None:
    for name in ("one", "two", "three"):
        assert api.post("/holds", json=HOLD | {"id": name, "credits": "5"}).status_code == 201
    organizations.switch_ai(org.org_id, False)
    usage = api.post("/usage", json=HOLD | {"id": "late", "credits": "1"})
    assert (usage.status_code, usage.json()["code"]) == (403, "ai_disabled")
    for answer in (
        api.post("/holds/one/settlement", json={"credits": "5"}),
        api.post("/holds/one/extension", json={"id": "more", "ttl_seconds": 60}),
        api.delete("/holds/two"),
    ):
        assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (409, "hold_resolved", "voided")
    opened = api.post("/holds:batch", json={"items": [HOLD | {"id": "four", "credits": "1"}]}).json()["items"]
    settled = api.post("/settlements:batch", json={"items": [{"id": "three", "credits": "5"}]}).json()["items"]
    assert "ai_disabled" in str(opened)
    assert "voided" in str(settled)
    assert api.get("/holds/one").json()["state"] == "voided"
    assert api.get("/balance").json()["available"] == "300.00"
    organizations.switch_ai(org.org_id, True)
    assert api.post("/holds", json=HOLD | {"id": "five", "credits": "5"}).status_code == 201
    assert api.post("/holds/one/settlement", json={"credits": "5"}).json()["state"] == "voided"
