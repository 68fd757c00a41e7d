"""The pages of test case generation: ask, watch, decide; and suggested steps of one test case."""
