"""Campaigns about buying: reports in any number and order, reports that never come, money that goes back."""
