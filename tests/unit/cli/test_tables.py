"""What commands print stays whole in a terminal of eighty columns."""

from rich.console import Console

from testkase.entrypoints.cli.payments import table_of_open


def test_an_id_stands_whole_beside_a_long_sentence() -> None:
    purchase = "pur_01M8P1VKN15V84AJ3QN2CKPSV8"
    table, screen = table_of_open(), Console(width=80)
    table.add_row(
        "1", "purchase", purchase, "The payment provider did not answer in time. It is asked again at the next turn."
    )
    with screen.capture() as shown:
        screen.print(table)
    assert purchase in shown.get()
