"""Adapters, one folder per payment provider. Each is the only place that knows its provider's SDK and its words."""
