"""Gherkin feature files: scenarios, outlines, backgrounds, rules, and what else stands in them."""

import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.workspace.importing.gherkin_file import read_gherkin
from testkase.services.workspace.importing.model import CaseItem, Item, Unreadable
from testkase.services.workspace.model import Step

FEATURE = """# language: en
@shop
Feature: Paying
  As a customer I pay.

  Background:
    Given a cart with one item

  @card @fast
  Scenario: Card
    It has to be quick.
    Given the payment step is open
    When I pay by card
    # a remark
    Then one order is placed
    And a letter is sent
    But nothing else

  Rule: Vouchers / codes
    Background:
      Given a voucher "<code>"
    Scenario Outline: Voucher <code>
      When I enter "<code>"
      Then I see <answer>
      @good
      Examples:
        | code   | answer       |
        | SPRING | 10 \\| 20 % off |
        | OLD    |
      Examples: more
        | answer | code |
        | no     | <answer> |
"""


def cases(items: list[Item]) -> list[CaseItem]:
    return [item for item in items if isinstance(item, CaseItem)]


OURS = """Feature: Web shop

  # SHOP-7, Checkout / Payment
  @high @smoke @card
  Scenario: Card
    Given a cart
    And an address
    When I open it
    And I pay
    Then one order
    And a letter

  # see SHOP-8
  Scenario: Other
    When I pay
    # SHOP-9
    Then nothing

  Scenario: Last
    When I go
"""


def test_a_scenario_of_an_export_names_its_case_and_is_read_as_it_was_written() -> None:
    card, *others = cases(read_gherkin(OURS.encode()))
    assert (card.key, card.folder, card.reads_back) == ("SHOP-7", "Checkout / Payment", True)
    assert (card.fields["priority"], card.fields["type"], card.fields["tags"]) == ("high", "smoke", ("card",))
    assert card.fields["preconditions"] == "a cart\nan address"
    assert card.fields["steps"] == (Step(action="I open it\nI pay", expected="one order\na letter"),)
    assert [(one.key, one.folder, one.reads_back) for one in others] == [("", "Web shop", False)] * 2


@pytest.mark.parametrize("tags", ["", "  @high @card\n", "  @smoke\n"])
def test_a_ticket_above_a_scenario_of_somebody_elses_names_no_test_case(tags: str) -> None:
    """It may be the number of quite another test case here, which was changed into the scenario."""
    theirs = f"Feature: Shop\n  # SHOP-7\n{tags}  Scenario: Card\n    Given a cart\n    When I pay\n    And wait\n"
    (card,) = cases(read_gherkin(theirs.encode()))
    assert (card.key, card.folder, card.reads_back) == ("", "Shop", False)
    assert [step.action for step in card.fields["steps"]] == ["a cart", "I pay", "wait"]
    assert card.fields["tags"] == tuple(tag.lstrip("@") for tag in tags.split())


def test_a_scenario_is_a_case() -> None:
    card = cases(read_gherkin(FEATURE.encode()))[0]
    assert (card.title, card.folder, card.line) == ("Card", "Paying", 10)
    assert card.fields["tags"] == ("shop", "card", "fast")
    assert card.fields["preconditions"] == "a cart with one item"
    assert card.fields["description"] == "It has to be quick."
    assert card.fields["steps"] == (
        Step(action="the payment step is open"),
        Step(action="I pay by card", expected="one order is placed\na letter is sent\nnothing else"),
    )


def test_each_row_of_an_outline_is_a_case() -> None:
    items = read_gherkin(FEATURE.encode())
    _, spring, odd = cases(items)
    assert (spring.title, spring.folder) == ("Voucher SPRING", "Paying / Vouchers - codes")
    assert spring.fields["steps"] == (Step(action='I enter "SPRING"', expected="I see 10 | 20 % off"),)
    assert spring.fields["preconditions"] == 'a cart with one item\na voucher "SPRING"'
    assert spring.fields["tags"] == ("shop", "good")
    assert odd.title == "Voucher <answer>", "a value is never filled in a second time"
    (broken,) = [item for item in items if isinstance(item, Unreadable)]
    assert "1 cells" in broken.reason


def test_rows_of_an_outline_without_placeholders_in_its_name_differ() -> None:
    text = "Feature: F\nScenario Outline: Pay\nWhen <a>\nExamples:\n|a|\n|1|\n|2|\n"
    assert [item.title for item in read_gherkin(text.encode())] == ["Pay (1)", "Pay (2)"]


def test_tables_and_quoted_texts_belong_to_their_step() -> None:
    text = 'Feature: F\nScenario: S\nGiven people\n| name |\n| Ann |\nWhen this is sent\n"""json\nScenario: no\n"""\n'
    (item,) = cases(read_gherkin(text.encode()))
    assert [step.action for step in item.fields["steps"]] == [
        "people\n| name |\n| Ann |",
        "this is sent\nScenario: no",
    ]


def test_a_scenario_that_only_looks_is_a_case_too() -> None:
    (item,) = cases(read_gherkin(b"Feature: F\nExample: S\nThen all is well\n* and quiet\n"))
    assert item.fields["steps"] == (Step(action="all is well", expected="and quiet"),)


def test_what_is_no_case_is_reported() -> None:
    items = read_gherkin(b"Feature: F\nScenario: Empty\nScenario:\nGiven x\nScenario Outline: Bare\nGiven x\n")
    assert [type(item) for item in items] == [Unreadable] * 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Title,Steps\nPay,Open\n",
        "Scenario: before\nFeature: F\n",
        "Feature: F\nScenario: S\nGiven x\nnonsense\n",
        "Feature: F\nScenario: S\nExamples:\n|a|\n",
        'Feature: F\nScenario: S\nGiven x\n"""\nnever closed\n',
        "# language: de\nFunktionalität: F\n",
    ],
)
def test_what_is_no_feature_file_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_gherkin(text.encode())


OUTLINE = "Feature: F\nScenario Outline: S\n"
BOMBS = {
    "a long step for each of many examples": f"{OUTLINE}Given {'x' * 2_000_000}\nExamples:\n|a|\n" + "|1|\n" * 19_000,
    "a long value in many places": f"{OUTLINE}Given {'<a>' * 700_000}\nExamples:\n|a|\n|{'x' * 2_000_000}|\n",
    "a long background for many scenarios": "Feature: F\nBackground:\n" + "* x\n" * 600_000 + "Scenario:\n" * 20_000,
    "many tags for many scenarios": "@a " * 800_000 + "\nFeature: F\n" + "Scenario:\n" * 20_000,
    "a quoted text of many lines": f'{OUTLINE}Given x\n"""\n' + "x\n" * 2_000_000 + '"""\n',
    "examples without end": f"{OUTLINE}Given x\nExamples:\n|a|\n" + "||\n" * 1_500_000,
    "scenarios without end": "Feature: F\n" + "Scenario:\n" * 400_000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_small_file_that_asks_for_endless_cases_is_refused_before_they_are_made(bomb: str) -> None:
    with pytest.raises(InvalidInput):
        read_gherkin(bomb.encode())


def test_examples_write_a_scenario_out_as_often_as_they_say() -> None:
    text = f"{OUTLINE}Given {'x' * 1_000} <a>\nExamples:\n|a|\n" + "".join(f"|{at}|\n" for at in range(2_000))
    assert len(cases(read_gherkin(text.encode()))) == 2_000
