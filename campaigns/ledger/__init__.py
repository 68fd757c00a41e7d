"""Campaigns about the books themselves: the last credit, billing months, sums."""
