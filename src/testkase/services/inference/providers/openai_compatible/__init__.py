"""Chat completions as OpenAI defined them and most servers speak them: bytes pass through, and only usage is read."""

from testkase.services.inference.providers.openai_compatible.dialect import OpenAiCompatible
from testkase.services.inference.providers.openai_compatible.interpreter import PassedOn

__all__ = ["OpenAiCompatible", "PassedOn"]
