"""The campaign: requests one after another, each judged by itself, and by what the log says it has changed."""

import json
import random
import sys
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from django.conf import settings

from bench.server import bench_server
from campaigns.campaign import Campaign, Tick, unheard
from campaigns.fuzz.afterwards import done, worked_off
from campaigns.fuzz.changes import Change, Changes
from campaigns.fuzz.judging import judged
from campaigns.fuzz.operations import Document
from campaigns.fuzz.pages import Pages
from campaigns.fuzz.programs import Programs, gateway
from campaigns.fuzz.request import Door, Request
from campaigns.fuzz.stock import Stock, stocked
from campaigns.fuzz.till import Paying, open_till, webhook
from campaigns.fuzz.wire import Answer, Line
from campaigns.oracle import deviations
from campaigns.outcome import Outcome
from tests.support.cluster import TestDatabase
from tests.support.django import django_on, model_on_offer
from tests.support.processes import Running, serving
from tests.support.tenants.book import all_key_rows, all_places
from tests.support.tenants.roles import ANONYMOUS
from tests.support.upstream import scripted_upstream

BATCH = 250
"""Requests to one organization, which by then is used up: AI off, members gone, keys revoked."""
_DOORS: Sequence[Door] = ("api",) * 11 + ("openai",) * 2 + ("webhooks",) + ("pages",) * 6
ALLOWED: dict[tuple[str, str], str] = {
    ("public.api_key", "last_used_at"): "when a key was last used is written down every half minute",
    ("ledger.account", "due_at"): "when time next has something to do is looked up once that moment is over",
    ("public.django_session", "*"): "what a browser was told, and until when it is signed in",
    ("public.usersessions_usersession", "*"): "where a person's browsers were last seen",
}
"""What a refused request may change, by table and column."""
_REST_SECONDS = 0.5
"""What is left without an answer may still be under way: so long nothing is written, then it is over."""
_MOST_RESTS = 20
_MADE = {
    "/api/v1/holds": "hold_id",
    "/api/v1/budgets": "budget_id",
    "/api/v1/purchases": "purchase_id",
    "/api/v1/usage": "usage_id",
}


@dataclass(slots=True)
class _Asked:
    """One request, its answer, and the stretch of the log in which it was under way."""

    number: int
    request: Request
    answer: Answer
    began: int
    ended: int
    repeats: "_Asked | None" = None
    """The same request before, whose effect this one must not have again."""


@dataclass(slots=True)
class Fuzz:
    """Everything a run needs."""

    outcome: Outcome
    url: str
    document: Document
    pages: Pages
    programs: Programs
    paying: Paying
    changes: Changes
    line: Line
    app: Running
    doors: Sequence[Door] = _DOORS
    tally: Tally[str] = field(default_factory=Tally)

    def batch(self, stock: Stock, numbers: range) -> None:
        """Requests to one organization, then what they have changed."""
        self.changes.read()
        asked: list[_Asked] = []
        for number in numbers:
            dice = random.Random(f"{self.outcome.seed} {number}")
            one = self._ask(number, self._made(stock, dice), stock)
            asked.append(one)
            if _can_be_repeated(one):
                again = self._ask(number, one.request, stock)
                again.repeats = one
                asked.append(again)
        found = self.changes.read()
        for one in asked:
            self._judge(one, [change for change in found if one.began <= change.at < one.ended])

    def _made(self, stock: Stock, dice: random.Random) -> Request:
        door = dice.choice(self.doors)
        if door == "api":
            return self.programs.api(stock, dice)
        if door == "openai":
            return gateway(stock, dice)
        return webhook(self.paying, dice) if door == "webhooks" else self.pages.request(stock, dice)

    def _ask(self, number: int, request: Request, stock: Stock) -> _Asked:
        began = self.changes.place()
        answer = self.line.send(request)
        if answer.status <= 0:
            self._rest()
        one = _Asked(number, request, answer, began, self.changes.place())
        self.tally[f"{request.door} {answer.status // 100}xx"] += 1
        self._learn(one, stock)
        return one

    def _rest(self) -> None:
        """Until nothing is written any more: an end that comes late is not the next request’s doing."""
        place = -1
        for _ in range(_MOST_RESTS):
            before, place = place, self.changes.place()
            if place == before:
                return
            time.sleep(_REST_SECONDS)

    def _learn(self, one: _Asked, stock: Stock) -> None:
        request, answer = one.request, one.answer
        if request.door == "pages":
            self.pages.seen(request, answer)
            if 'sessionid=""' in answer.headers.get("set-cookie", "") and request.who != ANONYMOUS:
                stock.sign_in(request.who)
        elif request.door == "api" and answer.status in (200, 201) and _tells(answer):
            told = json.loads(answer.body)
            stock.learn(_MADE.get(request.path, ""), told.get("id"))
            if told.get("next_cursor"):
                stock.cursors.append(told["next_cursor"])

    def _judge(self, one: _Asked, changed: list[Change]) -> None:
        faults = list(judged(one.request, one.answer, self.document))
        unexpected = [change for change in changed if not _is_allowed(change)]
        if one.answer.status >= 400 and unexpected:
            faults.append(f"{one.answer.status}, yet {'; '.join(map(str, unexpected[:4]))}")
        if one.repeats is not None:
            faults += _repeated(one, unexpected)
        for fault in faults:
            self._note(one, fault)

    def _note(self, one: _Asked, fault: str) -> None:
        request = one.request
        how = ", ".join(request.bent) or "as it should be"
        told = f"{request.method} {request.path[:100]} ({request.door}, {request.who}; {how}): {fault}"
        self.outcome.faults.append(told)
        why = _last_error(self.app) if one.answer.status >= 500 else ""
        print(f"fuzz: request {one.number}: {told}\n  {why}\n  {request.curl(self.url)}", file=sys.stderr, flush=True)


def _tells(answer: Answer) -> bool:
    """To HEAD the answer has no body, whatever its type."""
    return answer.content_type == "application/json" and bool(answer.body)


def _is_allowed(change: Change) -> bool:
    return (change.table, "*") in ALLOWED or all((change.table, column) in ALLOWED for column in change.columns)


def _can_be_repeated(one: _Asked) -> bool:
    """Whether its id promises that a second time has no effect."""
    request, operation = one.request, one.request.operation
    if one.answer.status not in (200, 201, 202) or request.malformed:
        return False
    if request.door == "webhooks":
        return request.method == "POST"
    if operation is None or operation.method == "GET":
        return False
    in_body = isinstance(request.value, dict) and request.value.get("id") is not None
    named = request.header("Idempotency-Key") is not None or in_body
    return (
        operation.method in ("PUT", "DELETE")
        or operation.path.endswith(("/settlement", ":batch"))
        or (operation.takes_a_key and named)
    )


def _repeated(one: _Asked, changed: list[Change]) -> Iterator[str]:
    """The same answer as before, and nothing done."""
    first, operation = one.repeats, one.request.operation
    assert first is not None
    if changed:
        yield f"the second time: {'; '.join(map(str, changed[:4]))}"
    if one.answer.status == 403 and b'"code":"missing_scope"' in one.answer.body:
        return  # an earlier request took it from the key, which is known a second later
    if one.answer.status != first.answer.status:
        yield f"{first.answer.status}, the second time {one.answer.status} {one.answer.body[:200]!r}"
    elif operation is not None and operation.takes_a_key and one.answer.headers.get("idempotent-replayed") != "true":
        yield "the second time does not say that it is one"


def _last_error(app: Running) -> str:
    lines = [line for line in app.output().splitlines() if '"exception"' in line or "Traceback" in line]
    return lines[-1][-1_500:] if lines else ""


def fuzz(
    database: TestDatabase,
    *,
    requests: int,
    seed: int,
    tick: Tick = unheard,
    doors: Sequence[Door] = _DOORS,
    afterwards: bool = True,
) -> Outcome:
    """So many requests at a whole application on this database, whose server must run with wal_level=logical. What they
    leave for a worker is worked off `afterwards`."""
    outcome = Outcome("fuzz", seed)
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="testkase-fuzz-")))
        upstream = opened.enter_context(scripted_upstream())
        upstream.record = False
        for around in (django_on(database), model_on_offer()):
            opened.enter_context(around)
        paying = opened.enter_context(open_till())
        environ = _environ(upstream.port, paying)
        app = opened.enter_context(serving(database, folder, environ))
        changes = Changes.of(database)
        opened.callback(changes.close)
        document = Document(httpx.get(f"{app.url}/api/v1/openapi.json", trust_env=False).json())
        run = Fuzz(
            outcome,
            app.url,
            document,
            Pages(),
            Programs(document, all_key_rows()),
            paying,
            changes,
            Line(app.url),
            app,
            doors,
        )
        opened.callback(run.line.close)
        _all_batches(run, requests, tick)
        if httpx.get(f"{app.url}/readyz", trust_env=False, timeout=20).status_code != 200:
            outcome.faults.append("the application is not ready afterwards")
        outcome.faults += worked_off(database, folder, environ, paying) if afterwards else ()
    outcome.faults += deviations(database.owner_url)
    outcome.figures = {"requests": sum(run.tally.values()), **dict(sorted(run.tally.items())), **done(database)}
    return outcome


def _all_batches(run: Fuzz, requests: int, tick: Tick) -> None:
    places, stock = all_places(), None
    for start in range(0, requests, BATCH):
        stock = stocked(f"Fuzz{start // BATCH}", places, stock)
        run.batch(stock, range(start, min(start + BATCH, requests)))
        tick(min(start + BATCH, requests))


def _environ(model_port: int, paying: Paying) -> dict[str, str]:
    model = {"TESTKASE_MODEL_PORT": str(model_port), "TESTKASE_MODEL_API_KEY": "scripted"}
    return {**model, **paying.environ, "TESTKASE_SECRET_KEY": settings.SECRET_KEY, "LOG_LEVEL": "ERROR"}


def _at_size(size: int, seed: int, tick: Tick) -> Outcome:
    """On a PostgreSQL of its own that writes everything into its log."""
    with bench_server(wal_level="logical", synchronous_commit="off") as server:
        return fuzz(server.database, requests=size, seed=seed, tick=tick)


FUZZ = Campaign(
    name="fuzz",
    about="bent requests at every door: never a 5xx, a refusal changes nothing",
    counts="requests",
    full=100_000,
    small=5_000,
    run=_at_size,
)
