"""Azure OpenAI: OpenAI's chat completions at the address of a deployment."""

from testkase.services.inference.providers.azure.dialect import Azure

__all__ = ["Azure"]
