"""The Python client of TestKase AI Credits: hold, settle, meter, buy and read, synchronously or with asyncio.

with Client(url, key) as client, client.hold(use_case="chat", user="ada@example.com", credits="0.50") as hold:
    …
    hold.settle(credits="0.31")
"""

from testkase_client.answers.billing import BuyerDetails
from testkase_client.answers.holds import ItemResult, Measurement, OpenedHold, Outcome, Settlement, Tokens
from testkase_client.client import AsyncClient, Client
from testkase_client.holding import AsyncHold, Hold
from testkase_client.problems import (
    AiDisabled,
    BudgetExceeded,
    CaptureUnknown,
    Conflict,
    DebtOutstanding,
    Forbidden,
    HoldResolved,
    IdReused,
    InsufficientCredits,
    InvalidApiKey,
    InvalidRequest,
    MayNotBuy,
    MissingScope,
    NotFound,
    Paused,
    PaymentRefused,
    PaymentRequired,
    PaymentsNotSetUp,
    Problem,
    TooManyRequests,
    Unavailable,
    Unreachable,
    Unreadable,
)
from testkase_client.requests.holds import HoldItem, SettlementItem
from testkase_client.requests.workspace import Result

__all__ = [
    "AiDisabled",
    "AsyncClient",
    "AsyncHold",
    "BudgetExceeded",
    "BuyerDetails",
    "CaptureUnknown",
    "Client",
    "Conflict",
    "DebtOutstanding",
    "Forbidden",
    "Hold",
    "HoldItem",
    "HoldResolved",
    "IdReused",
    "InsufficientCredits",
    "InvalidApiKey",
    "InvalidRequest",
    "ItemResult",
    "MayNotBuy",
    "Measurement",
    "MissingScope",
    "NotFound",
    "OpenedHold",
    "Outcome",
    "Paused",
    "PaymentRefused",
    "PaymentRequired",
    "PaymentsNotSetUp",
    "Problem",
    "Result",
    "Settlement",
    "SettlementItem",
    "Tokens",
    "TooManyRequests",
    "Unavailable",
    "Unreachable",
    "Unreadable",
]
