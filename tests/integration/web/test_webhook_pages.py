"""Webhooks on their pages: a secret shown once, what is wrong named, and no address where anybody may read it."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from testkase.services.notifications.webhooks.endpoints import MOST_ENDPOINTS
from testkase.services.notifications.webhooks.events import EVENTS
from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on

PAGE = "/settings/webhooks"
SECRET = re.compile(r'value="(whsec_[A-Za-z0-9+/=]+)"')


@pytest.fixture(scope="module")
def visitors(module_database: TestDatabase) -> Iterator[Visitors]:
    with django_on(module_database):
        yield visiting()


@pytest.fixture(autouse=True)
def _none_left(module_database: TestDatabase) -> Iterator[None]:
    yield
    rows(module_database, "DELETE FROM webhook_endpoint RETURNING 1")
    rows(module_database, "DELETE FROM webhook_event RETURNING 1")


def rows(database: TestDatabase, sql: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("SET row_security = off")
        return connection.execute(sql).fetchall()


def add(visitors: Visitors, role: str = "owner", **form: Any) -> Any:
    sent = {"url": "https://hooks.example/one?token=abc", "kinds": list(EVENTS)} | form
    return visitors.client_of(role).post(PAGE, sent)


def added(visitors: Visitors, **form: Any) -> str:
    """Its page."""
    found = re.search(rf"{PAGE}/hook_[0-9A-Z]+", add(visitors, **form).content.decode())
    assert found is not None
    return found[0]


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_the_secret_stands_on_the_answer_and_nowhere_after(visitors: Visitors, module_database: TestDatabase) -> None:
    answer = add(visitors)
    (secret,) = SECRET.findall(answer.content.decode())
    assert answer.headers["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    page = added(visitors, url="https://hooks.example/two")
    for shown in (PAGE, page):
        assert "whsec_" not in visitors.client_of("owner").get(shown).content.decode()
    for kept in rows(module_database, "SELECT sealed FROM webhook_secret"):
        assert secret not in str(kept)
    renewed = visitors.client_of("admin").post(f"{page}/secret")
    assert SECRET.findall(renewed.content.decode()) not in ([], [secret])
    assert "for a day" in text(renewed)
    assert f'data-shown-once="{page}"' in renewed.content.decode()  # loaded anew, it is the endpoint's page


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"url": "http://hooks.example/"}, "must begin with https://"),
        ({"url": "https://192.168.0.7/"}, "reached from the Internet"),
        ({"url": ""}, "whole address"),
        ({"kinds": []}, "at least one event"),
        ({"kinds": ["everything"]}, "There is no event"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field_and_nothing_is_made(
    visitors: Visitors, module_database: TestDatabase, form: dict[str, Any], words: str
) -> None:
    answer = add(visitors, **form)
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert 'id="url-error"' in answer.content.decode() or 'id="kinds-error"' in answer.content.decode()
    assert rows(module_database, "SELECT 1 FROM webhook_endpoint") == []
    page = added(visitors)
    changed = visitors.client_of("owner").post(page, {"url": "https://hooks.example/2", "kinds": list(EVENTS)} | form)
    assert (changed.status_code, words in text(changed)) == (422, True)
    assert rows(module_database, "SELECT url FROM webhook_endpoint") == [("https://hooks.example/one?token=abc",)]


def test_a_form_sent_twice_makes_one(visitors: Visitors, module_database: TestDatabase) -> None:
    add(visitors)
    again = add(visitors)
    assert (again.status_code, "already" in text(again)) == (422, True)
    assert len(rows(module_database, "SELECT 1 FROM webhook_endpoint")) == 1


def test_there_are_only_so_many(visitors: Visitors) -> None:
    for number in range(MOST_ENDPOINTS):
        assert add(visitors, url=f"https://hooks.example/{number}").status_code == 200
    assert "Remove one first" in text(add(visitors, url="https://hooks.example/more"))


def test_an_endpoint_of_somebody_who_left_is_pointed_out(visitors: Visitors, module_database: TestDatabase) -> None:
    """Events go on to an address that only they may know."""
    left = re.search(rf"{PAGE}/hook_[0-9A-Z]+", add(visitors, "admin").content.decode())
    own = added(visitors, url="https://hooks.example/own")
    assert left is not None
    owner = visitors.client_of("owner")
    assert "Adam Novak" in text(owner.get(PAGE))
    assert "not in the organization any more" not in text(owner.get(left[0]))
    role = rows(
        module_database, "DELETE FROM membership WHERE role = 'admin' RETURNING org_id, user_id, role, joined_at"
    )
    try:
        assert "Adam Novak Left" in text(owner.get(PAGE))
        assert "Adam Novak, who added it, is not in the organization any more." in text(owner.get(left[0]))
        assert "not in the organization any more" not in text(owner.get(own))
    finally:
        with psycopg.connect(module_database.owner_url, autocommit=True) as connection:
            connection.execute("SET row_security = off")
            connection.execute(
                "INSERT INTO membership (org_id, user_id, role, joined_at) VALUES (%s, %s, %s, %s)", role[0]
            )


def test_a_member_is_told_who_manages_them_and_sees_none(visitors: Visitors) -> None:
    page = added(visitors)
    member = visitors.client_of("member")
    for answer in (member.get(PAGE), member.get(page), member.post(f"{page}/secret"), add(visitors, "member")):
        assert answer.status_code == 403
        assert "hooks.example" not in answer.content.decode()


def test_everything_it_can_be_made_to_do_is_said(visitors: Visitors, module_database: TestDatabase) -> None:
    page, owner = added(visitors), visitors.client_of("owner")
    said = [
        owner.post(page, {"url": "https://hooks.example/one", "kinds": ["credits.low"]}, follow=True),
        owner.post(f"{page}/test", {"request_id": "a"}, follow=True),
        owner.post(f"{page}/test", {"request_id": "a b"}, follow=True),
        owner.post(f"{page}/state", {"on": "0"}, follow=True),
        owner.post(f"{page}/test", {"request_id": "b"}, follow=True),
        owner.post(f"{page}/state", {"on": "1"}, follow=True),
    ]
    ((delivery,),) = rows(module_database, "SELECT delivery_id FROM webhook_delivery")
    said += [owner.post(f"{page}/deliveries/{delivery}", follow=True), owner.post(f"{page}/removal", follow=True)]
    expected = [
        "Saved.", "A test is on its way", "The form is damaged", "Switched off", "Switch it on first", "Switched on",
        "It is sent again", "was removed",
    ]  # fmt: skip
    assert [words for words, answer in zip(expected, said, strict=True) if words not in text(answer)] == []
    history = visitors.client_of("owner").get("/settings/activity?category=keys").content.decode()
    assert "token=abc" not in history
    assert "removed the webhook endpoint hooks.example" in text(owner.get("/settings/activity"))


def test_the_page_says_how_deliveries_went(visitors: Visitors, module_database: TestDatabase) -> None:
    page, owner = added(visitors), visitors.client_of("owner")
    for number in range(21):
        owner.post(f"{page}/test", {"request_id": f"t{number}"})
    rows(
        module_database,
        "UPDATE webhook_delivery SET attempts = 1, delivered_at = now() WHERE delivery_id % 3 = 0 RETURNING 1",
    )
    rows(
        module_database,
        "UPDATE webhook_delivery SET attempts = 10, given_up_at = now(), fault = 'It answered 500.'"
        " WHERE delivery_id % 3 = 1 RETURNING 1",
    )
    shown = text(owner.get(page))
    assert (shown.count("Taken "), shown.count("Given up It answered 500."), shown.count("On its way")) in {
        (7, 7, 6), (7, 6, 7), (6, 7, 7),
    }  # fmt: skip
    older = re.search(r"\?before=[0-9]+", owner.get(page).content.decode())
    assert older is not None
    rest = text(owner.get(page + older[0]))
    assert rest.count("webhook.test") == 1
    assert "Nothing older" in text(owner.get(f"{page}?before=1"))
    assert owner.get(f"{page}?before={10**30}").status_code == 200
    assert owner.post(f"{page}/deliveries/{10**30}").status_code == 404
