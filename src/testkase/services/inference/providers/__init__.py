"""The kinds of model providers, each in a folder of its own."""

from testkase.services.inference.model import Provider
from testkase.services.inference.providers.anthropic import Anthropic
from testkase.services.inference.providers.azure import Azure
from testkase.services.inference.providers.calling import Dialect
from testkase.services.inference.providers.gemini import Gemini
from testkase.services.inference.providers.openai_compatible import OpenAiCompatible


def dialect_of(provider: Provider) -> Dialect:
    """How a provider is spoken to."""
    match provider.kind:
        case "anthropic":
            return Anthropic()
        case "gemini":
            return Gemini()
        case "azure":
            return Azure(provider.api_version)
        case "openai":
            return OpenAiCompatible()
