"""What is stored, how long, and how it is erased or taken away (P16, R69–R76). Free of Django.

A feature declares the content it keeps once, as a `Content` in a module of its own, and adds it to `registry.CONTENT`:
retention, erasure, the export's list and the page about what is stored follow from that.
"""
