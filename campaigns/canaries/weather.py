"""What goes wrong while somebody works: nothing, the model's provider, the database's rules, its connections."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from campaigns.canaries.installation import Installation
from campaigns.canaries.planted import Canary
from tests.support.replies import Reply

REFUSED = (
    "public.chat_turn", "public.chat_thread", "public.generation", "public.team_guidelines", "public.app_user",
    "public.activity", "public.api_key", "public.invitation", "public.test_case", "public.import_run",
    "public.payment_event", "ledger.usage", "ledger.entry", "public.django_session", "public.notification",
)  # fmt: skip
"""Tables that for a while take no new row: the database's own words about that contain the whole row."""
WEATHERS = (
    "clear",
    "the provider fails",
    "the provider talks",
    *(f"{table} refuses" for table in REFUSED),
    "connections die",
)
_BETWEEN_SECONDS = 2.0
"""From one death of the connections to the next: something is done in between."""


@contextmanager
def weather(kind: str, place: Installation, canaries: dict[str, Canary]) -> Iterator[None]:
    """For the length of the block."""
    if kind.startswith("the provider"):
        place.upstream.script(*(_talking(canaries) if kind.endswith("talks") else _failing()))
        yield
        place.upstream.unscript()
    elif kind.endswith(" refuses"):
        table = sql.Identifier(*kind.removesuffix(" refuses").split("."))
        with psycopg.connect(place.database.owner_url, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER TABLE {} ADD CONSTRAINT shut CHECK (false) NOT VALID").format(table))
            try:
                yield
            finally:
                connection.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT shut").format(table))
    elif kind == "connections die":
        with _dying(place.database.owner_url):
            yield
    else:
        yield


@contextmanager
def _dying(owner_url: str) -> Iterator[None]:
    """Every connection of the application, now and then."""
    over = threading.Event()

    def kill() -> None:
        with psycopg.connect(owner_url, autocommit=True) as connection:
            while not over.wait(_BETWEEN_SECONDS):
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'testkase_app'"
                )

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()


def _failing() -> list[Reply]:
    return [Reply(status=500), Reply(status=429), Reply(raw_body=b"{"), Reply(cut_after=1, cut="broken")] * 20


def _talking(canaries: dict[str, Canary]) -> list[Reply]:
    """A provider that repeats what it was sent: key and prompt, in its errors and in its headers."""
    told = " ".join(canaries[kind].text for kind in ("the model provider's key", "the other model provider's key"))
    asked = " ".join(canaries[kind].text for kind in ("a prompt", "a question", "a requirement"))
    error = {
        "error": {"message": f"Incorrect API key provided: {told}. {asked}", "type": told, "code": told, "param": told}
    }
    headers = (("X-Request-Id", told), ("Retry-After", told))
    statuses = (400, 401, 403, 404, 413, 422, 429, 500, 503)
    replies = [Reply(status=status, error=error, headers=headers) for status in statuses]
    return [*replies, Reply(raw_body=told.encode()), Reply(error=error, cut_after=1)] * 6
