"""From chat completions and back, as far as it is the same for every provider that speaks otherwise."""
