"""What goes wrong between us and a model provider.

Problem
├── InvalidInput
│   ├── UnsupportedParameter   a field or content that could not be bounded or priced
│   ├── ModelNotServed         no configured provider serves the model
│   └── ProviderNotAccepted    the operator's provider file cannot be used as it is
└── ProviderError              the provider refused, failed or was not reached: nothing was delivered
    ├── ProviderTimeout        nothing came in time; the provider may have worked all the same
    └── StreamCut              the answer broke off after output; what was delivered is charged
"""

from typing import Any

from testkase.foundation.problems import InvalidInput, Problem


class UnsupportedParameter(InvalidInput):
    """The request names something whose cost cannot be bounded beforehand, so it is refused rather than dropped."""

    code = "unsupported_parameter"
    title = "The request asks for something this endpoint does not offer"


class ModelNotServed(InvalidInput):
    """No configured provider serves the model."""

    code = "unknown_model"
    title = "No such model"


class ProviderNotAccepted(InvalidInput):
    """The provider file is malformed, or a provider in it lacks a declaration, a key or TLS (R69–R71)."""

    code = "provider_not_accepted"
    title = "The model provider cannot be used"


class ProviderError(Problem):
    """The provider refused, failed or could not be reached before it delivered anything. Costs nothing.

    `status` is the provider's HTTP status, None when there was no answer. `upstream_message` is the provider's own
    sentence for the caller who sent the request; it may quote the prompt, so it is no fact and is never logged.
    """

    code = "provider_error"
    title = "The model provider did not answer the request"

    def __init__(
        self, detail: str, *, status: int | None = None, upstream_message: str | None = None, **facts: Any
    ) -> None:
        super().__init__(detail, status=status, **facts)
        self.status = status
        self.upstream_message = upstream_message

    @property
    def refused(self) -> bool:
        """Whether the provider understood and said no: repeating cannot help. (408, 409 and 429 can pass.)"""
        return self.status is not None and 400 <= self.status < 500 and self.status not in (408, 409, 429)


class ProviderTimeout(ProviderError):
    """Nothing was received in time. Free for the organization; what it cost the operator is unknown."""

    code = "provider_timeout"
    title = "The model provider did not answer in time"


class StreamCut(ProviderError):
    """The stream ended without saying that it had finished. What was delivered is charged, marked as partial."""

    code = "provider_cut"
    title = "The model's answer broke off"
