"""The application process: one port, three doors behind it, and what watches it."""
