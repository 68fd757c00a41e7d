"""What browsers are told by every answer, whichever door gives it, and what a stolen cookie opens."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.cluster import TestDatabase
from tests.support.processes import serving

HOST = {"host": "credits.example", "x-forwarded-proto": "https"}
ANSWERS = [
    ("GET", "/accounts/login/", 200),
    ("GET", "/accounts/signup/", 200),
    ("GET", "/settings/ai-credits", 302),
    ("GET", "/staff/", 302),
    ("GET", "/nowhere", 404),
    ("POST", "/accounts/login/", 403),
    ("GET", "/static/testkase/site.css", 200),
    ("GET", "/static/nothing.js", 404),
    ("GET", "/api/v1/openapi.json", 200),
    ("GET", "/api/v1/balance", 401),
    ("GET", "/api/v1/nothing", 404),
    ("DELETE", "/api/v1/balance", 405),
    ("GET", "/openai/v1/models", 401),
    ("POST", "/webhooks/razorpay", 404),
    ("GET", "/live?ticket=forged", 401),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/metrics", 200),
]


@pytest.fixture(scope="module")
def https(module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The application as it stands behind a proxy that ends TLS."""
    settings = {"TESTKASE_PUBLIC_URL": "https://credits.example"}
    with (
        serving(module_database, tmp_path_factory.mktemp("served"), settings) as running,
        httpx.Client(base_url=running.url, headers=HOST, trust_env=False, timeout=20) as client,
    ):
        yield client


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_of_every_door_carries_the_headers_that_protect(
    https: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = https.request(method, path)
    assert answer.status_code == status
    policy = answer.headers["content-security-policy"]
    for part in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "default-src 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert answer.headers.get_list("content-security-policy", split_commas=False) == [policy], "said once"
    assert "access-control-allow-origin" not in answer.headers
    kind = answer.headers.get("content-type", "").replace('"', "")
    assert not answer.content or "charset=utf-8" in kind or "json" in kind


def test_every_cookie_belongs_to_this_host_and_is_out_of_scripts_reach(https: httpx.Client) -> None:
    set_by = https.get("/accounts/login/").headers.get_list("set-cookie")
    assert set_by
    for cookie in set_by:
        assert cookie.startswith("__Host-")
        for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert part in cookie
        assert "Domain" not in cookie


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND"])
@pytest.mark.parametrize("path", ["/accounts/login/", "/api/v1/balance"])
def test_methods_nobody_needs_are_refused(https: httpx.Client, method: str, path: str) -> None:
    answer = https.request(method, path, headers={"x-secret": "echo-me"})
    assert answer.status_code in {400, 403, 404, 405, 501}
    assert "echo-me" not in answer.text


@pytest.mark.parametrize("path", ["/.git/config", "/.env", "/static/", "/static/testkase/", "/secrets.json", "/var/"])
def test_neither_sources_nor_listings_nor_secrets_are_served(https: httpx.Client, path: str) -> None:
    assert https.get(path).status_code in {302, 404}


def test_a_session_of_the_pages_opens_no_door_of_programs(https: httpx.Client) -> None:
    cookie = {"cookie": "__Host-sessionid=whatever; sessionid=whatever"}
    for path in ("/api/v1/balance", "/openai/v1/models"):
        assert https.get(path, headers=cookie).status_code == 401


def test_a_page_of_another_site_is_told_nothing_of_what_it_may_ask(https: httpx.Client) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for path in ("/api/v1/holds", "/openai/v1/chat/completions", "/accounts/login/"):
        answer = https.request("OPTIONS", path, headers=asked)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
