"""Campaigns about books that somebody with every right in the database has changed."""
