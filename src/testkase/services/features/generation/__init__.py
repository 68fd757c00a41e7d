"""Test cases from a requirement (R1): ideas from code, words from the model, drafts a person decides on.

`operations` is for the pages, `estimate` and `hint` help before the run, `run` is the job. Nothing is imported here, so
that the model server can read the prompts without loading a database driver.
"""
