"""Text as it may be kept, whatever people and programs send."""


def in_one_line(text: str) -> str:
    """Without line breaks, doubled spaces and what PostgreSQL takes for no character."""
    return " ".join(text.replace("\x00", "").split())
