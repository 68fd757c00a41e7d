"""A statement as PDF, on A4: the sum first, then who used what, then the credits that expired."""

import io
from collections.abc import Iterable
from functools import cache

from django.utils import timezone
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from testkase.core.ledger.calendar import from_micros
from testkase.entrypoints.web.statements.lettering import BOLD, REGULAR, register_fonts, written
from testkase.entrypoints.web.statements.paper import Gone, Paper, Used
from testkase.entrypoints.web.templatetags.testkase import credits, thousands

_TEXT, _MUTED, _LINE = HexColor("#151a23"), HexColor("#5a6577"), HexColor("#c9d0da")
_MARGIN = 20 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_SIZE = 8.5
"""Of figures and names, in points."""


def pdf_of(paper: Paper) -> bytes:
    """The file; the same statement makes the same bytes."""
    register_fonts()
    file = io.BytesIO()
    title = f"AI credits statement {paper.title}"
    document = SimpleDocTemplate(
        file, pagesize=A4, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=24 * mm,
        title=title, author="TestKase", subject=written(paper.organization, paper.organization_slug), lang="en",
        invariant=1,
    )  # fmt: skip

    def foot(canvas: Canvas, _: object) -> None:
        canvas.setFont(REGULAR, 7.5)
        canvas.setFillColor(_MUTED)
        canvas.drawString(_MARGIN, 13 * mm, f"TestKase · {title}")
        canvas.drawRightString(A4[0] - _MARGIN, 13 * mm, f"Page {canvas.getPageNumber()}")

    document.build(list(_flow(paper)), onFirstPage=foot, onLaterPages=foot)
    return file.getvalue()


def _flow(paper: Paper) -> Iterable[Flowable]:
    style = _styles()
    yield Paragraph("AI credits statement", style["small"])
    yield Paragraph(paper.title, style["title"])
    yield Paragraph(_escaped(written(paper.organization, paper.organization_slug)), style["lead"])
    yield Paragraph(_escaped(_span(paper)), style["small"])
    yield Spacer(0, 6 * mm)
    yield _sum(paper)
    yield Spacer(0, 2 * mm)
    yield Paragraph(_verdict(paper), style["small"])
    for heading, used in paper.readable:
        yield Paragraph(f"Used by {heading.lower()}", style["heading"])
        yield _used(heading, used) if used else Paragraph("Nothing was used.", style["small"])
    yield Paragraph("Credits that expired", style["heading"])
    yield _gone(paper, paper.gone) if paper.gone else Paragraph("Nothing expired.", style["small"])


def _span(paper: Paper) -> str:
    began, ends = _moment(paper, paper.period.started_at), _moment(paper, paper.period.ends_at)
    state = "" if paper.period.closed else " The month is still running: figures so far."
    return f"{began} to {ends}, {paper.time_zone} time.{state}"


def _verdict(paper: Paper) -> str:
    if not paper.adds_up:
        return "These figures do not add up. Please tell whoever runs this installation."
    calls = "1 AI interaction" if paper.interactions == 1 else f"{thousands(paper.interactions)} AI interactions"
    return f"It adds up: every line, {calls} and each breakdown below agree to the micro-credit. Amounts in credits."


def _sum(paper: Paper) -> Table:
    rows = [[_fitting(line.name, _WIDTH * 0.7), _amount(line.amount, signed=not line.balance)] for line in paper.lines]
    return _table(rows, (0.7, 0.3), bold=(0, len(rows) - 1))


def _used(heading: str, used: list[Used]) -> Table:
    rows: list[list[Flowable | str]] = [[heading, "Calls", "Credits"]]
    rows += [
        [_fitting(_name(one), _WIDTH * 0.6), thousands(one.interactions), _amount(one.charged)] for one in used
    ]  # fmt: skip
    calls, charged = sum(one.interactions for one in used), sum(one.charged for one in used)
    rows.append(["Together", thousands(calls), _amount(charged)])
    return _table(rows, (0.6, 0.15, 0.25), head=True, bold=(len(rows) - 1,))


def _name(one: Used) -> str:
    name = written(one.name, one.reference)
    return f"{name} ({one.note})" if one.note and name != one.note else name


def _gone(paper: Paper, gone: list[Gone]) -> Table:
    rows: list[list[Flowable | str]] = [["Credits", "Amount", "Expired"]]
    rows += [[_fitting(one.name, _WIDTH * 0.5), _amount(one.expired), _moment(paper, one.at)] for one in gone]
    return _table(rows, (0.5, 0.2, 0.3), head=True)


def _moment(paper: Paper, micros: int) -> str:
    with timezone.override(paper.time_zone):
        local = timezone.localtime(from_micros(micros))
    return f"{local.day} {local:%B %Y, %H:%M}"


def _amount(microcredits: int, *, signed: bool = False) -> str:
    sign = "−\u00a0" if microcredits < 0 else "+\u00a0" if signed and microcredits else ""
    return f"{sign}{credits(abs(microcredits))}"


def _fitting(text: str, width: float) -> Flowable | str:
    """Text that is too long for one line wraps; that costs ten times as much, so only where it must."""
    return text if stringWidth(text, BOLD, _SIZE) < width - 12 else Paragraph(_escaped(text), _styles()["cell"])


def _escaped(text: str) -> str:
    """Names are text, never the markup of a paragraph."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _table(
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
    table = Table(rows, colWidths=[_WIDTH * share for share in widths], repeatRows=1 if head else 0)
    table.setStyle(TableStyle(rules))
    return table


@cache
def _styles() -> dict[str, ParagraphStyle]:
    def style(name: str, size: float, font: str = REGULAR, **more: object) -> ParagraphStyle:
        return ParagraphStyle(
            name, **{"fontName": font, "fontSize": size, "leading": size * 1.35, "textColor": _TEXT, **more}
        )

    muted = {"textColor": _MUTED}
    styles = (
        style("title", 20, BOLD, spaceBefore=2, spaceAfter=4), style("lead", 11), style("small", 8, **muted),
        style("heading", 10.5, BOLD, spaceBefore=16, spaceAfter=5, keepWithNext=1), style("cell", _SIZE),
    )  # fmt: skip
    return {one.name: one for one in styles}
