"""A local Razorpay: its merchant API, its Checkout and its webhooks, for anyone who integrates with it. No money moves.

It stands alone: it listens on loopback only, refuses live keys, and imports nothing of the product that uses it."""
