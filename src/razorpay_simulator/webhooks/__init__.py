"""Telling endpoints what happened: which messages, when, and how often."""
