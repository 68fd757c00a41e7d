"""Every page that can be opened by its address alone, or in a project, says the same to the browser."""

import re
from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.urls import NoReverseMatch, get_resolver, reverse

from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on, model_on_offer

INLINE = re.compile(r"""\son[a-z]+\s*=\s*["']|javascript:|\sstyle=|<style""")
LEAVING = {"account_logout"}


@pytest.fixture(scope="module")
def pages(module_database: TestDatabase) -> Iterator[dict[str, HttpResponse]]:
    """What the owner, made staff, gets at every such address."""
    from tests.support.people import models

    with django_on(module_database), model_on_offer():
        visitors: Visitors = visiting()
        models().User.objects.filter(email=visitors.demo.emails["owner"]).update(is_staff=True)
        client = visitors.client_of("owner")
        yield {address: client.get(address) for address in sorted(addresses())}  # type: ignore[misc]


def addresses() -> Iterator[str]:
    for name in {key for key in get_resolver().reverse_dict if isinstance(key, str)} - LEAVING:
        for known in ({}, {"project_key": "SHOP"}):
            try:
                yield reverse(name, kwargs=known)
            except NoReverseMatch:
                continue


def shown(pages: dict[str, HttpResponse]) -> dict[str, HttpResponse]:
    html = {
        address: page
        for address, page in pages.items()
        if page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    }
    assert len(html) > 50
    return html


def test_scripts_run_by_the_nonce_of_their_own_answer_alone(pages: dict[str, HttpResponse]) -> None:
    """Staff's pages are Django's, which knows no nonces: they run our own files, and nothing written into them."""
    ours = {address: page for address, page in shown(pages).items() if not address.startswith("/staff/")}
    for address in shown(pages).keys() - ours.keys():
        assert "script-src 'self';" in shown(pages)[address].headers["Content-Security-Policy"], address
    nonces = set()
    for address, page in ours.items():
        policy = page.headers["Content-Security-Policy"]
        nonce = re.search(r"script-src 'nonce-([^']{20,})'(?:;|$)", policy)
        assert nonce is not None, address
        nonces.add(nonce[1])
        text = page.content.decode()
        for script in re.findall(r"<script[^>]*>", text):
            assert f'nonce="{nonce[1]}"' in script or "application/json" in script, (address, script)
        assert not INLINE.search(text), address
        assert "unsafe" not in policy, address
        for part in ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert part in policy, address
    assert len(nonces) == len(ours), "none comes twice"


def test_nothing_of_an_organization_is_kept_by_anybody(pages: dict[str, HttpResponse]) -> None:
    for address, page in pages.items():
        if not address.startswith(("/accounts/", "/help", "/staff/")) and page.status_code == 200:
            assert "no-store" in page.headers["Cache-Control"], address


def test_every_answer_is_taken_for_what_it_says_it_is(pages: dict[str, HttpResponse]) -> None:
    for address, page in pages.items():
        assert page.headers["X-Content-Type-Options"] == "nosniff", address
        assert page.headers["Referrer-Policy"] == "same-origin", address
        assert page.headers["Cross-Origin-Opener-Policy"].startswith("same-origin"), address
        if page.status_code == 200 and not page.headers["Content-Type"].startswith(("text/html", "application/json")):
            assert page.headers.get("Content-Disposition", "attachment").startswith(("attachment", "inline")), address


def test_forms_go_nowhere_else_and_links_that_leave_tell_nothing(pages: dict[str, HttpResponse]) -> None:
    for address, page in shown(pages).items():
        text = page.content.decode()
        for action in re.findall(r'<form[^>]*\saction="([^"]*)"', text):
            assert action.startswith(("/", "?", "#")) or not action, (address, action)
        for link in re.findall(r'<a\s[^>]*href="(?:https?:)?//[^"]*"[^>]*>', text):
            assert "noopener" in link or "noreferrer" in link or "_blank" not in link, (address, link)
