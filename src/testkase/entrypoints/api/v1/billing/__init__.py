"""Buying by programs: purchases, receipts, who may buy, use beyond the balance and its bills."""
