"""How tables are set on the pages of a document."""

from collections.abc import Iterable

from reportlab.platypus import Flowable, Spacer

from testkase.entrypoints.web.statements.sheet import document_of, table, under
from tests.support.pdf import pdf_text


def paged(points_above: float, lines: int) -> list[str]:
    """The texts of a document with so much space above a table of so many lines."""

    def flow() -> Iterable[Flowable]:
        yield Spacer(0, points_above)
        rows = [["User", "Credits"], *([f"Member {number}", "1.00"] for number in range(lines))]
        yield from under("Used by user", table(rows, (0.7, 0.3), head=True))

    return pdf_text(document_of(flow(), title="of a test", subject="a test")).split("\n")


def test_a_long_table_begins_where_there_is_room_and_goes_on_over_the_page() -> None:
    said = paged(300, 60)
    assert said.index("Page 1") < said.index("Used by user") < said.index("Member 9") < said.index("Page 2")
    assert said.count("User") == 3, "its head stands on each page"


def test_a_table_of_which_hardly_a_line_has_room_begins_on_the_next_page() -> None:
    said = paged(640, 1)
    assert said.index("Page 2") < said.index("Used by user")
