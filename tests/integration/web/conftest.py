"""People of the demo organization, signed in to Django's test client on a real database."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.test import Client

from tests.support.cluster import TestDatabase
from tests.support.people import Demo, sign_in, staged_demo


@dataclass(frozen=True)
class Visitors:
    """The demo organization and a signed-in client for each role."""

    demo: Demo
    client_of: Callable[[str], Client]


def visiting() -> Visitors:
    """The demo organization, made in the database Django is connected to."""
    demo = staged_demo()
    return Visitors(demo=demo, client_of=lambda role: sign_in(demo, role))


@pytest.fixture
def visitors(django_database: TestDatabase) -> Visitors:
    """Owner, admin and member of the demo organization: `visitors.client_of("member")`."""
    return visiting()
