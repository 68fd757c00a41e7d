"""Settings → AI Credits → Budgets: limits, requests for more, and what is paused."""
