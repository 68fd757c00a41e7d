"""Static files: found under addresses that change with their content, whole, and typed."""

import re

import pytest
from django.test import Client

from tests.support.cluster import TestDatabase


@pytest.mark.parametrize(
    ("name", "kind"), [("site.css", "text/css"), ("site.js", "text/javascript"), ("inter.woff2", "font/woff2")]
)
def test_a_file_is_sent_whole_with_its_type(django_database: TestDatabase, name: str, kind: str) -> None:
    response = Client().get(f"/static/testkase/{name}")
    assert response.status_code == 200
    assert not response.streaming
    assert response.headers["Content-Type"].startswith(kind)
    assert int(response.headers["Content-Length"]) == len(response.content) > 100


def test_a_browser_that_has_the_file_gets_no_content(django_database: TestDatabase) -> None:
    first = Client().get("/static/testkase/site.css")
    again = Client().get("/static/testkase/site.css", headers={"If-Modified-Since": first.headers["Last-Modified"]})
    assert (again.status_code, again.content) == (304, b"")


def test_pages_name_their_files_by_content(django_database: TestDatabase) -> None:
    page = Client().get("/accounts/login/").content.decode()
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert files
    assert all("?v=" in file for file in files)


@pytest.mark.parametrize("name", ["../conf.py", "nothing.css", "%2e%2e/conf.py"])
def test_nothing_else_is_served(django_database: TestDatabase, name: str) -> None:
    assert Client().get(f"/static/testkase/{name}").status_code in (302, 404)
