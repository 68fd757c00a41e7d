"""Named statements."""
