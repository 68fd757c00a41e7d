"""Buying credits in the browser: the bundles, the payment, Plans & Billing, receipts, and staff's view of it all."""
