"""Campaigns about what the database shows, and to whom, whatever the product's own code does."""
