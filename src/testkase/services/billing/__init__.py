"""Buying credits: bundles, purchases, payments, refunds, disputes, receipts and the bill for overage."""
