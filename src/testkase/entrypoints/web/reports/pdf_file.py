"""A report as PDF, on A4: what was found first, then the model's text, the chart, the tables and the formula."""

import io
from collections.abc import Iterable
from functools import cache

from django.utils import timezone
from reportlab.graphics.shapes import Drawing, Rect, String
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from testkase.entrypoints.web.statements.lettering import BOLD, REGULAR, register_fonts, written
from testkase.entrypoints.web.statements.sheet import FEW_LINES, SIDE
from testkase.services.features.reports.model import Chart, Facts, Narrative, ReportView
from testkase.services.features.reports.model import Table as Found
from testkase.services.workspace.model import Project

_TEXT, _MUTED, _LINE = HexColor("#151a23"), HexColor("#5a6577"), HexColor("#c9d0da")
_PARTS = {
    1: HexColor("#2f54d6"), 2: HexColor("#0f8a7e"), 3: HexColor("#b8651b"), 4: HexColor("#8a3fc4"),
    5: HexColor("#c03a6b"), 8: HexColor("#76808f"),
}  # fmt: skip
"""The colours of the page, by number."""
_MARGIN = 20 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_CHART = 120
_SIZE = 8


def pdf_of(view: ReportView, project: Project, person: str, *, zone: str) -> bytes:
    """The file; the same report makes the same bytes."""
    register_fonts()
    file = io.BytesIO()
    title = f"{view.name}: {_written(project.name)}"
    document = SimpleDocTemplate(
        file, pagesize=A4, leftMargin=SIDE, rightMargin=SIDE, topMargin=_MARGIN, bottomMargin=24 * mm,
        title=title, author="TestKase", subject="AI report", lang="en", invariant=1,
    )  # fmt: skip

    def foot(canvas: Canvas, _: object) -> None:
        canvas.setFont(REGULAR, 7.5)
        canvas.setFillColor(_MUTED)
        canvas.drawString(_MARGIN, 13 * mm, f"TestKase · {view.name} · {project.key}")
        canvas.drawRightString(A4[0] - _MARGIN, 13 * mm, f"Page {canvas.getPageNumber()}")

    document.build(list(_flow(view, project, person, zone)), onFirstPage=foot, onLaterPages=foot)
    return file.getvalue()


def _flow(view: ReportView, project: Project, person: str, zone: str) -> Iterable[Flowable]:
    yield _said("AI report", "small")
    yield _said(view.name, "title")
    yield _said(f"{_written(project.name)} ({project.key})", "lead")
    with timezone.override(zone):
        made = timezone.localtime(view.created_at)
    yield _said(f"Made by {_written(person)} on {made.day} {made:%B %Y, %H:%M}, {zone} time.", "small")
    yield Spacer(0, 5 * mm)
    if view.facts is None:
        yield _said("Nothing was computed yet.", "body")
        return
    yield from _found(view.facts)
    yield from _commented(view, view.narrative)
    if view.facts.chart is not None:
        chart = view.facts.chart
        yield KeepTogether([_said(f"{chart.title}, in {chart.measure}", "heading"), _chart(chart)])
    for table in view.facts.tables:
        yield CondPageBreak(FEW_LINES)  # a heading kept with its table would take the whole table to the next page
        yield _said(table.title, "above")
        yield _table(table) if table.rows else _said(table.nothing, "small")
        if table.more:
            yield _said(f"and {table.more:,} more.", "more")
    yield _said("How it was computed", "heading")
    yield _said(view.facts.formula, "small")
    yield _said(f"Cycles, oldest first: {', '.join(map(_written, view.facts.cycles)) or 'none'}.", "small")


def _found(facts: Facts) -> Iterable[Flowable]:
    if facts.warning:
        yield _said(facts.warning, "warning")
    for sentence in facts.headline:
        yield _said(sentence, "body")


def _commented(view: ReportView, narrative: Narrative | None) -> Iterable[Flowable]:
    yield _said("In words", "heading")
    if narrative is None:
        yield _said(_untold(view), "small")
        return
    if narrative.summary != " ".join(view.facts.headline if view.facts else ()):
        yield _said(narrative.summary, "body")
    for one in narrative.recommendations:
        yield _said(f"• {one.about + ': ' if one.about else ''}{one.text}", "body")
    yield _said(f"Written by the model {view.options.model}; every figure in it was put in by the program.", "small")


def _untold(view: ReportView) -> str:
    """Why it has no text."""
    if view.ending == "cancelled":
        return "It was cancelled before its text was finished."
    return view.error or "The text is being written."


def _chart(chart: Chart) -> Drawing:
    drawing, most = Drawing(_WIDTH, _CHART + 28), max((sum(one) for one in chart.values), default=0) or 1
    slot = _WIDTH / max(len(chart.labels), 1)
    for place, values in enumerate(chart.values):
        below, left = 0.0, place * slot + slot * 0.2
        for part, value in zip(chart.parts, values, strict=True):
            height = value / most * _CHART
            if value:
                drawing.add(Rect(left, 24 + below, slot * 0.6, height, fillColor=_PARTS[part], strokeColor=None))
            below += height
        total = f"{sum(values):,}"
        _label(drawing, left, 24 + below + 2, total)
        _label(drawing, left, 13, _cut_label(_written(chart.labels[place]), int(slot * 0.9 / 4)))
    left = 0.0
    for part, name in zip(chart.parts, chart.names, strict=True):
        drawing.add(Rect(left, 0, 6, 6, fillColor=_PARTS[part], strokeColor=None))
        _label(drawing, left + 9, 0, name)
        left += 22 + 4.5 * len(name)
    return drawing


def _label(drawing: Drawing, left: float, bottom: float, text: str) -> None:
    drawing.add(String(left, bottom, text, fontName=REGULAR, fontSize=6.5, fillColor=_MUTED))


def _table(table: Found) -> Table:
    style = _styles()["cell"]
    heads = {False: _styles()["head"], True: _styles()["head of figures"]}
    head: list[Flowable | str] = [Paragraph(column.name, heads[column.figure]) for column in table.columns]
    rows: list[list[Flowable | str]] = [head]
    for row in table.rows:
        pairs = zip(row.cells, table.columns, strict=True)
        rows.append([cell if column.figure else Paragraph(_escaped(_written(cell)), style) for cell, column in pairs])
    wide = [
        1.0 if column.figure else 3.2 if column.name in ("Title", "Why", "Folder") else 1.4 for column in table.columns
    ]
    made = Table(rows, colWidths=[_WIDTH * share / sum(wide) for share in wide], repeatRows=1)
    rules: list[tuple[object, ...]] = [
        ("FONT", (0, 0), (-1, -1), REGULAR, _SIZE), ("TEXTCOLOR", (0, 0), (-1, -1), _TEXT),
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
        ("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 6),
        ("TOPPADDING", (0, 0), (-1, -1), 3), ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
    ]  # fmt: skip
    rules += [("ALIGN", (place, 0), (place, -1), "RIGHT") for place, one in enumerate(table.columns) if one.figure]
    made.setStyle(TableStyle(rules))
    return made


def _said(text: str, style: str) -> Paragraph:
    return Paragraph(_escaped(_written(text)), _styles()[style])


def _written(text: str) -> str:
    return written(text, "")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: max(longest - 1, 1)]}…"


def _cut_label(text: str, longest: int) -> str:
    """Of a folder's path the end, which says which it is."""
    return _cut(text if len(text) <= longest else text.rpartition(" / ")[2], longest)


def _escaped(text: str) -> str:
    """What people and models wrote is text, never the markup of a paragraph."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@cache
def _styles() -> dict[str, ParagraphStyle]:
    def style(name: str, size: float, font: str = REGULAR, **more: object) -> ParagraphStyle:
        return ParagraphStyle(
            name, **{"fontName": font, "fontSize": size, "leading": size * 1.4, "textColor": _TEXT, **more}
        )

    muted = {"textColor": _MUTED}
    styles = (
        style("title", 20, BOLD, spaceBefore=2, spaceAfter=4), style("lead", 11), style("small", 8, **muted),
        style("body", 9.5, spaceAfter=4), style("cell", _SIZE), style("warning", 9.5, BOLD, spaceAfter=6),
        style("heading", 10.5, BOLD, spaceBefore=14, spaceAfter=5, keepWithNext=1),
        style("above", 10.5, BOLD, spaceBefore=14, spaceAfter=5), style("more", 8, spaceBefore=3, **muted),
        style("head", 6.5, **muted), style("head of figures", 6.5, alignment=TA_RIGHT, **muted),
    )  # fmt: skip
    return {one.name: one for one in styles}
