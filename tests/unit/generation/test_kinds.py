"""Kinds somebody chose: the ideas, the schema and the answers keep to them, and the hint says what they lack."""

from typing import Any

import pytest

from testkase.services.features.generation.hint import quality_hint
from testkase.services.features.generation.ideas.choosing import ideas_for
from testkase.services.features.generation.model import ORDINARY_KINDS, brief_of
from testkase.services.features.generation.prompting import large_request, small_request
from testkase.services.features.generation.validation import LargeAnswer, WrittenStep, judge_large

REQUIREMENT = "A member can edit the profile. Names have at most 40 characters. An error message is shown otherwise."


@pytest.mark.parametrize("kind", ["security", "accessibility"])
def test_kinds_of_their_own_are_written_when_they_are_asked_for(kind: Any) -> None:
    ideas = ideas_for(REQUIREMENT, 3, (kind,))
    assert [idea.kind for idea in ideas] == [kind] * 3
    assert small_request(1, REQUIREMENT, ideas[0], 0)["messages"][-1]["content"].endswith(ideas[0].hint)


def test_nobody_gets_them_without_asking() -> None:
    assert {idea.kind for idea in ideas_for(REQUIREMENT, 12)} <= set(ORDINARY_KINDS)


def test_a_large_model_is_asked_for_as_many_as_were_chosen_and_only_of_their_kinds() -> None:
    body = large_request(REQUIREMENT, ideas_for(REQUIREMENT, 9, ("security",)), (), 8_000, count=9, kinds=("security",))
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["cases"]["items"]["properties"]["kind"]["enum"] == ["security"]
    assert "Write exactly 9 test cases" in body["messages"][1]["content"]


def test_a_case_of_another_kind_is_no_draft() -> None:
    case = LargeAnswer("A title", "positive", "high", "", (WrittenStep("Press save", "It is saved"),))
    assert judge_large(case, set(), ("security",)) is None
    assert judge_large(case, set(), ("positive",)) is not None


def test_acceptance_criteria_give_ideas_as_the_requirement_does() -> None:
    brief = brief_of("Members edit their profile.", "- Names have at most 40 characters\n- Guests cannot edit names")
    titles = [idea.title for idea in ideas_for(brief, 12)]
    assert "41 characters: just above the 40 characters" in titles
    assert "A guest cannot edit names" in titles
    assert "<acceptance_criteria>" in large_request(brief, ideas_for(brief, 2), (), 1_000)["messages"][1]["content"]


@pytest.mark.requirement("R68")
@pytest.mark.parametrize(
    ("kind", "word", "answer"),
    [
        ("permission", "who may not", " Only administrators can delete a profile."),
        ("security", "protected", " The personal address is private."),
        ("accessibility", "keyboard", " Every field has a label and is reached by keyboard."),
        ("boundary", "limits", None),
    ],
)
def test_the_hint_says_what_the_chosen_kind_lacks_until_it_is_there(kind: Any, word: str, answer: str | None) -> None:
    bare = "A member opens the profile, changes the name and sees the new name on every page of the project."
    assert any(word in tip for tip in quality_hint(bare, (kind,)).tips)
    better = bare + (answer or " Names have at most 40 characters.")
    assert not any(word in tip for tip in quality_hint(better, (kind,)).tips)


def test_the_hint_asks_for_no_limits_where_no_boundary_cases_are_wanted() -> None:
    bare = "A member opens the profile, changes the name and sees the new name on every page of the project."
    assert not any("limits" in tip for tip in quality_hint(bare, ("positive",)).tips)
