"""The chart of a report on paper."""

from reportlab.graphics.shapes import Rect, String
from reportlab.pdfbase.pdfmetrics import stringWidth

from testkase.entrypoints.web.reports.pdf_file import _WIDTH, _chart
from testkase.entrypoints.web.statements.lettering import REGULAR
from testkase.services.features.reports.model import Chart

NAMES = ("Checkout", "Administration of accounts", "Cart", "Vouchers and their conditions")


def test_each_name_begins_where_its_bar_does_and_ends_on_the_sheet() -> None:
    figures = ((36,), (32,), (16,), (16,))
    drawn = _chart(Chart(title="Risk", unit="%", names=("Risk",), parts=(1,), labels=NAMES, values=figures)).contents
    bars = [one.x for one in drawn if isinstance(one, Rect)][: len(NAMES)]
    under = [one for one in drawn if isinstance(one, String) and one.y == 13]
    assert [one.x for one in under] == bars
    assert max(one.x + stringWidth(one.text, REGULAR, 6.5) for one in under) <= _WIDTH
