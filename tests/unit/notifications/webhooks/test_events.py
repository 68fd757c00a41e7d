"""What an event looks like on the wire, and which there are. Receivers rely on both."""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.notifications.webhooks.events import EVENTS, FACTS, TEST, Message, chosen_kinds

ROOT = Path(__file__).resolve().parents[4]
NOT_FOR_PROGRAMS = {
    "budget.decided": "for whoever asked alone",
    "two_step.ended": "about one person's sign-in",
    "webhook.failed": "endpoints cannot be told that they are dead",
}
MESSAGE = Message(
    org_id=7, event_id=41, kind="credits.low", title="AI credits are low: 48.20 left", body="Buy — soon.",
    link="/settings/ai-credits", facts={"available": "48.20", "title": "not this"},
    created_at=datetime(2026, 12, 1, 9, 30, 0, 250, UTC),
)  # fmt: skip


def test_every_kind_people_are_told_of_is_an_event_or_is_meant_not_to_be() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "src/testkase").rglob("*.py"))
    notifications = re.findall(r"Notification\(\s*kind=([^\n]*?),\s", source)
    kinds = {kind for text in notifications for kind in re.findall(r'"([a-z_]+\.[a-z_]+)"', text)}
    assert kinds >= set(EVENTS)
    assert kinds - set(EVENTS) == set(NOT_FOR_PROGRAMS)


def told() -> Iterator[tuple[str, set[str]]]:
    """Kinds, with the names of the facts given where such a notification is made."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "src/testkase/services").rglob("*.py")]
    functions = {node.name: node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(node.func, ast.Name) and node.func.id == "Notification":
            given = {word.arg: word.value for word in node.keywords}
            for part in ast.walk(given["kind"]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value, names(given.get("facts"), functions)


def names(facts: ast.expr | None, functions: dict[str, ast.FunctionDef]) -> set[str]:
    if isinstance(facts, ast.Call) and isinstance(facts.func, ast.Name):
        (returned,) = (node for node in ast.walk(functions[facts.func.id]) if isinstance(node, ast.Return))
        return names(returned.value, functions)
    if isinstance(facts, ast.Dict):
        parts = zip(facts.keys, facts.values, strict=True)
        return set().union(*({ast.literal_eval(key)} if key else names(value, functions) for key, value in parts))
    assert facts is None, ast.unparse(facts)
    return set()


def test_each_kind_has_its_facts_wherever_it_is_told() -> None:
    found = [(kind, facts) for kind, facts in told() if kind in EVENTS]
    assert {kind for kind, _ in found} == set(EVENTS) == set(FACTS)
    assert [(kind, facts) for kind, facts in found if facts != set(FACTS[kind])] == []


def test_the_guide_says_of_each_event_what_it_holds() -> None:
    guide = (ROOT / "docs/api.md").read_text()
    table = guide[guide.index("| Type | Beside") : guide.index("## Or let the gateway do it")]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    said = {kind: set(re.findall(r"`(\w+)`", row[1])) for row in rows for kind in re.findall(r"`([a-z_.]+)`", row[0])}
    said["purchase.reversed"] |= said["purchase.paid"]
    words = {"yes", "no", "user", "use_case"}
    assert {kind: facts - words for kind, facts in said.items()} == {
        kind: set(facts) for kind, facts in FACTS.items()
    } | {TEST: set()}


def test_the_body_says_what_happened_to_people_and_to_programs() -> None:
    body = MESSAGE.bytes("https://credits.example.com")
    assert msgspec.json.decode(body) == {
        "type": "credits.low",
        "timestamp": "2026-12-01T09:30:00.000250Z",
        "data": {
            "available": "48.20", "organization_id": 7, "title": "AI credits are low: 48.20 left",
            "text": "Buy — soon.", "url": "https://credits.example.com/settings/ai-credits?organization=7",
        },
    }  # fmt: skip
    assert body == MESSAGE.bytes("https://credits.example.com")


def test_its_page_is_that_of_its_organization_wherever_on_it() -> None:
    body = replace(MESSAGE, link="/settings/billing?year=2026#overage").bytes("https://credits.example.com")
    url = msgspec.json.decode(body)["data"]["url"]
    assert url == "https://credits.example.com/settings/billing?year=2026&organization=7#overage"


def test_without_a_page_it_names_none() -> None:
    body: dict[str, Any] = msgspec.json.decode(replace(MESSAGE, link="").bytes("https://credits.example.com"))
    assert "url" not in body["data"]


def test_a_message_has_one_id_and_another_has_another() -> None:
    assert MESSAGE.message_id == "msg_7_41_1796117400000250"


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        (["purchase.paid", "credits.low", "credits.low"], ["credits.low", "purchase.paid"]),
        (list(EVENTS), []),
    ],
)
def test_all_kinds_are_kept_as_none_so_that_later_ones_are_sent(chosen: list[str], kept: list[str]) -> None:
    assert chosen_kinds(chosen) == kept


@pytest.mark.parametrize(("chosen", "says"), [([], "at least one"), (["credits.gone"], "credits.gone")])
def test_what_cannot_be_chosen_is_said(chosen: list[str], says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        chosen_kinds(chosen)
    assert refused.value.field == "kinds"
