"""What code reads in a requirement, and the test ideas it draws from it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkase.services.features.generation.ideas.choosing import ideas_for
from testkase.services.features.generation.requirement import read_requirement

LOCKOUT = (
    "Users are locked out for 30 minutes after 5 failed sign-in attempts."
    " Only administrators can unlock an account earlier."
)


def test_limits_are_read_with_their_units_and_direction() -> None:
    text = "Codes are at least 6 characters, expire after 30 days; files up to 1,024 MB. Orders under $20. Version 2."
    limits = [(one.number, one.unit, one.bound) for one in read_requirement(text).limits]
    assert limits == [
        (6, "characters", "at_least"),
        (30, "days", "threshold"),
        (1024, "MB", "at_most"),
        (20, "", "threshold"),
    ]


@pytest.mark.parametrize(
    ("text", "role", "what", "allowed", "exclusive"),
    [
        (LOCKOUT, "administrator", "unlock an account earlier", True, True),
        ("Guests cannot invite members.", "guest", "invite members", False, False),
        (
            "As a project admin, I want to invite members so that they join.",
            "project admin",
            "invite members",
            True,
            False,
        ),
        ("A customer can apply one code.", "customer", "apply one code", True, False),
        ("Viewers may not upload files.", "viewer", "upload files", False, False),
    ],
)
def test_who_may_do_what_is_read(text: str, role: str, what: str, allowed: bool, exclusive: bool) -> None:
    [rule] = read_requirement(text).rules
    assert (rule.role, rule.what, rule.allowed, rule.exclusive) == (role, what, allowed, exclusive)


def test_ideas_cover_the_kinds_and_get_the_numbers_and_roles_right() -> None:
    ideas = ideas_for(LOCKOUT, 6)
    assert [idea.kind for idea in ideas[:4]] == ["positive", "boundary", "permission", "negative"]
    titles = [idea.title for idea in ideas]
    assert "31 minutes: just above the 30 minutes" in titles
    assert "A user cannot unlock an account earlier" in titles
    assert ideas[1].key_step == "After 31 minutes, "


def test_a_minimum_is_probed_below_and_a_maximum_above() -> None:
    low, high = "Passwords have at least 12 characters.", "Names have at most 40 characters."
    [below] = ideas_for(low, 1, ("boundary",))
    [above] = ideas_for(high, 1, ("boundary",))
    assert (below.key_step, below.expected) == ("With 11 characters, ", "The system refuses ")
    assert (above.key_step, above.expected) == ("With 41 characters, ", "The system refuses ")


@given(
    st.text(min_size=1, max_size=600),
    st.integers(1, 12),
    st.sets(st.sampled_from(["positive", "boundary", "permission"])),
)
def test_any_text_gives_ideas_of_the_kinds_asked_for(text: str, count: int, kinds: set[str]) -> None:
    ideas = ideas_for(text, count, tuple(sorted(kinds)))  # type: ignore[arg-type]
    assert 1 <= len(ideas) <= count
    assert len({idea.title.lower() for idea in ideas}) == len(ideas)
    assert all(idea.kind in kinds for idea in ideas) or not kinds
    assert all(1 <= len(idea.title) <= 300 for idea in ideas)


@pytest.mark.parametrize("character", ["a ", "1 ", "only ", "only user can ", "user cannot ", "a-", "1,000", "$9 "])
def test_reading_stays_fast_on_hostile_text(character: str) -> None:
    read_requirement((character * 4_000)[:4_000])  # pytest would time out on a catastrophic pattern


def test_a_requirement_is_no_regular_expression() -> None:
    for text in ("a user can (", "an admin can [x", "a user can \\d+ {5}"):
        for idea in ideas_for(text, 12):
            assert re.escape(idea.title)
