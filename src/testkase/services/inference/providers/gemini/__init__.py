"""Google's Gemini API."""

from testkase.services.inference.providers.gemini.dialect import Gemini

__all__ = ["Gemini"]
