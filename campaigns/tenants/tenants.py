"""Every route × role or key × an id of one's own organization, of another, of nobody, again and again in random order.

The rows are those of `tests/support/tenants/rows`. Each pass makes the neighbour new things to be asked for and draws
new ids that exist nowhere; half the requests come from HTMX. What a refused request or reading has changed, and any
word of the neighbour in an answer, is a fault.
"""

import random
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import psycopg

from bench.server import bench_server
from campaigns.campaign import Campaign, Tick, unheard
from campaigns.outcome import Outcome
from testkase.entrypoints.api.app import application
from testkase.entrypoints.api.context import Context
from tests.support.buying import paying_through
from tests.support.cluster import TestDatabase
from tests.support.django import django_on, model_on_offer
from tests.support.programs import api_settings, served
from tests.support.tenants.book import all_key_rows, all_places, all_rows, row_for
from tests.support.tenants.pages import Trial, page_routes
from tests.support.tenants.programs import Keys, KeyTrial, key_routes
from tests.support.tenants.row import Place
from tests.support.tenants.snapshot import Snapshots, changed
from tests.support.tenants.till import PROVIDER
from tests.support.tenants.world import OTHER, World, made_world
from tests.support.upstream import scripted_upstream

_AHEAD = 150
"""More entries than a pass makes."""

_END_IMPORTS = (
    "UPDATE import_run SET state = 'failed', content = NULL, finished_at = now() WHERE state IN ('queued', 'running')"
)


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """At least so many requests across two organizations."""
    with bench_server() as server:
        return tenants(server.database, cases=size, seed=seed, tick=tick)


TENANTS = Campaign(
    name="tenants", about="every route for every role and key, of one's own, another or no organization: nothing leaks",
    counts="cases", full=20_000, small=2_000, run=run,
)  # fmt: skip


def tenants(database: TestDatabase, *, cases: int, seed: int, tick: Tick = unheard) -> Outcome:
    """Whole passes over both route tables, until so many requests were made."""
    outcome, dice = Outcome("tenants", seed), random.Random(seed)
    with django_on(database), model_on_offer(), paying_through(PROVIDER):
        places = all_places()
        world = made_world({name: place.make for name, place in places.items()})
        snapshots, done, passes = Snapshots(database), 0, 0
        with _door(database, outcome) as (routes, http):
            while done < cases:
                _put_back(database, world)
                _renew(world, places)
                tried = _absent(places, world, dice)
                done += _pages(world, tried, snapshots, dice, outcome)
                done += _keys(world, tried, snapshots, dice, outcome, routes=routes, http=http)
                passes += 1
                tick(done)
        snapshots.close()
    outcome.figures = {"cases": done, "passes": passes, "routes": len(routes) + len(page_routes())}
    return outcome


def _pages(world: World, places: dict[str, Place], snapshots: Snapshots, dice: random.Random, outcome: Outcome) -> int:
    rows, done = all_rows(), 0
    for route in _shuffled(list(page_routes()), dice):
        row = row_for(route, rows)
        if row is None:
            outcome.faults.append(f"{route} has no row")
            continue
        trial, before = Trial(world, route, row, places), snapshots.everything()
        found = trial.roles() + trial.other_methods() + trial.strangers(htmx=dice.random() < 0.5)
        outcome.faults += found
        outcome.faults += [f"{route}: {table} changed" for table in changed(before, snapshots.everything())]
        done += trial.cases
    return done


def _keys(
    world: World,
    places: dict[str, Place],
    snapshots: Snapshots,
    dice: random.Random,
    outcome: Outcome,
    *,
    routes: list[str],
    http: httpx.Client,
) -> int:
    keys, rows, done, before = Keys.of(world.own), all_key_rows(), 0, snapshots.of(world.other.org_id)
    for route in _shuffled(routes, dice):
        trial = KeyTrial(world, keys, http, route, rows[route], places)
        outcome.faults += trial.all_faults()
        done += trial.cases
    after = snapshots.of(world.other.org_id)
    outcome.faults += [f"{table} of the other organization changed" for table in changed(before, after)]
    return done


def _renew(world: World, places: dict[str, Place]) -> None:
    """Other things of the neighbour to ask for, and of one's own to use up."""
    for name, place in places.items():
        world.own.ids[name], world.other.ids[name] = place.make(world.own), place.make(world.other)
    _get_ahead(world, places["seq"])


def _get_ahead(world: World, receipts: Place) -> None:
    """Receipts are counted in each organization: the neighbour's number must not be one of one's own as well, even
    after all that programs do meanwhile."""
    last = receipts.make(world.own)
    while world.other.ids["seq"] < last + _AHEAD:
        world.other.ids["seq"] = world.other.ids["usage_id"] = receipts.make(world.other)


def _put_back(database: TestDatabase, world: World) -> None:
    """Who may buy, as it was: programs with the right key have changed it. And imports nobody works off, and purchases
    nobody pays, are over: there may be only so many."""
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("DELETE FROM billing_setting WHERE org_id = %s", [world.own.org_id])
        connection.execute(_END_IMPORTS)
        connection.execute("UPDATE purchase SET state = 'closed' WHERE state = 'open'")


def _absent(places: dict[str, Place], world: World, dice: random.Random) -> dict[str, Place]:
    """Places whose absent id is another one: a number that could be an id, or a name of the same make, which stands in
    a sorted list where the neighbour's would."""

    def drawn(value: Any, theirs: Any) -> Any:
        if isinstance(value, int):
            return dice.randrange(10**6, 10**15)
        letters = "".join(dice.choice(string.ascii_uppercase) if one.isalnum() else one for one in str(value))
        return str(theirs)[0] + letters[1:]

    return {
        name: place if place.absent is None else replace(place, absent=drawn(place.absent, world.other.ids[name]))
        for name, place in places.items()
    }


@contextmanager
def _door(database: TestDatabase, outcome: Outcome) -> Iterator[tuple[list[str], httpx.Client]]:
    """The programs' routes, and a client that listens for what it must not hear."""

    def listen(answer: httpx.Response) -> None:
        if OTHER.encode() in answer.read():
            outcome.faults.append(f"{answer.request.method} {answer.request.url.path} shows something of {OTHER}")

    with scripted_upstream() as upstream:
        context = Context.from_settings(api_settings(database, model_port=upstream.port))
        app = application(replace(context, provider=PROVIDER))
        with served(app) as url, httpx.Client(base_url=url, timeout=20, event_hooks={"response": [listen]}) as http:
            yield key_routes(app), http


def _shuffled(routes: list[str], dice: random.Random) -> list[str]:
    return dice.sample(routes, len(routes))
