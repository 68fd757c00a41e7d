"""Notes, the one field whose type depends on whether it is empty."""


def shown(notes: dict[str, str]) -> dict[str, str] | list[str]:
    """An object, but an empty list when there is nothing in it."""
    return notes or []
