"""Checkout: where somebody pays, in a modal of the shop's page, on a page of its own, or behind a payment link."""
