"""Drafts are valid by construction, and what a small model does wrong is noticed."""

import json
import re

import pytest

from testkase.core.pricing import load_price_books
from testkase.foundation.clock import utc_now
from testkase.services.features.generation.estimate import estimate
from testkase.services.features.generation.ideas.choosing import ideas_for
from testkase.services.features.generation.ideas.model import Idea
from testkase.services.features.generation.model import Options
from testkase.services.features.generation.progress import readable
from testkase.services.features.generation.prompting import large_request, small_request
from testkase.services.features.generation.schema import small_schema
from testkase.services.features.generation.validation import LargeAnswer, WrittenStep, judge_large, judge_small, tidy
from testkase.services.features.generation.writing import CaseReader
from testkase.services.inference import EMBEDDED_MODEL, PREFIX_REUSE

REQUIREMENT = "A customer can cancel an order within 30 minutes. Only managers can cancel later."
IDEA = ideas_for(REQUIREMENT, 1)[0]


def answer(**change: object) -> str:
    steps = [
        {"action": "Sign in as a customer and open the order.", "expected": "The order is shown."},
        {"action": "Cancel an order within 30 minutes with the button.", "expected": "The order is cancelled."},
    ]
    return json.dumps({"preconditions": "A customer has an order.", "steps": steps, **change})


def test_a_good_answer_takes_title_kind_and_priority_from_the_idea() -> None:
    judged = judge_small(answer(), IDEA, REQUIREMENT)
    assert judged is not None
    assert judged.faults == ()
    assert (judged.content.title, judged.content.kind, judged.content.priority) == (IDEA.title, "positive", "high")
    assert judged.content.steps[1].expected == "The order is cancelled."


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", answer(steps=[]), answer(preconditions=7), '{"preconditions": "x']
)
def test_a_cut_or_garbled_answer_is_no_draft(text: str) -> None:
    assert judge_small(text, IDEA, REQUIREMENT) is None


@pytest.mark.parametrize(
    ("sentence", "fault", "usable"),
    [
        ("The librarian has a loan.", "copied from the examples", False),
        ("The order of the order of the order is shown.", "repeats itself", False),
        ("The order is shown.", "says the same twice", True),
    ],
)
def test_what_a_small_model_does_wrong_is_noticed(sentence: str, fault: str, usable: bool) -> None:
    judged = judge_small(answer(preconditions=sentence), IDEA, REQUIREMENT)
    assert judged is not None
    assert judged.faults == (fault,)
    assert judged.usable is usable


def test_words_of_the_examples_are_fine_where_the_requirement_has_them() -> None:
    judged = judge_small(answer(preconditions="A reader has a loan."), IDEA, "A reader can renew a loan.")
    assert judged is not None
    assert judged.usable


def test_a_large_models_repeats_are_dropped_and_its_text_is_tidied() -> None:
    case = LargeAnswer("Cancel\u0000 an  order\n", "positive", "high", "", (WrittenStep("Press cancel", "It is gone"),))
    content = judge_large(case, set())
    assert content is not None
    assert content.title == "Cancel an order"
    assert judge_large(case, {case.title.strip().lower()}) is None


def test_cases_are_found_as_they_become_complete_however_they_are_cut() -> None:
    cases = [{"title": 'a "quoted" {brace} [x]', "steps": [{"action": "y"}]}, {"title": "b"}, {"title": "c"}]
    text = json.dumps({"cases": cases})
    for size in (1, 3, 7, len(text)):
        reader, found = CaseReader(), []
        for end in range(size, len(text) + size, size):
            found += reader.complete(text[:end])
        assert found == cases


def test_progress_shows_sentences_not_json() -> None:
    partial = '{"preconditions": "A \\"new\\" order.", "steps": [{"action": "Open the ord'
    assert readable(partial) == 'A "new" order. Open the ord'


def test_the_pattern_of_a_step_is_anchored_and_begins_as_the_idea_says() -> None:
    idea = Idea(kind="boundary", title="t", hint="h", key_step="With $21 (a+b) | c, ", expected="The ")
    patterns = re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', json.dumps(small_schema(idea)))
    assert len(patterns) == 5
    for text in patterns:
        pattern = json.loads(f'"{text}"')
        assert pattern.startswith("^")
        assert pattern.endswith(r"\.$")
        re.compile(pattern)
    decisive = small_schema(idea)["properties"]["steps"]["prefixItems"][1]["properties"]["action"]["pattern"]
    assert re.fullmatch(decisive[1:-1], "With $21 ab  c, save the order.")


@pytest.mark.requirement("R73")
def test_prompts_of_two_organizations_part_before_the_requirement() -> None:
    first, second = (small_request(org, REQUIREMENT, IDEA, 0) for org in (41, 42))
    assert first["messages"][:-1] == second["messages"][:-1]
    assert first["messages"][-1]["content"].startswith("Requirement of team 41: ")
    assert second["messages"][-1]["content"].startswith("Requirement of team 42: ")
    assert first["cache_prompt"] is PREFIX_REUSE


def test_a_large_request_holds_the_requirement_as_data_and_bounds_its_answer() -> None:
    body = large_request(REQUIREMENT, ideas_for(REQUIREMENT, 4), ("Known title",), 1_000)
    assert body["max_tokens"] == 1_000
    assert f"<requirement>\n{REQUIREMENT}\n</requirement>" in body["messages"][1]["content"]
    assert "Known title" in body["messages"][1]["content"]
    assert body["response_format"]["json_schema"]["strict"] is True


@pytest.mark.requirement("B9")
def test_the_estimate_is_likely_and_most() -> None:
    book = load_price_books().at(utc_now())
    one = estimate(REQUIREMENT, Options(model=EMBEDDED_MODEL, cases=1), book)
    four = estimate(REQUIREMENT, Options(model=EMBEDDED_MODEL, cases=4), book)
    assert 0 < one.likely < four.likely < four.most
    assert four.likely < 2_000_000
    large = estimate(
        REQUIREMENT, Options(model=next(name for name in book.models() if name != EMBEDDED_MODEL), cases=4), book
    )
    assert 0 < large.likely <= large.most


def test_a_draft_keeps_the_spelling_of_every_script() -> None:
    assert tidy("می\u200cخواهم \x00 \U0001f469\u200d\U0001f467") == "می\u200cخواهم \U0001f469\u200d\U0001f467"
