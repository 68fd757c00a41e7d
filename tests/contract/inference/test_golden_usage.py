"""Every provider's way of reporting usage, one recorded answer a file, through the adapter and a real connection.

Folders are named after the kinds of providers; the files beside them are of OpenAI and the many that are compatible.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from testkase.core.ledger.terms import Tokens
from testkase.services.inference import CallResult, ProviderError
from testkase.services.inference.model import Kind
from tests.contract.inference.conftest import Lab
from tests.support.upstream import Reply, Upstream

FOLDER = Path(__file__).parent.parent / "golden"
KINDS: dict[str, Kind] = {"anthropic": "anthropic", "gemini": "gemini", "azure": "azure"}
GOLDEN = sorted(FOLDER.rglob("*.json"))
INCLUSIVE = [file for file in GOLDEN if KINDS.get(file.parent.name) in (None, "azure")]
"""Those whose figures include their parts."""
QUESTION = {"role": "user", "content": "Say hello."}


@pytest.mark.requirement("P19")
@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: f"{file.parent.name}-{file.stem}")
async def test_usage_is_normalised_as_recorded(file: Path, lab: Lab, upstream: Upstream) -> None:
    golden = json.loads(file.read_text(encoding="utf-8"))
    result = await _run(golden, lab, upstream, KINDS.get(file.parent.name, "openai"))
    expected = golden["expected"]
    assert result.tokens == Tokens(**expected["tokens"])
    assert (result.measurement, result.outcome, result.finished) == (
        expected["measurement"],
        expected["outcome"],
        expected["finished"],
    )
    assert list(result.flags) == expected["flags"]


@pytest.mark.parametrize("file", INCLUSIVE, ids=lambda file: file.stem)
def test_no_token_is_in_two_buckets(file: Path) -> None:
    golden = json.loads(file.read_text(encoding="utf-8"))
    reported = _reported(golden)
    tokens = golden["expected"]["tokens"]
    if reported is None or golden["expected"]["measurement"] == "estimated":
        return
    assert sum(tokens.get(name, 0) for name in ("input", "cached_input", "cache_write")) == reported["prompt_tokens"]
    answer = reported["completion_tokens"]
    if file.stem == "xai_reasoning":
        answer += reported["completion_tokens_details"]["reasoning_tokens"]
    assert sum(tokens.get(name, 0) for name in ("output", "reasoning")) == answer


def _reported(golden: dict[str, Any]) -> dict[str, Any] | None:
    answers = [golden["answer"]] if "answer" in golden else [one for one in golden["events"] if isinstance(one, dict)]
    usages = [one["usage"] for one in answers if one.get("usage")]
    return next((usage for usage in reversed(usages) if usage["prompt_tokens"]), usages[-1] if usages else None)


async def _run(golden: dict[str, Any], lab: Lab, upstream: Upstream, kind: Kind) -> CallResult:
    body = {"messages": [QUESTION], "max_tokens": golden["max_tokens"]}
    catalog = lab.catalog(kind=kind)
    if not golden["stream"]:
        upstream.script(Reply(raw_body=json.dumps(golden["answer"]).encode()))
        async with catalog.open("m", body, stream=False) as call:
            await call.read()
        return call.result()
    upstream.script(Reply(raw_events=tuple(_payload(event) for event in golden["events"])))
    async with catalog.open("m", body, stream=True) as call:
        try:
            async for _ in call.events():
                pass
        except ProviderError:
            assert not golden["expected"]["finished"]
    return call.result()


def _payload(event: Any) -> str:
    return event if isinstance(event, str) else json.dumps(event)
