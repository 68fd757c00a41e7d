"""From a problem to RFC 9457 problem details. Amounts leave as decimal strings, as everywhere in the API."""

import logging
from typing import Any

from psycopg import DataError
from psycopg import Error as DatabaseError
from psycopg_pool import PoolTimeout

from testkase.core.ledger.credits import format_credits
from testkase.core.ledger.refusals import BudgetExceeded, HoldResolved, InsufficientCredits, Paused
from testkase.entrypoints.api.catalogue import known
from testkase.entrypoints.api.fields import instant
from testkase.entrypoints.api.reply import PROBLEM, Answer, respond
from testkase.foundation.links import page_of
from testkase.foundation.problems import Problem, Unavailable
from testkase.services.billing.provider import ProviderRefused
from testkase.services.notifications.words import BUY_PAGE

log = logging.getLogger(__name__)

_AMOUNTS = {"limit", "used", "held", "needed"}
_INSTANTS = {"resets_at", "paused_at"}


class Internal(Problem):
    """A fault of ours. The cause is in the log, never in the answer."""

    code = "internal"
    title = "Something went wrong on our side"


def as_problem(error: Exception) -> Problem:
    """What the caller is told. What nobody foresaw is logged here."""
    if isinstance(error, Problem):
        return error
    # A value the database does not take is a check of ours that is missing, and no repetition helps.
    if isinstance(error, DatabaseError | PoolTimeout | OSError) and not isinstance(error, DataError):
        log.warning("the database could not be asked: %s", type(error).__name__)
        return Unavailable("The service is busy or restarting. Repeat the call with the same id.")
    log.error("unforeseen error", exc_info=error)
    return Internal("Something went wrong on our side. Repeating the call with the same id is safe.")


def buy_url(public_url: str, org_id: int) -> str:
    """Where people buy credits. It says for which organization: who follows it may be at work in another one."""
    return page_of(org_id, public_url, BUY_PAGE)


def facts_of(problem: Problem, public_url: str) -> dict[str, Any]:
    """The problem's facts as the caller sees them: 402 carries balance, estimate and the link to buy (P18)."""
    facts = {name: value for name, value in problem.facts.items() if value is not None}
    if isinstance(problem, InsufficientCredits):
        money = {"available": "balance", "needed": "estimate", "debt": "debt"}
        org_id = facts.pop("org_id")
        facts = {money[name]: format_credits(value) for name, value in facts.items() if name in money}
        facts["buy_url"] = buy_url(public_url, org_id)
    if isinstance(problem, HoldResolved):
        receipt = facts.pop("receipt", None)  # an entry of the journal, which is a receipt where it charged
        facts |= {"receipt": str(receipt)} if facts["state"] == "settled" else {}
    if isinstance(problem, ProviderRefused):
        facts.pop("status", None)  # the provider's, which is not ours
    if isinstance(problem, BudgetExceeded | Paused):
        facts |= {name: format_credits(facts[name]) for name in _AMOUNTS & facts.keys()}
        facts |= {name: instant(facts[name]) for name in _INSTANTS & facts.keys()}
    return facts


def details(problem: Problem, public_url: str) -> dict[str, Any]:
    """The members of the problem document."""
    row = known(problem.code)
    members: dict[str, Any] = {
        "type": f"{public_url}/api/v1/problems/{problem.code}",
        "title": row.title,
        "status": row.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    if problem.field is not None and not isinstance(problem, ProviderRefused):  # that one is no field of the caller's
        members["field"] = problem.field
    return members | facts_of(problem, public_url) | {"next": row.next}


def refuse(problem: Problem, public_url: str, *, allow: str | None = None) -> Answer:
    """The whole response."""
    members = details(problem, public_url)
    headers: dict[str, str] = {}
    if members["status"] == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="testkase"'
    if members["status"] in (429, 503):
        headers["Retry-After"] = "1"
    if allow is not None:
        headers["Allow"] = allow
    return respond(members["status"], members, headers, media_type=PROBLEM)
