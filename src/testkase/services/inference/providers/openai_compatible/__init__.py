"""Chat completions as OpenAI defined them and most servers speak them: bytes pass through, and only usage is read."""

from testkase.services.inference.providers.openai_compatible.call import ChatCall
from testkase.services.inference.providers.openai_compatible.client import Endpoint

__all__ = ["ChatCall", "Endpoint"]
