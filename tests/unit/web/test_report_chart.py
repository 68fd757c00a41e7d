"""The chart of a report: what its axis says, and that each bar is as high as its figure."""

import re

import pytest

from testkase.entrypoints.web.reports.drawing import Drawing
from testkase.services.features.reports.model import Chart


def drawing(*values: tuple[int, ...], unit: str = "cases") -> Drawing:
    names = ("Passed", "Failed")[: len(values[0])]
    labels = tuple(f"Sprint {number}" for number in range(len(values)))
    return Drawing(
        Chart(title="Cases", unit=unit, names=names, parts=(2, 5)[: len(names)], labels=labels, values=values)
    )


@pytest.mark.parametrize(
    ("most", "highest"),
    [(0, 2), (1, 2), (3, 4), (7, 8), (9, 10), (10, 10), (11, 20), (25, 30), (36, 40), (61, 80), (81, 100), (101, 200)],
)
def test_the_axis_ends_at_a_round_figure_whose_half_is_whole(most: int, highest: int) -> None:
    drawn = drawing((most,))
    assert (drawn.highest, drawn.middle) == (highest, highest // 2)
    assert drawn.middle * 2 == drawn.highest


def test_bars_stand_on_each_other_up_to_their_sum_on_that_axis() -> None:
    drawn = drawing((15, 5), (0, 20))
    assert drawn.highest == 20
    assert re.findall(r'y="([\d.]+)" width="\d+" height="([\d.]+)"', drawn.bars) == [
        ("25.00", "75.00"), ("0.00", "25.00"), ("0.00", "100.00"),
    ]  # fmt: skip
    assert "<title>Sprint 0: Failed, 5 cases</title>" in drawn.bars


@pytest.mark.parametrize(("unit", "measure"), [("cases", "cases"), ("%", "percent"), ("s", "seconds")])
def test_the_heading_names_the_unit_in_a_word(unit: str, measure: str) -> None:
    assert drawing((1,), unit=unit).chart.measure == measure
