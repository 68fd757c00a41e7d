"""What an event looks like on the wire, and which there are. Receivers rely on both."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.notifications.webhooks.events import EVENTS, TEST, Message, chosen_kinds

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


def test_every_event_is_in_the_guide() -> None:
    guide = (ROOT / "docs/api.md").read_text()
    table = guide[guide.index("## Webhooks") : guide.index("## Or let the gateway do it")]
    assert {kind for kind in [*EVENTS, TEST] if f"`{kind}`" not in table} == set()


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
