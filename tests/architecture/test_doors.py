"""What is open, what is exempt and what may reach out is written down here, so that more of it is a decision."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from tests.support.django import set_up

SOURCE = Path(__file__).parents[2] / "src" / "testkase"
WITHOUT_TOKEN = {"testkase.entrypoints.web.billing.purchases.called_back"}
"""Forms that another site sends: the payment provider's page, whose report is signed."""
REACHING_OUT = {
    "config/supervising/waiting.py": "asks the installation's own processes on loopback whether they are ready",
    "entrypoints/web/letters.py": "names errors of the operator's mail server",
    "entrypoints/web/sign_in/sso/views.py": "names errors of identity providers, at addresses from the operator's file",
    "entrypoints/worker/selfaudit.py": "names errors of the operator's mail server",
    "services/notifications/webhooks/sending.py": "customers' endpoints: public addresses, and the operator's networks",
    "services/inference/providers/calling/connection.py": "model providers, at addresses from the operator's file",
    "services/inference/embedded.py": "the embedded model, on loopback",
    "services/billing/providers/razorpay/api.py": "Razorpay, at the operator's address",
    "services/billing/providers/razorpay/session.py": "its connections, without redirects",
    "services/billing/providers/razorpay/failures.py": "names their errors",
}
CAN_REACH_OUT = {"httpx", "httpcore", "requests", "urllib3", "aiohttp", "razorpay", "smtplib", "ftplib", "telnetlib"}
CAN_REACH_OUT_BY_PART = {"urllib.request", "http.client"}


def views() -> Iterator[tuple[str, Any]]:
    """Every page's view by its dotted name."""
    set_up()

    def walk(patterns: list[Any]) -> Iterator[Any]:
        for one in patterns:
            if isinstance(one, URLResolver):
                yield from walk(one.url_patterns)
            elif isinstance(one, URLPattern):
                yield one.callback

    for view in walk(get_resolver().url_patterns):
        yield f"{view.__module__}.{view.__name__}", view


def test_only_the_payment_providers_page_sends_a_form_without_our_token() -> None:
    exempt = {name for name, view in views() if getattr(view, "csrf_exempt", False)}
    assert exempt == WITHOUT_TOKEN


def test_staff_look_at_jobs_and_edit_no_table_of_accounts() -> None:
    from django.contrib import admin

    views_are_loaded = dict(views())
    assert views_are_loaded
    assert {model._meta.label for model in admin.site._registry} == {"procrastinate.ProcrastinateJob"}


def test_pages_without_a_sign_in_are_the_ways_to_one() -> None:
    open_to_all = {name for name, view in views() if not getattr(view, "login_required", True)}
    ours = {name for name in open_to_all if name.startswith("testkase.")}
    assert ours == {
        "testkase.entrypoints.web.billing.purchases.called_back",
        "testkase.entrypoints.web.help.views.index",
        "testkase.entrypoints.web.help.views.page",
        "testkase.entrypoints.web.sign_in.sso.views.callback",
        "testkase.entrypoints.web.sign_in.sso.views.login",
        "testkase.entrypoints.web.views.invitations.answer",
    }
    assert {name.split(".")[0] for name in open_to_all} <= {"testkase", "allauth", "django"}


def reached(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute) and node.attr in {"open_connection", "create_connection"}:
            names.add("httpcore")
    return {name for name in names if name.split(".")[0] in CAN_REACH_OUT or name in CAN_REACH_OUT_BY_PART}


def test_what_reaches_out_is_written_down() -> None:
    reaching = {
        str(file.relative_to(SOURCE))
        for file in sorted(SOURCE.rglob("*.py"))
        if reached(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert reaching == set(REACHING_OUT)


def test_nothing_is_evaluated_unpickled_or_given_to_a_shell() -> None:
    for file in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert name not in {
                    "eval",
                    "exec",
                    "os.system",
                    "os.popen",
                    "pickle.loads",
                    "yaml.load",
                    "marshal.loads",
                }
                assert not any(word.arg == "shell" and ast.unparse(word.value) != "False" for word in node.keywords), (
                    f"{file}:{node.lineno}"
                )


def test_templates_switch_escaping_off_nowhere() -> None:
    """Help texts of the library's forms are the one exception: nobody who uses the product writes them."""
    off = [
        f"{file.name}:{number}"
        for file in sorted(SOURCE.rglob("*.html"))
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if "|safe" in line.replace("field.help_text|safe", "") or "autoescape off" in line
    ]
    assert off == []
