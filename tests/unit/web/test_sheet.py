"""How tables are set on the pages of a document."""

from reportlab.platypus import Spacer

from testkase.entrypoints.web.statements.sheet import document_of, table, under
from tests.support.pdf import pdf_text


def test_a_long_table_begins_where_there_is_room_and_goes_on_over_the_page() -> None:
    rows = [[f"Member {number}", "1.00"] for number in range(60)]
    flow = [Spacer(0, 300), *under("Used by user", table([["User", "Credits"], *rows], (0.7, 0.3), head=True))]
    said = pdf_text(document_of(flow, title="of a test", subject="a test")).split("\n")
    assert said.index("Page 1") < said.index("Used by user") < said.index("Member 9") < said.index("Page 2")
    assert said.count("User") == 3, "its head stands on each page"


def test_a_table_of_which_hardly_a_line_has_room_begins_on_the_next_page() -> None:
    flow = [
        Spacer(0, 640),
        *under("Used by user", table([["User", "Credits"], ["Ada", "1.00"]], (0.7, 0.3), head=True)),
    ]
    said = pdf_text(document_of(flow, title="of a test", subject="a test")).split("\n")
    assert said.index("Page 2") < said.index("Used by user")
