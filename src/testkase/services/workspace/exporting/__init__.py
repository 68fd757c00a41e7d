"""Test cases as files that other tools read, and that can be brought in again."""
