"""Limits inside the balance: budgets (B8) and pauses (B13), decided in the same atomic step as the hold."""
