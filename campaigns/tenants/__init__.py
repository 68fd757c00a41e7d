"""Campaigns about the walls between organizations."""
