"""Anthropic's Messages API."""

from testkase.services.inference.providers.anthropic.dialect import Anthropic

__all__ = ["Anthropic"]
