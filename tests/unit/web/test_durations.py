"""Durations as people write them, and as pages do."""

import pytest

from testkase.entrypoints.web.templatetags.testkase import duration, is_link
from testkase.entrypoints.web.views.workspace.cycle_form import milliseconds
from testkase.entrypoints.web.views.workspace.progress import bar_of
from testkase.foundation.problems import InvalidInput
from testkase.services.workspace.model import Progress


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", None), (" 90 ", 90_000), ("1.5", 1_500), ("0,25", 250), ("1:30", 90_000), ("2:05:09", 7_509_000)],
)
def test_a_duration_is_read(text: str, expected: int | None) -> None:
    assert milliseconds(text) == expected


@pytest.mark.parametrize("text", ["soon", "1:60", "-1", "1:2:3:4", "١", "1e3", "9" * 9])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        milliseconds(text)


@pytest.mark.parametrize(
    ("amount", "text"), [(850, "0.85 s"), (0, "0 s"), (59_999, "60 s"), (90_000, "1:30"), (3_725_000, "1:02:05")]
)
def test_a_duration_is_written(amount: int, text: str) -> None:
    assert duration(amount) == text


def test_a_bar_is_full_without_gaps() -> None:
    bar = bar_of(Progress(passed=1, failed=1, not_executed=1))
    assert [(part.left, part.width) for part in bar.parts if part.width] == [(0, 333), (333, 333), (666, 334)]
    assert all(part.width == 0 for part in bar_of(Progress()).parts)


def test_only_web_addresses_are_links() -> None:
    assert is_link("https://bugs.example/7")
    assert not any(is_link(text) for text in ("javascript:alert(1)", "BUG-7", "https://a b", "//evil.example"))
