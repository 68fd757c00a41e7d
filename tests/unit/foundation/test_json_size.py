"""What a JSON text holds, told from its bytes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkase.foundation.json_size import outgrows

TEXTS = st.text(st.sampled_from('ab",[]{}\\/é\n😀'), max_size=6)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


def inside(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def values(value: Any) -> int:
    return 1 + sum(values(one) for one in inside(value))


def empty(value: Any) -> int:
    """Lists and objects with nothing in them: their bracket announces no value."""
    return int(value in ([], {})) + sum(empty(one) for one in inside(value))


def levels(value: Any) -> int:
    return 1 + max(map(levels, inside(value)), default=0) if isinstance(value, list | dict) else 0


@given(JSON, st.booleans())
def test_values_are_counted_and_never_what_stands_in_a_text(value: Any, ascii_only: bool) -> None:
    content = json.dumps(value, ensure_ascii=ascii_only).encode()
    counted = values(value) + empty(value)
    assert outgrows(content, values=counted, levels=1_000) is None
    if counted > 1:
        assert outgrows(content, values=counted - 1, levels=1_000) == f"more than {counted - 1:,} values"


@given(JSON)
def test_levels_are_counted(value: Any) -> None:
    content, deep = json.dumps(value).encode(), levels(value)
    assert outgrows(content, values=10**6, levels=deep) is None
    if deep:
        assert outgrows(content, values=10**6, levels=deep - 1) is not None


@pytest.mark.parametrize("content", [b"", b'"', b'"\\', b"]]]]", b"[" * 5, b'\\"[', b'"\\\\"'])
def test_what_is_no_json_is_measured_all_the_same(content: bytes) -> None:
    assert outgrows(content, values=100, levels=10) is None


def test_millions_of_short_texts_are_told_by_their_quotes() -> None:
    assert outgrows(b'"",' * 1_000, values=100, levels=10) == "more than 100 values"
