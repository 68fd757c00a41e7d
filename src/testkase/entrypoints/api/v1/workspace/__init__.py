"""Projects, their test cases, and results of automated tests."""
