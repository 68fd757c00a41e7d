"""The running product with a scripted model where the embedded one would be."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import Cluster, TestDatabase
from tests.support.stage import Stage, prepared, stage_on
from tests.support.upstream import Reply, Upstream, scripted_upstream


def answer(*, delay: float = 0.02) -> Reply:
    """A draft as the embedded model writes it, piece by piece, so many seconds apart."""
    steps = [
        {"action": "Open the sign-in page.", "expected": "The page asks for the password."},
        {"action": "Then enter the password.", "expected": "The user is signed in again."},
    ]
    text = json.dumps({"preconditions": "A user has an account.", "steps": steps})
    pieces = tuple(text[start : start + 20] for start in range(0, len(text), 20))
    return Reply(chunks=pieces, delay_chunk=delay, usage={"prompt_tokens": 400, "completion_tokens": 80})


@pytest.fixture(scope="session")
def demonstration(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[TestDatabase, dict[str, Any]]:
    """A database with the demo organization, of which every file gets a copy, and what is known of it."""
    made = cluster.fresh()
    return made, prepared(made, tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="session")
def demo(demonstration: tuple[TestDatabase, dict[str, Any]]) -> dict[str, Any]:
    return demonstration[1]


@pytest.fixture(scope="module")
def module_database(cluster: Cluster, demonstration: tuple[TestDatabase, dict[str, Any]]) -> Iterator[TestDatabase]:
    """With the demo organization."""
    made = cluster.copy(demonstration[0])
    yield made
    cluster.drop(made)


@pytest.fixture(scope="module")
def scripted() -> Iterator[Upstream]:
    """The model's place, for all tests of a file."""
    with scripted_upstream(answer()) as upstream:
        yield upstream


# For a file, not the session: while Playwright's synchronous interface is open, no other test can run an event loop.
@pytest.fixture(scope="module")
def running(
    module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory, scripted: Upstream, demo: dict[str, Any]
) -> Iterator[Stage]:
    """Application, worker and browser for all tests of a file."""
    model = {"TESTKASE_MODEL_PORT": str(scripted.port), "TESTKASE_MODEL_API_KEY": "scripted"}
    with stage_on(module_database, tmp_path_factory.mktemp("stage"), model, demo) as made:
        yield made


@pytest.fixture
def model(scripted: Upstream) -> Upstream:
    """The scripted model, well-behaved again: set `model.default` to have it behave otherwise."""
    scripted.default = answer()
    return scripted


@pytest.fixture
def stage(running: Stage, model: Upstream) -> Iterator[Stage]:
    """The running product. Afterwards no page may have complained, or have asked for anything from elsewhere."""
    yield running
    complaints = list(running.complaints)
    running.leave()
    assert complaints == []
