"""Test ideas, computed: which cases a requirement asks for, before any model is called.

An idea fixes what a small model gets wrong (kind, title, numbers, roles, the start of the decisive step) and leaves it
the words in between. A large model gets the same ideas as hints.
"""
