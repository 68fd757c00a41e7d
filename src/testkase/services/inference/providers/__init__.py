"""Adapters, one folder per kind of provider. Nothing else in the product talks to a model provider."""
