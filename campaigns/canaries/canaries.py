"""The campaign: everything is done in every weather; then nothing that was planted stands where it does not belong."""

import random
import time
from collections.abc import Iterator

import httpx
import psycopg
from django.db import connections

from campaigns.campaign import Campaign, Tick, unheard
from campaigns.canaries.driving import Driver
from campaigns.canaries.installation import Installation, installed
from campaigns.canaries.planted import Canary, planted
from campaigns.canaries.searching import Search, Written, asked, files, running, tables
from campaigns.canaries.weather import WEATHERS, weather
from campaigns.fuzz.stock import Stock, stocked
from campaigns.outcome import Outcome
from tests.support.replies import Reply
from tests.support.tenants.book import all_places
from tests.support.tenants.rows.people import a_letter

_QUIET_SECONDS = 60
_OPERATORS = {
    "the model provider's key", "the other model provider's key", "the payment provider's key secret",
    "the webhook's secret", "the secret of sessions", "the database's password",
}  # fmt: skip
"""Secrets nobody is answered, whatever happens; and they stay while organizations come and go."""
_WAITING = """
    SELECT count(*) FROM procrastinate_jobs
    WHERE status IN ('todo', 'doing') AND coalesce(scheduled_at, now()) <= now()
"""


def canaries(*, rounds: int, seed: int, tick: Tick = unheard, weathers: tuple[str, ...] = WEATHERS) -> Outcome:
    """So many organizations at work in every weather, on one installation."""
    outcome, dice = Outcome("canaries", seed), random.Random(seed)
    ours = planted(dice)
    everything, requests = list(ours.values()), 0
    with installed(ours) as place:
        for number in range(rounds):
            theirs = ours if number == 0 else _another_set(ours, dice)
            stock, token = _organization(theirs)
            everything += [*theirs.values(), *_learnt(stock, token)]
            place.upstream.default = Reply(chunks=(theirs["a model's answer"].text, " it is"))
            with httpx.Client(base_url=place.app.url, trust_env=False, timeout=60) as http:
                driver = Driver(place, stock, theirs, http, token)
                for kind in weathers:
                    with weather(kind, place, theirs):
                        driver.work()
                _wait_until_quiet(place)
                metrics = Written("metrics", http.get("/metrics").content)
            requests += driver.requests
            outcome.faults += _searched(everything, [metrics], driver.answers)
            tick(number + 1)
        outcome.faults += Search(everything).leaks([*running(place.pids), *asked(place.database.owner_url)])
        written = list(_written(place))
        outcome.faults += Search(everything).leaks(written)
        missing = {kind for kind, canary in ours.items() if canary.belongs} - Search(everything).seen(written)
        outcome.faults += [f"{kind} was written nowhere: nothing was tried" for kind in sorted(missing)]
    size = sum(len(one.content) for one in written)
    outcome.figures = {
        "requests": requests,
        "canaries": len(everything),
        "places": len(written),
        "bytes searched": size,
    }
    return outcome


def _organization(theirs: dict[str, Canary]) -> tuple[Stock, str]:
    """Its name, and every address in it, is the canary of a person; an open invitation's token beside it."""
    connections.close_all()  # the last round's weather ended our own as well
    stock = stocked(theirs["a person"].text.capitalize(), all_places(), None)
    return stock, a_letter(stock.tenant)[1]


def _another_set(ours: dict[str, Canary], dice: random.Random) -> dict[str, Canary]:
    """The operator's secrets stay, what people say is new."""
    return planted(dice) | {kind: canary for kind, canary in ours.items() if kind in _OPERATORS}


def _learnt(stock: Stock, token: str) -> Iterator[Canary]:
    """Secrets that the product has made."""
    for key in (stock.key, stock.weak_key):
        yield Canary("an API key", key.removeprefix("tk_live_"))
    for session in filter(None, stock.cookies.values()):
        yield Canary("a session", session)
    yield Canary("an invitation's token", token)


def _searched(everything: list[Canary], metrics: list[Written], answers: list[Written]) -> Iterator[str]:
    yield from Search(everything).leaks(metrics)
    yield from Search(canary for canary in everything if canary.kind in _OPERATORS).leaks(answers)


def _written(place: Installation) -> Iterator[Written]:
    place.app.stop()
    place.worker.stop()
    for folder in place.folders:
        yield from files(folder) if folder.is_dir() else [Written(f"file {folder.name}", folder.read_bytes())]
    yield from tables(place.database.owner_url)


def _wait_until_quiet(place: Installation) -> None:
    """Until the worker has nothing left that is due."""
    deadline = time.monotonic() + _QUIET_SECONDS
    with psycopg.connect(place.database.owner_url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            row = connection.execute(_WAITING).fetchone()
            if row == (0,):
                return
            time.sleep(0.5)


def _at_size(size: int, seed: int, tick: Tick) -> Outcome:
    return canaries(rounds=size, seed=seed, tick=tick)


CANARIES = Campaign(
    name="canaries",
    about="secrets and content planted in a whole run, then sought in all that it wrote",
    counts="rounds",
    full=5,
    small=1,
    run=_at_size,
)
"""A round is an organization at work in every weather."""
