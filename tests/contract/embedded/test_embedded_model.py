"""The embedded model does what the adapter and generation rely on. Few calls and small limits: each takes seconds.

All in one file: tests are given to processes file by file, and each process would start a model of its own.
"""

import contextlib
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.features.chat.advice.asking import OUTPUT_TOKENS
from testkase.services.features.chat.advice.asking import small_request as chat_request
from testkase.services.features.chat.advice.findings import FAILURES
from testkase.services.features.generation.ideas.choosing import ideas_for
from testkase.services.features.generation.prompting import small_request
from testkase.services.features.generation.steps.ideas import step_ideas
from testkase.services.features.generation.steps.prompting import small_step_request
from testkase.services.features.generation.steps.work import WrittenStep
from testkase.services.features.generation.validation import judge_small
from testkase.services.features.reports.facts.computing import compute
from testkase.services.features.reports.model import KINDS, Kind
from testkase.services.features.reports.narrative.prompting import SMALL_OUTPUT_TOKENS, STARTS
from testkase.services.features.reports.narrative.prompting import small_request as report_request
from testkase.services.inference import EMBEDDED_MODEL, Catalog, ProviderError, input_token_bound
from testkase.services.inference.embedded import embedded_provider, model_file
from testkase.services.workspace.model import CaseContent, Step
from tests.contract.embedded.conftest import KEY, ModelServer
from tests.support.past import made_up

pytestmark = pytest.mark.embedded_model

REQUIREMENT = "Sessions end after 15 minutes. Only administrators can end the session of a user."


@pytest.fixture
async def catalog(model_server: ModelServer) -> AsyncIterator[Catalog]:
    made = Catalog([embedded_provider(model_server.port, KEY)])
    yield made
    await made.close()


async def whole(catalog: Catalog, body: dict[str, Any]) -> tuple[str, Any]:
    async with catalog.open(EMBEDDED_MODEL, body, stream=False) as call:
        answer = httpx.Response(200, content=await call.read()).json()
    return answer["choices"][0]["message"]["content"], call.result()


async def test_an_answer_is_complete_measured_and_within_its_limit(catalog: Catalog) -> None:
    body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
    text, result = await whole(catalog, body)
    assert text
    assert (result.measurement, result.outcome) == ("exact", "completed")
    assert 0 < result.tokens.output <= 8
    assert 0 < result.tokens.input <= input_token_bound(body)


async def test_a_stream_ends_with_a_finish_reason_and_exact_usage(catalog: Catalog) -> None:
    body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
    async with catalog.open(EMBEDDED_MODEL, body, stream=True) as call:
        payloads = [payload async for payload in call.events()]
    assert payloads[-1] == b"[DONE]"
    assert (call.result().measurement, call.result().flags) == ("exact", ())


@pytest.mark.parametrize(
    "text", ["naïve 🦆🦆🦆 ﷽ 漢字漢字", "\n\t \n\t " * 20, "xqzj" * 30, "<|im_start|>" * 10, "0123456789" * 10]
)
async def test_no_text_beats_the_bound_of_its_tokens(catalog: Catalog, text: str) -> None:
    body = {"messages": [{"role": "user", "content": text}], "max_tokens": 1}
    _, result = await whole(catalog, body)
    tokens = result.tokens
    assert tokens.input + tokens.cached_input <= input_token_bound(body)


@pytest.mark.requirement("R73")
async def test_what_one_caller_sent_is_not_in_the_next_ones_cache(catalog: Catalog) -> None:
    body = {"messages": [{"role": "user", "content": "A secret plan of one organization. " * 5}], "max_tokens": 1}
    for _ in range(2):
        _, result = await whole(catalog, {**body, "cache_prompt": True})
        assert result.tokens.cached_input == 0


@pytest.mark.parametrize("kind", ["positive", "permission", "accessibility"])
async def test_a_draft_is_valid_by_construction(catalog: Catalog, kind: Any) -> None:
    [idea] = ideas_for(REQUIREMENT, 1, (kind,))
    answer, result = await whole(catalog, small_request(1, REQUIREMENT, idea, 0))
    judged = judge_small(answer, idea, REQUIREMENT)
    assert judged is not None, answer
    decisive = judged.content.steps[1]
    assert decisive.action.startswith(re.sub(r"\s+", " ", idea.key_step).strip())
    assert decisive.expected.startswith(idea.expected.strip())
    assert result.tokens.output < 220


async def test_a_suggested_step_is_valid_by_construction(catalog: Catalog) -> None:
    case = CaseContent(title="A customer can cancel an order", steps=(Step(action="Cancel the order"),))
    idea = step_ideas(case)[0]
    answer, _ = await whole(catalog, small_step_request(1, case, idea, 0))
    step = msgspec.json.decode(answer, type=WrittenStep)
    assert step.action.startswith(idea.key_step.strip())
    assert step.expected.startswith(idea.expected.strip())


async def test_the_wrong_key_is_refused(model_server: ModelServer) -> None:
    catalog = Catalog([embedded_provider(model_server.port, "another-key")])
    with pytest.raises(ProviderError) as refused:
        await whole(catalog, {"messages": [{"role": "user", "content": "Hello"}]})
    assert refused.value.status == 401
    await catalog.close()


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="names no file"):
        model_file(tmp_path / "absent.gguf")
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(b"PK\x03\x04")
    with pytest.raises(InvalidInput, match="not a GGUF"):
        model_file(wrong)


def test_the_model_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    port = _free_port()
    parent = textwrap.dedent(f"""
        import os, signal, subprocess, sys, time
        model = subprocess.Popen([sys.executable, "-m", "testkase", "model-server"],
                                 env={{**os.environ, "TESTKASE_MODEL_PORT": "{port}"}})
        print(model.pid, flush=True)
        time.sleep(120)
    """)
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    _wait_until_bound(port)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    process.stdout.close()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{child}").exists() and _state(child) != "Z" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{child}").exists() or _state(child) == "Z"


def _wait_until_bound(port: int) -> None:
    """A process that dies before its child has begun to watch it cannot be told from one that left it on purpose."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def _free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def test_a_sentence_of_advice_is_begun_by_us_and_holds_no_figure_and_no_address(catalog: Catalog) -> None:
    text, result = await whole(catalog, chat_request(7, FAILURES, 0))
    assert re.fullmatch(rf"{FAILURES.start}[a-z ,'-]{{16,102}}\.", msgspec.json.decode(text)["answer"])
    assert result.measurement == "exact"
    assert result.tokens.output < OUTPUT_TOKENS


@pytest.mark.parametrize("kind", KINDS)
async def test_a_sentence_of_a_report_is_valid_by_construction_and_has_no_digit(catalog: Catalog, kind: Kind) -> None:
    facts = compute(kind, made_up(4))
    body = report_request(1, facts, 0, 0)
    answer, result = await whole(catalog, body)
    text = msgspec.json.decode(answer)["text"]
    assert text.startswith(STARTS[kind][0])
    assert not any(letter.isdigit() for letter in text)
    tokens = result.tokens
    assert tokens.output < SMALL_OUTPUT_TOKENS
    assert tokens.input + tokens.cached_input <= input_token_bound(body)
