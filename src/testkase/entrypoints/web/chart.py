"""The bars and figures of the breakdown, written straight as markup: a month has a thousand of them, and through the
template's own loops they would be half the page's time."""

from collections.abc import Sequence
from datetime import date
from html import escape

from django.utils.safestring import SafeString

from testkase.entrypoints.web.templatetags.testkase import credits

BAR, GAP = 10, 4
"""Width of a day's bar and of the gap beside it, in the chart's own units."""
_HEIGHT = 100

Days = list[tuple[date, list[int]]]
"""Each day with one amount for each part, in micro-credits."""


def draw_bars(days: Days, names: list[str], highest: int) -> SafeString:
    """One stack for each day, from the bottom up; every block says what it is."""
    safe = [escape(name) for name in names]
    return SafeString("\n".join(_bar(index, day, amounts, safe, highest) for index, (day, amounts) in enumerate(days)))


def _bar(index: int, day: date, amounts: list[int], names: Sequence[str], highest: int) -> str:
    left, below, blocks = index * (BAR + GAP) + GAP // 2, 0, []
    for number, amount in enumerate(amounts, 1):
        if amount:
            below += amount
            top, height = length(highest - below, highest), length(amount, highest)
            said = f"{day.day} {day:%b}: {names[number - 1]}, {credits(amount)} credits"
            blocks.append(
                f'<rect class="part-{number}" x="{left}" y="{top}" width="{BAR}" height="{height}">'
                f"<title>{said}</title></rect>"
            )
    return f"<g>{''.join(blocks)}</g>"


def write_rows(days: Days) -> SafeString:
    """A row for each day: its figures, then their sum."""
    return SafeString("\n".join(_row(day, amounts) for day, amounts in days))


def _row(day: date, amounts: list[int]) -> str:
    cells = "".join(f'<td class="end number">{credits(amount)}</td>' for amount in [*amounts, sum(amounts)])
    return f'<tr><th scope="row">{day.day} {day:%b %Y}</th>{cells}</tr>'


def length(amount: int, highest: int) -> str:
    """A height of the chart with two decimals."""
    hundredths = amount * _HEIGHT * 100 // highest
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def permilles_of(amounts: list[int]) -> list[int]:
    """The share of each amount in all of them. They add up to 1,000: what is lost by rounding down goes to those that
    lost most by it, so that no column of shares comes to 100.1 %."""
    total = sum(amounts)
    if not total:
        return [0] * len(amounts)
    shares = [amount * 1000 // total for amount in amounts]
    by_loss = sorted(range(len(amounts)), key=lambda index: amounts[index] * 1000 % total, reverse=True)
    for index in by_loss[: 1000 - sum(shares)]:
        shares[index] += 1
    return shares
