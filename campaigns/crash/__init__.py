"""The campaign that kills processes, and the callers who keep their own books meanwhile."""
