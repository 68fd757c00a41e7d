"""Upgrades that are killed on their way."""
