"""What can go wrong. `except Problem` catches all of it; the classes are what a program decides by.

Problem
├── InvalidRequest              400, 413, 415, 422: repeating it is of no use
├── InvalidApiKey               401
├── PaymentRequired             402
│   ├── InsufficientCredits
│   ├── DebtOutstanding
│   └── BudgetExceeded
├── Forbidden                   403
│   ├── MissingScope
│   ├── AiDisabled
│   ├── Paused
│   └── MayNotBuy
├── NotFound                    404
├── Conflict                    409
│   ├── IdReused
│   ├── HoldResolved
│   └── CaptureUnknown          nothing was sent: what was sent before may have been charged
├── TooManyRequests             429, after all retries
└── Unavailable                 408, 425, 5xx, after all retries
    ├── PaymentsNotSetUp        this installation sells nothing
    ├── PaymentRefused          the same call is refused again
    ├── Unreachable             no answer came at all
    └── Unreadable              an answer that is none of the API's
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from testkase_client.answers.holds import ItemResult

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading bytes of somebody else's can raise."""
_MEMBERS = frozenset({"type", "title", "status", "detail", "code", "field", "next"})


class Problem(Exception):
    """Why there is no answer. `facts` are its own: `balance`, `estimate`, `buy_url`, `resets_at`, `scope` and others,
    as the API words them.

    `answered`: of a list that was sent in several requests, what became of the items before the request that failed.
    `facts["ids"]` has those of the others, in their order, also where the client made them."""

    answered: "tuple[ItemResult[Any], ...]" = ()

    def __init__(
        self,
        detail: str,
        *,
        code: str,
        status: int,
        title: str = "",
        field: str | None = None,
        next: str = "",
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{detail} [{code}]")
        self.detail, self.code, self.status, self.title = detail, code, status, title
        self.field, self.next, self.facts = field, next, dict(facts or {})

    def __reduce__(self) -> tuple[Any, ...]:
        """Problems travel between processes: workers and test runners send them home."""
        return problem_of, ({**self.facts, **self._members()}, type(self)), {"answered": self.answered}

    def _members(self) -> dict[str, Any]:
        names = ("detail", "code", "status", "title", "field", "next")
        return {name: getattr(self, name) for name in names}


class InvalidRequest(Problem):
    """Something in the request has to be corrected: see `field`."""


class InvalidApiKey(Problem):
    """No valid key was sent."""


class PaymentRequired(Problem):
    """Credits are missing. Do not call the model."""


class InsufficientCredits(PaymentRequired):
    """The balance does not cover the estimate: `facts` has both and where to buy."""


class DebtOutstanding(PaymentRequired):
    """A debt must be covered first."""


class BudgetExceeded(PaymentRequired):
    """A budget is used up: `facts` names it and when it resets."""


class Forbidden(Problem):
    """The key may not do this, or nobody may now."""


class MissingScope(Forbidden):
    """The key lacks the scope in `facts`."""


class AiDisabled(Forbidden):
    """The Owner has switched AI off. Do not call the model."""


class Paused(Forbidden):
    """The user or the use case is paused. Do not call the model."""


class MayNotBuy(Forbidden):
    """Whoever made the key may not buy."""


class NotFound(Problem):
    """There is nothing of that id in this organization."""


class Conflict(Problem):
    """It does not go with what happened before."""


class IdReused(Conflict):
    """The id came before with another input."""


class HoldResolved(Conflict):
    """The hold was settled, voided or has lapsed. After `lapsed`, meter with `record_usage`."""


class CaptureUnknown(Conflict):
    """Another part of the hold got no answer: repeat it, or name a `capture_id`. `facts` has the id of that one."""


class TooManyRequests(Problem):
    """Still too much at once after all retries."""


class Unavailable(Problem):
    """No answer after all retries. Whether it happened is unknown: repeat with the same id. `facts` has it, also
    where the client made it: `id`, or `capture_id` of a part."""


class PaymentsNotSetUp(Unavailable):
    """This installation sells nothing."""


class PaymentRefused(Unavailable):
    """The payment provider refused, and would again."""


class Unreachable(Unavailable):
    """Nobody answered, or the answer was cut."""


class Unreadable(Unavailable):
    """What answered does not speak this API: a proxy, or another program."""


_BY_CODE: dict[str, type[Problem]] = {
    "insufficient_credits": InsufficientCredits,
    "debt_outstanding": DebtOutstanding,
    "budget_exceeded": BudgetExceeded,
    "missing_scope": MissingScope,
    "ai_disabled": AiDisabled,
    "paused": Paused,
    "may_not_buy": MayNotBuy,
    "id_reused": IdReused,
    "hold_resolved": HoldResolved,
    "payments_not_set_up": PaymentsNotSetUp,
    "payment_refused": PaymentRefused,
}
_BY_STATUS: dict[int, type[Problem]] = {
    400: InvalidRequest,
    401: InvalidApiKey,
    402: PaymentRequired,
    403: Forbidden,
    404: NotFound,
    405: InvalidRequest,
    408: Unavailable,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
    425: Unavailable,
    429: TooManyRequests,
}


def is_undecided(problem: Problem) -> bool:
    """The API itself has not said no: nothing answered, it could not decide, or something in between refused."""
    return isinstance(problem, TooManyRequests | Unavailable) or problem.code == "unreadable"


def problem_of(members: Mapping[str, Any], kind: type[Problem] | None = None) -> Problem:
    """From a problem document, also one of an item of a batch."""
    code, status = str(members.get("code", "")), int(members.get("status") or 0)
    found = kind or _BY_CODE.get(code) or _BY_STATUS.get(status) or (Unavailable if status >= 500 else Problem)
    return found(
        str(members.get("detail", "")),
        code=code,
        status=status,
        title=str(members.get("title", "")),
        field=members.get("field"),
        next=str(members.get("next", "")),
        facts={name: value for name, value in members.items() if name not in _MEMBERS},
    )


def refusal(status: int, body: bytes) -> Problem:
    """From an answer that is no success. What is no problem document comes from something in between."""
    try:
        members = msgspec.json.decode(body, type=dict[str, Any])
    except UNREADABLE:
        members = {}
    if "code" in members:
        return problem_of({**members, "status": status})
    return problem_of(
        {"detail": f"HTTP {status} without a problem document", "code": "unreadable", "status": status},
        _BY_STATUS.get(status, Unreadable),
    )
