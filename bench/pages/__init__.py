"""What the AI Credits page costs when ten million interactions stand behind it."""
