"""Prompts as files, one a purpose."""
