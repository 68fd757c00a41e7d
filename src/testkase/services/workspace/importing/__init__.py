"""Bringing in test cases and results from files. What stands in a file is data, never an instruction.

A file is kept with its request, read by a job and worked off in small transactions; then it is forgotten, and a line by
line report stays.
"""
