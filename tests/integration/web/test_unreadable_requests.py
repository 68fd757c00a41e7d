"""What is sent by nobody's form is answered with a page that says so, never with a fault of ours."""

from typing import Any

import pytest
from django.test import Client

from tests.support.cluster import TestDatabase

TOKEN = "f" * 32
FORM = "application/x-www-form-urlencoded"
MANY = "&".join(f"a{number}=1" for number in range(1_200))


def knocking() -> Client:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies["csrftoken"] = TOKEN
    return client


@pytest.mark.parametrize(
    ("body", "given"),
    [
        (f"login=a&csrfmiddlewaretoken={TOKEN}", {"content_type": f"{FORM}; charset=utf-16"}),
        (f"{MANY}&csrfmiddlewaretoken={TOKEN}", {"content_type": FORM}),
        ("a=" + "x" * 1_100_000, {"content_type": FORM}),
        ("--x\r\nnonsense", {"content_type": "multipart/form-data"}),
        ("", {"content_type": FORM, "headers": {"host": '"'}}),
    ],
    ids=["in another encoding", "of too many fields", "too long", "without a boundary", "under no name"],
)
def test_a_form_that_cannot_be_read_gets_a_page_with_a_next_step(
    django_database: TestDatabase, body: str, given: dict[str, Any]
) -> None:
    """Django reads the form once more to make its own answer, and fails at that."""
    answer = knocking().generic("POST", "/accounts/login/", body, **given)
    assert answer.status_code == 400
    assert "The request could not be read" in answer.text
    assert "Go back" in answer.text
    assert "nonce-" in answer.headers["Content-Security-Policy"]
