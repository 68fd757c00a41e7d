"""The look of documents on A4: one font, hairlines between the rows of tables, a foot with the page's number."""

import io
from collections.abc import Iterable
from functools import cache

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, SimpleDocTemplate, Table, TableStyle

from testkase.entrypoints.web.statements.lettering import BOLD, REGULAR, register_fonts

_TEXT, _MUTED, _LINE = HexColor("#151a23"), HexColor("#5a6577"), HexColor("#c9d0da")
_MARGIN = 20 * mm
SIDE = _MARGIN - 6
"""Margin to name for a document: what it sets its text in has a padding of its own, which tables know nothing of."""
WIDTH = A4[0] - 2 * _MARGIN
"""Of the text, in points."""

FEW_LINES = 40 * mm
"""A table begins where a few of its lines have room."""

_SIZE = 8.5
"""Of figures and names, in points."""


def document_of(flow: Iterable[Flowable], *, title: str, subject: str, author: str = "TestKase") -> bytes:
    """The file; the same flow makes the same bytes."""
    register_fonts()
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file, pagesize=A4, leftMargin=SIDE, rightMargin=SIDE, topMargin=_MARGIN, bottomMargin=24 * mm,
        title=title, author=author, subject=subject, lang="en", invariant=1,
    )  # fmt: skip

    def foot(canvas: Canvas, _: object) -> None:
        canvas.setFont(REGULAR, 7.5)
        canvas.setFillColor(_MUTED)
        canvas.drawString(_MARGIN, 13 * mm, f"{author} · {title}")
        canvas.drawRightString(A4[0] - _MARGIN, 13 * mm, f"Page {canvas.getPageNumber()}")

    document.build(list(flow), onFirstPage=foot, onLaterPages=foot)
    return file.getvalue()


def fitting(text: str, width: float) -> Flowable | str:
    """Text that is too long for one line wraps; that costs ten times as much, so only where it must."""
    return text if stringWidth(text, BOLD, _SIZE) < width - 12 else Paragraph(escaped(text), styles()["cell"])


def escaped(text: str) -> str:
    """Names are text, never the markup of a paragraph."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def table(
    rows: list[list[Flowable | str]], widths: tuple[float, ...], *, head: bool = False, bold: tuple[int, ...] = ()
) -> Table:
    """Rows between hairlines, figures to the right; a head repeated on each page, totals in bold."""
    rules: list[tuple[object, ...]] = [
        ("FONT", (0, 0), (-1, -1), REGULAR, _SIZE), ("TEXTCOLOR", (0, 0), (-1, -1), _TEXT),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"), ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE), ("LEFTPADDING", (0, 0), (0, -1), 0),
        ("RIGHTPADDING", (-1, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
    ]  # fmt: skip
    rules += [("FONT", (0, row), (-1, row), BOLD, _SIZE) for row in bold]
    if bold:
        rules.append(("LINEABOVE", (0, bold[-1]), (-1, bold[-1]), 1, _TEXT))
    if head:
        rules += [("FONT", (0, 0), (-1, 0), REGULAR, 7.5), ("TEXTCOLOR", (0, 0), (-1, 0), _MUTED)]
    made = Table(rows, colWidths=[WIDTH * share for share in widths], repeatRows=1 if head else 0)
    made.setStyle(TableStyle(rules))
    return made


def under(heading: str, body: Flowable) -> Iterable[Flowable]:
    """A table and its heading. Kept together they would go to the next page whole, and leave this one empty."""
    yield CondPageBreak(FEW_LINES)
    yield Paragraph(heading, styles()["above"])
    yield body


@cache
def styles() -> dict[str, ParagraphStyle]:
    """Paragraphs by name: title, lead, small, heading, above (a heading whose table may go on over the page), cell."""

    def style(name: str, size: float, font: str = REGULAR, **more: object) -> ParagraphStyle:
        return ParagraphStyle(
            name, **{"fontName": font, "fontSize": size, "leading": size * 1.35, "textColor": _TEXT, **more}
        )

    muted = {"textColor": _MUTED}
    made = (
        style("title", 20, BOLD, spaceBefore=2, spaceAfter=4), style("lead", 11), style("small", 8, **muted),
        style("heading", 10.5, BOLD, spaceBefore=16, spaceAfter=5, keepWithNext=1), style("cell", _SIZE),
        style("above", 10.5, BOLD, spaceBefore=16, spaceAfter=5),
    )  # fmt: skip
    return {one.name: one for one in made}
