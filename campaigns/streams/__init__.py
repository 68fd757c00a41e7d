"""Campaigns about calls of models that are running when something happens."""
