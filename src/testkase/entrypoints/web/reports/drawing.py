"""The chart of a report: stacked bars in the manner of the AI Credits page, with the same figures as a table."""

from dataclasses import dataclass
from html import escape

from django.utils.safestring import SafeString

from testkase.entrypoints.web.chart import BAR, GAP, length
from testkase.services.features.reports.model import Chart, Table

_LABELLED = 8
"""So many bars have their names beneath; of more, the first and the last."""


class Drawing:
    """A chart as its template shows it."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.width = max(len(chart.labels), 1) * (BAR + GAP)
        self.highest = _scale(max((sum(values) for values in chart.values), default=0))
        self.middle = self.highest // 2

    @property
    def bars(self) -> SafeString:
        """One stack for each label, from the bottom up; every block says what it is. Names are text, never markup."""
        return SafeString("\n".join(self._bar(place) for place in range(len(self.chart.labels))))

    @property
    def labels(self) -> tuple[str, ...]:
        """What stands beneath the bars."""
        all_of_them = self.chart.labels
        return all_of_them if len(all_of_them) <= _LABELLED else (all_of_them[0], all_of_them[-1])

    @property
    def all_labelled(self) -> bool:
        """Whether each bar has its name beneath."""
        return len(self.labels) == len(self.chart.labels)

    @property
    def legend(self) -> list[tuple[int, str]]:
        """Colours and names, where there are several."""
        return list(zip(self.chart.parts, self.chart.names, strict=True)) if len(self.chart.names) > 1 else []

    @property
    def rows(self) -> list[tuple[str, tuple[int, ...]]]:
        """The figures, label by label."""
        return list(zip(self.chart.labels, self.chart.values, strict=True))

    def _bar(self, place: int) -> str:
        left, below, blocks = place * (BAR + GAP) + GAP // 2, 0, []
        for name, part, value in zip(self.chart.names, self.chart.parts, self.chart.values[place], strict=True):
            if value:
                below += value
                top, height = length(self.highest - below, self.highest), length(value, self.highest)
                said = escape(f"{self.chart.labels[place]}: {name}, {value:,} {self.chart.unit}")
                blocks.append(
                    f'<rect class="part-{part}" x="{left}" y="{top}" width="{BAR}" height="{height}">'
                    f"<title>{said}</title></rect>"
                )
        return f"<g>{''.join(blocks)}</g>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a table as its template shows it. `label` says on a narrow screen what stands there."""

    text: str
    figure: bool
    label: str


def lines_of(table: Table) -> list[tuple[str, str, list[Cell]]]:
    """Each row: the case its first cell leads to, that cell, and the others."""
    labels = ["" if column.name == "Title" else column.name for column in table.columns]
    return [
        (
            row.case_key,
            row.cells[0],
            [
                Cell(text=text, figure=column.figure, label=label)
                for text, column, label in zip(row.cells[1:], table.columns[1:], labels[1:], strict=True)
            ],
        )
        for row in table.rows
    ]


def _scale(most: int) -> int:
    """The next of 2, 4, 6, 8, 10, 20, 30, 40, …: half of it, beside the line in the middle, is a whole number too."""
    for top in (2, 4, 6, 8):
        if most <= top:
            return top
    step = 10
    while True:
        for factor in (1, 2, 3, 4, 5, 6, 8):
            if most <= factor * step:
                return factor * step
        step *= 10
