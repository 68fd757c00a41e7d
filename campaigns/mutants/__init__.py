"""Mutants: mistakes planted one at a time, each of which some campaign must find."""
