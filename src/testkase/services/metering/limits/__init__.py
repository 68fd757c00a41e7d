"""Budgets, requests for more, and the runaway guard: the product's side of the ledger's limits. Free of Django."""
