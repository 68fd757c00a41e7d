"""Budgets and pauses."""
