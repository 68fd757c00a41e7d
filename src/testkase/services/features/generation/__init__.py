"""Test cases from a requirement (R1): ideas from code, words from the model, drafts a person decides on.

`request_generation` writes the request, `run_generation` is the job, the rest is for the page.
"""
