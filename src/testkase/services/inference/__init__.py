"""Calling models: which there are, what a request can cost at most, the call itself, and what it came to.

Nobody calls `Catalog.open` but metering: a model that is called without a hold is a model nobody pays for.
"""

from testkase.services.inference.answer import Answer
from testkase.services.inference.bounds import input_token_bound, input_token_estimate
from testkase.services.inference.catalog import Call, Catalog
from testkase.services.inference.embedded import EMBEDDED_MODEL
from testkase.services.inference.model import (
    FEATURES,
    LEVELS,
    CallResult,
    Capabilities,
    Feature,
    Level,
    ModelEntry,
    Provider,
    Timeouts,
)
from testkase.services.inference.problems import (
    ModelNotServed,
    ProviderError,
    ProviderNotAccepted,
    ProviderTimeout,
    StreamCut,
    UnsupportedParameter,
)
from testkase.services.inference.request import PREFIX_REUSE, output_token_bound, prepare_body
from testkase.services.inference.shapes import check_size
from testkase.services.inference.tools import Tool, ToolCall, ToolCallUnreadable, ToolResult

__all__ = [
    "EMBEDDED_MODEL",
    "FEATURES",
    "LEVELS",
    "PREFIX_REUSE",
    "Answer",
    "Call",
    "CallResult",
    "Capabilities",
    "Catalog",
    "Feature",
    "Level",
    "ModelEntry",
    "ModelNotServed",
    "Provider",
    "ProviderError",
    "ProviderNotAccepted",
    "ProviderTimeout",
    "StreamCut",
    "Timeouts",
    "Tool",
    "ToolCall",
    "ToolCallUnreadable",
    "ToolResult",
    "UnsupportedParameter",
    "check_size",
    "input_token_bound",
    "input_token_estimate",
    "output_token_bound",
    "prepare_body",
]
