"""One table from code to status, and nothing falls through it."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import testkase.core
import testkase.entrypoints.api
import testkase.foundation
import testkase.services.billing
import testkase.services.inference
import testkase.services.metering
from testkase.entrypoints.api.catalogue import PROBLEMS
from testkase.entrypoints.api.v1.routes import routes
from testkase.foundation.problems import Problem

NOT_FOR_PROGRAMS = {
    "problem", "invalid_price_book", "provider_not_accepted",  # met when the program starts
    "level_not_offered",  # chosen on pages
    "tool_call_unreadable",  # told to the model
}  # fmt: skip

PACKAGES = (
    testkase.core, testkase.entrypoints.api, testkase.foundation, testkase.services.billing,
    testkase.services.inference, testkase.services.metering,
)  # fmt: skip


def problems() -> Iterator[type[Problem]]:
    for package in PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(found.name)
    seen: list[type[Problem]] = [Problem]
    for kind in seen:
        seen += kind.__subclasses__()
    yield from (kind for kind in seen if any(kind.__module__.startswith(package.__name__) for package in PACKAGES))


def test_every_problem_has_a_status_and_a_next_step() -> None:
    assert {kind.code for kind in problems()} - NOT_FOR_PROGRAMS <= set(PROBLEMS)


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_row_is_complete(code: str) -> None:
    row = PROBLEMS[code]
    assert 400 <= row.status < 600
    assert row.title
    assert row.next.endswith(".")


def test_every_problem_a_route_names_is_in_the_table() -> None:
    assert {code for route in routes() for code in route.all_refusals} <= set(PROBLEMS)
