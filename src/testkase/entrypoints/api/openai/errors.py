"""Problems in the shape that OpenAI's clients understand: `{"error": {"message", "type", "param", "code", …}}`."""

from typing import Any, NamedTuple

from testkase.entrypoints.api.catalogue import known
from testkase.entrypoints.api.refusals import facts_of
from testkase.entrypoints.api.reply import Answer, respond
from testkase.foundation.problems import InvalidInput, Problem
from testkase.services.inference import ProviderError

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "invalid_request_error",
    409: "conflict_error",
    429: "rate_limit_error",
}
_PASSED_ON = (400, 413, 422)
"""What a provider says of the request itself reaches the caller; the rest is between the operator and the provider."""


class Shaped(NamedTuple):
    """An error ready to be sent."""

    status: int
    error: dict[str, Any]

    def headers(self) -> dict[str, str]:
        """OpenAI's clients repeat 409 by themselves unless told not to; here a repeat can only be refused again."""
        headers = {"x-should-retry": "false"} if self.status == 409 else {}
        if self.status == 401:
            headers["www-authenticate"] = 'Bearer realm="testkase"'
        if self.status in (429, 503):
            headers["retry-after"] = str(self.error.get("retry_after_seconds", 1))
        return headers

    def response(self, *, allow: str | None = None) -> Answer:
        headers = self.headers() | ({"allow": allow} if allow is not None else {})
        return respond(self.status, {"error": self.error}, headers)


def shape(problem: Problem, public_url: str) -> Shaped:
    """Status, and the object under `error`. Facts such as balance and buy_url stand beside OpenAI's fields."""
    status, code, message = known(problem.code).status, problem.code, problem.detail
    if problem.code == "unknown_model":
        status, code = 404, "model_not_found"
    elif isinstance(problem, ProviderError):
        status = _provider_status(problem, status)
        if problem.status in _PASSED_ON:
            message = problem.upstream_message or message
    elif isinstance(problem, InvalidInput):
        status = 400
    facts = facts_of(problem, public_url)
    if "buy_url" in facts:  # clients show the message and hide the rest
        message = f"{message} Buy credits at {facts['buy_url']}, or ask your Owner to."
    error = {
        "message": message,
        "type": _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error"),
        "param": problem.field,
        "code": code,
    }
    return Shaped(status, error | facts)


def _provider_status(problem: ProviderError, otherwise: int) -> int:
    if problem.status in _PASSED_ON or problem.status == 429:
        return problem.status
    return otherwise
