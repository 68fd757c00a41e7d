"""Named statements of the notifications."""
