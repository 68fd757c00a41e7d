"""The credit ledger: accounts, lots, holds and an append-only journal. README.md states what always holds."""
