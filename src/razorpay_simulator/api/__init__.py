"""The merchant's API under /v1: what the SDK calls."""
