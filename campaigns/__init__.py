"""Random and destructive tests. Each prints one line of result and can be repeated from its seed."""
