"""A statement as PDF, on A4: the sum first, then who used what, then the credits that expired."""

from collections.abc import Iterable

from django.utils import timezone
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, Spacer, Table

from testkase.core.ledger.calendar import from_micros
from testkase.entrypoints.web.statements.lettering import can_write, written
from testkase.entrypoints.web.statements.paper import Gone, Paper, Used
from testkase.entrypoints.web.statements.sheet import WIDTH, document_of, escaped, fitting, styles, table, under
from testkase.entrypoints.web.templatetags.testkase import credits, thousands


def pdf_of(paper: Paper) -> bytes:
    """The file; the same statement makes the same bytes."""
    subject = written(paper.organization, paper.organization_slug)
    return document_of(_flow(paper), title=f"AI credits statement {paper.title}", subject=subject)


def _flow(paper: Paper) -> Iterable[Flowable]:
    style = styles()
    yield Paragraph("AI credits statement", style["small"])
    yield Paragraph(paper.title, style["title"])
    yield Paragraph(escaped(written(paper.organization, paper.organization_slug)), style["lead"])
    yield Paragraph(escaped(_span(paper)), style["small"])
    yield Spacer(0, 6 * mm)
    yield _sum(paper)
    yield Spacer(0, 2 * mm)
    yield Paragraph(_verdict(paper), style["small"])
    for heading, used in paper.readable:
        body = _used(heading, used) if used else Paragraph("Nothing was used.", style["small"])
        yield from under(f"Used by {heading.lower()}", body)
    if paper.gone:
        yield from under("Credits that expired", _gone(paper, paper.gone))
    if not can_write(" ".join([paper.organization, *(one.name for _, used in paper.readable for one in used)])):
        yield Spacer(0, 4 * mm)
        note = "This file is written in Latin, Greek and Cyrillic letters. The statement’s page and CSV have names"
        yield Paragraph(f"{note} in others in full.", style["small"])


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
    rows = [[fitting(line.name, WIDTH * 0.7), _amount(line.amount, signed=not line.balance)] for line in paper.lines]
    return table(rows, (0.7, 0.3), bold=(0, len(rows) - 1))


def _used(heading: str, used: list[Used]) -> Table:
    rows: list[list[Flowable | str]] = [[heading, "Calls", "Credits"]]
    rows += [
        [fitting(_name(one), WIDTH * 0.6), thousands(one.interactions), _amount(one.charged)] for one in used
    ]  # fmt: skip
    calls, charged = sum(one.interactions for one in used), sum(one.charged for one in used)
    rows.append(["Together", thousands(calls), _amount(charged)])
    return table(rows, (0.6, 0.15, 0.25), head=True, bold=(len(rows) - 1,))


def _name(one: Used) -> str:
    name = written(one.name, one.reference)
    return f"{name} ({one.note})" if one.note and name != one.note else name


def _gone(paper: Paper, gone: list[Gone]) -> Table:
    rows: list[list[Flowable | str]] = [["Credits", "Amount", "Expired"]]
    rows += [[fitting(one.name, WIDTH * 0.5), _amount(one.expired), _moment(paper, one.at)] for one in gone]
    return table(rows, (0.5, 0.2, 0.3), head=True)


def _moment(paper: Paper, micros: int) -> str:
    with timezone.override(paper.time_zone):
        local = timezone.localtime(from_micros(micros))
    return f"{local.day} {local:%B %Y, %H:%M}"


def _amount(microcredits: int, *, signed: bool = False) -> str:
    sign = "−\u00a0" if microcredits < 0 else "+\u00a0" if signed and microcredits else ""
    return f"{sign}{credits(abs(microcredits))}"
