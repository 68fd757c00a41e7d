"""Names people give to things: one line, of a length that fits. Addresses that letters reach."""

from testkase.foundation.problems import InvalidInput


def clean_name(text: str, longest: int, what: str, *, field: str = "name") -> str:
    """The name without stray spaces. Raises InvalidInput, naming `what`, when it is empty or too long."""
    text = " ".join(text.replace("\x00", "").split())
    if not 1 <= len(text) <= longest:
        raise InvalidInput(f"{what} needs 1 to {longest} characters.", field=field)
    return text


def is_mailable(email: str) -> bool:
    """Whether a letter can be addressed there: domains of other letters must have a spelling that mail servers take."""
    try:
        email.rpartition("@")[2].encode("idna")
    except UnicodeError:
        return False
    return True
