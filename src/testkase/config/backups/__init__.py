"""Backups of an installation, taken while it works, and their way back."""
