"""CSV files as people and spreadsheets write them."""

import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.workspace.importing.csv_file import read_csv
from testkase.services.workspace.importing.model import CaseItem, Item, Unreadable
from testkase.services.workspace.model import Step


def case(items: list[Item], at: int = 0) -> CaseItem:
    item = items[at]
    assert isinstance(item, CaseItem)
    return item


def test_columns_are_found_by_their_names_in_any_order() -> None:
    text = 'Priority,Test Case Title,Labels,Section,ID\nP1,Pay,"card, fast",Checkout/Payment,shop-7\n'
    item = case(read_csv(text.encode()))
    assert (item.title, item.key, item.folder, item.line) == ("Pay", "SHOP-7", "Checkout/Payment", 2)
    assert item.fields == {"title": "Pay", "priority": "critical", "tags": ("card", " fast")}


def test_steps_stand_in_one_cell_as_numbered_lines() -> None:
    text = 'Title,Steps,Expected Result\nPay,"1. Open the cart\n2) Press Pay\ntwice","2. One order\n1. It is open"\n'
    assert case(read_csv(text.encode())).fields["steps"] == (
        Step(action="Open the cart", expected="It is open"),
        Step(action="Press Pay\ntwice", expected="One order"),
    )


def test_an_expected_result_without_numbers_belongs_to_the_last_step() -> None:
    text = 'Title,Steps,Expected\nPay,"1. Open\n2. Pay",All is well\n'
    assert [step.expected for step in case(read_csv(text.encode())).fields["steps"]] == ["", "All is well"]


def test_steps_stand_in_lines_of_their_own() -> None:
    text = "Title,Step,Expected\nPay,Open,It is open\n,Press Pay,One order\n,,\nSign in,Open,\n"
    items = read_csv(text.encode())
    assert case(items).fields["steps"] == (
        Step(action="Open", expected="It is open"),
        Step(action="Press Pay", expected="One order"),
    )
    assert (case(items, 1).title, case(items, 1).line) == ("Sign in", 5)


@pytest.mark.parametrize(
    "data",
    [
        "Title;Steps\nZahlen für Übung;Öffnen\n".encode("cp1252"),
        "\ufeffTitle\tSteps\r\nZahlen für Übung\tÖffnen\r\n".encode(),
        "Title,Steps\rZahlen für Übung,Öffnen\r".encode("utf-16"),
    ],
)
def test_every_encoding_and_delimiter_of_spreadsheets_is_read(data: bytes) -> None:
    item = case(read_csv(data))
    assert (item.title, item.fields["steps"][0].action) == ("Zahlen für Übung", "Öffnen")


def test_what_is_not_understood_is_left_out_and_said() -> None:
    item = case(read_csv(b"Title,Priority,Status\nPay,urgent!,approved\n"))
    assert item.fields == {"title": "Pay", "status": "ready"}
    assert "'urgent!' is not known" in item.note


def test_a_cell_made_safe_for_spreadsheets_is_as_it_was() -> None:
    item = case(read_csv(b"Title,Steps\n'=1+1 is shown as text,'-1 is refused\n"))
    assert (item.title, item.fields["steps"][0].action) == ("=1+1 is shown as text", "-1 is refused")


def test_a_line_without_a_title_is_reported() -> None:
    (item,) = read_csv(b"Key,Title\nSHOP-1,\n")
    assert item == Unreadable(line=2, title="SHOP-1", reason="There is no title on this line.")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"Steps,Expected\nOpen,\n",
        b"\x00\x01\x02binary",
        b"\xff\xfe\x00",
        b"Title\n" + b"x" * 200_000,
        b"Title\n" + b"a\n" * 20_001,
    ],
)
def test_what_is_no_csv_of_cases_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_csv(data)


def test_rows_may_be_longer_or_shorter_than_the_heading() -> None:
    items = read_csv(b'Title,Steps\nA\nB,"unclosed, quote\nto the end')
    assert [item.title for item in items] == ["A", "B"]


def test_numbers_that_come_again_count_on() -> None:
    (item,) = read_csv(b'Title,Steps\nA,"1. one\n3. three\n1. four\n   more\n2. two"\n')
    assert isinstance(item, CaseItem)
    assert [step.action for step in item.fields["steps"]] == ["one", "two", "three", "four\nmore"]


def test_a_cell_of_very_many_lines_is_read_at_once() -> None:
    (item,) = read_csv(b'Title,Steps\nA,"' + b"1.\n" * 33_000 + b'"\n')
    assert isinstance(item, CaseItem)
    assert len(item.fields["steps"]) == 33_000
