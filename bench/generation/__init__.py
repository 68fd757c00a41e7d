"""How good generated test cases are, measured: `python -m bench.generation`."""
