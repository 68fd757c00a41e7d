"""One exchange with the API, retries included, as a generator: it says what to send and how long to wait, and whoever
drives it (`driving.py`) does so, synchronously or not. What to repeat is decided here and nowhere else."""

import random
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import TypeVar

import httpx

from testkase_client.problems import (
    PaymentRefused,
    PaymentsNotSetUp,
    Problem,
    Unreachable,
    Unreadable,
    is_undecided,
    refusal,
)
from testkase_client.request import Request

T = TypeVar("T")

PREFIX = "/api/v1"
FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 8.0
LONGEST_RETRY_AFTER_SECONDS = 60.0
"""A server that asks for more than this is not waited for: the caller knows better what to do in the meantime."""
PATIENCE_SECONDS = 90.0
"""No repetition begins later than this. Who refuses at once is asked until all retries are used up; who says nothing,
each time until the timeout, is not waited for all of them."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A step that sends nothing."""

    seconds: float


Steps = Generator[httpx.Request | Wait, httpx.Response | None, T]
"""Requests and waits on the way to an answer. A request's failure is thrown in."""


@dataclass(frozen=True, kw_only=True)
class Wire:
    """What every exchange of a client shares."""

    base_url: str
    headers: httpx.Headers
    timeout: httpx.Timeout
    retries: int

    def exchange(self, request: Request[T]) -> Steps[T]:
        """The answer. Every repetition is the same request, byte for byte, so the same id. Raises Problem."""
        try:
            return (yield from self._answer(request))
        except Problem as problem:
            sent = request.body if is_undecided(problem) and isinstance(request.body, dict) else {}
            # Only the same id is safe then, and whoever gave none knows none.
            problem.facts |= {name: sent[name] for name in ("id", "capture_id") if name in sent}
            raise

    def _answer(self, request: Request[T]) -> Steps[T]:
        failures, began = 0, monotonic()
        while True:
            try:
                response = yield self._sent(request)
            except httpx.RequestError as fault:
                problem: Problem = _unreachable(fault)
                wait: float | None = backoff(failures)
            else:
                assert response is not None
                if response.is_success:
                    replayed = response.headers.get("Idempotent-Replayed") == "true"
                    return request.decode(response.content, replayed=replayed)
                problem = _moved(response) or refusal(response.status_code, response.content)
                wait = wait_before_repeating(problem, response.headers.get("Retry-After"), failures)
            if wait is None or failures >= self.retries or monotonic() - began + wait > PATIENCE_SECONDS:
                raise problem
            failures += 1
            yield Wait(wait)

    def _sent(self, request: Request[T]) -> httpx.Request:
        content = request.content
        headers = self.headers.copy()
        if content is not None:
            headers["Content-Type"] = request.content_type
        return httpx.Request(
            request.method, self.base_url + PREFIX + request.path, params=request.parameters or None, headers=headers,
            content=content, extensions={"timeout": self.timeout.as_dict()},
        )  # fmt: skip


def wait_before_repeating(problem: Problem, retry_after: str | None, failures: int) -> float | None:
    """Seconds, or None where repeating cannot help."""
    if isinstance(problem, PaymentsNotSetUp | PaymentRefused):
        return None
    if problem.status not in {408, 425, 429} and problem.status < 500:
        return None
    asked = _seconds(retry_after)
    return None if asked > LONGEST_RETRY_AFTER_SECONDS else max(asked, backoff(failures))


def backoff(failures: int) -> float:
    """Doubles with each failure; half of it is chance, so that many clients do not come back together."""
    full = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(failures, 30))
    return full * random.uniform(0.5, 1)  # noqa: S311 - a wait is no secret


def _seconds(retry_after: str | None) -> float:
    """Of a number or a date; 0 for anything else."""
    if retry_after is None:
        return 0
    if retry_after.strip().isascii() and retry_after.strip().isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _moved(response: httpx.Response) -> Problem | None:
    """Redirects are not followed: most turn what writes into what reads, and the key would go along."""
    if not response.has_redirect_location:
        return None
    return Unreadable(
        f"The address redirects to {response.headers['Location']}. Nothing was done.", code="unreadable",
        status=response.status_code, next="Give the client the address where TestKase really is, with https:// if so.",
    )  # fmt: skip


def _unreachable(fault: httpx.RequestError) -> Unreachable:
    problem = Unreachable(
        f"No answer came: {str(fault) or type(fault).__name__}", code="unreachable", status=0,
        next="Repeat the call with the same id after a moment.",
    )  # fmt: skip
    problem.__cause__ = fault
    return problem
