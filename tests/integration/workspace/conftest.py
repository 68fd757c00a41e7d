"""A project of an organization, and its neighbour, on a real database without any framework."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from testkase.foundation.database import Operation, Statement, SyncDatabase
from testkase.services.audit import OPERATOR
from testkase.services.workspace.cases import create_case
from testkase.services.workspace.model import CaseContent, Step
from testkase.services.workspace.projects import create_project
from tests.support.cluster import TestDatabase
from tests.support.team import Team

_numbers = itertools.count(1)


class Bench:
    """A project and the people who work in it."""

    def __init__(self, database: SyncDatabase) -> None:
        self.team = Team(database, next(_numbers))
        self.database, self.org_id = database, self.team.org_id
        self.ann, self.bob = self.team.people["owner"], self.team.people["member"]
        self.project_id: int = self.run(create_project(self.org_id, key="SHOP", name="Shop", actor=OPERATOR))

    def run(self, operation: Operation[Any]) -> Any:
        return self.database.run(operation, org_id=self.org_id)

    def write(self, title: str = "Pay", **fields: Any) -> str:
        folder = fields.pop("folder_id", None)
        operation = create_case(
            self.org_id, self.project_id, content(title, **fields), author_id=self.ann, folder_id=folder
        )
        return str(self.run(operation))

    def rows(self, sql: Any, **params: Any) -> list[dict[str, Any]]:
        def select() -> Operation[list[dict[str, Any]]]:
            return (yield Statement(sql, {"org_id": self.org_id, "project_id": self.project_id, **params}))

        found: list[dict[str, Any]] = self.run(select())
        return found


def content(title: str = "Pay", **fields: Any) -> CaseContent:
    steps = fields.pop("steps", (Step(action="Press Pay", expected="The order is placed"),))
    return CaseContent(title=title, steps=steps, **fields)


@pytest.fixture(scope="module")
def connected(module_database: TestDatabase) -> Iterator[SyncDatabase]:
    database = SyncDatabase(module_database.app_url, max_size=8)
    yield database
    database.close()


@pytest.fixture
def bench(connected: SyncDatabase) -> Bench:
    return Bench(connected)


@pytest.fixture
def neighbour(connected: SyncDatabase) -> Bench:
    return Bench(connected)
