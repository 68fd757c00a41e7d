"""Secrets and people's content driven through the running system, and then looked for in everything it has written."""
