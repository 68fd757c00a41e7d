"""The chat assistant: a thread is its person's alone, so what one may do another may not, whatever their role."""

from testkase.foundation.database import Operation, Statement
from tests.support.tenants.roles import ADMIN, EDITORS, GENERATOR, OWNER, PROJECT_ADMIN, USER
from tests.support.tenants.row import Place, Row
from tests.support.tenants.world import Tenant

_THREAD = """
INSERT INTO chat_thread (org_id, project_id, user_id, user_ref, title)
VALUES (%(org_id)s, %(project_id)s, %(user_id)s, %(user_ref)s, %(word)s) RETURNING thread_id
"""
_TURN = """
INSERT INTO chat_turn (org_id, thread_id, project_id, project_ref, user_id, user_ref, question, model, state, answer,
                       charged, finished_at)
VALUES (%(org_id)s, %(thread_id)s, %(project_id)s, %(key)s, %(user_id)s, %(user_ref)s, %(word)s, 'testkase-demo',
        'answered', %(word)s, 20000, now())
RETURNING turn_id
"""


def a_thread(tenant: Tenant) -> int:
    """The owner's, with a question and its answer."""
    return int(tenant.run(_said(tenant))["thread_id"])


def a_turn(tenant: Tenant) -> int:
    """In the thread there is already."""
    return int(tenant.run(_said(tenant, thread_id=tenant.ids["thread_id"]))["turn_id"])


def _said(tenant: Tenant, thread_id: int | None = None) -> Operation[dict[str, int]]:
    facts = {
        "org_id": tenant.org_id, "project_id": tenant.project_id, "key": tenant.project_key, "word": tenant.word,
        "user_id": tenant.people[OWNER], "user_ref": tenant.emails[OWNER],
    }  # fmt: skip
    thread = thread_id or (yield Statement(_THREAD, facts))[0]["thread_id"]
    turn = yield Statement(_TURN, {**facts, "thread_id": thread})
    return {"thread_id": thread, "turn_id": turn[0]["turn_id"]}


_CHATS = "projects/<slug:project_key>/chat"
_CHAT = f"{_CHATS}/<int:thread_id>"
_TURN_ROUTE = f"{_CHAT}/turns/<int:turn_id>"
_NOT_THEIRS = (ADMIN, PROJECT_ADMIN, GENERATOR, USER)


def _alone(method: str) -> dict[str, int]:
    return {f"{method} {role}": 404 for role in _NOT_THEIRS}


_THEIRS = frozenset({OWNER})

ROWS = {
    _CHATS: Row(get=EDITORS),
    f"{_CHATS}/questions": Row(post=EDITORS, form={"question": "What failed?"}),
    _CHAT: Row(get=_THEIRS, but=_alone("GET")),
    f"{_CHAT}/questions": Row(post=_THEIRS, form={"question": "What failed?"}, but=_alone("POST")),
    f"{_CHAT}/title": Row(post=_THEIRS, form={"title": "Another"}, but=_alone("POST")),
    f"{_CHAT}/removal": Row(post=_THEIRS, but=_alone("POST")),
    _TURN_ROUTE: Row(get=_THEIRS, but=_alone("GET")),
    f"{_TURN_ROUTE}/stop": Row(post=_THEIRS, but=_alone("POST")),
}

PLACES = {
    "thread_id": Place(make=a_thread, absent=999_999),
    "turn_id": Place(make=a_turn, absent=999_999),
}
