"""Numbers out of addresses and forms, where anything can stand."""

import re

from testkase.core.ledger.credits import parse_credits
from testkase.foundation.ids import new_id
from testkase.foundation.problems import InvalidInput

_WITH_COMMAS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", re.ASCII)
_HUGE = re.compile(r"[1-9][0-9]{9,}(\.[0-9]*)?", re.ASCII)
"""A billion or more."""
_DOLLARS = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?", re.ASCII)
_FORM_ID = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)
_DIGITS = 18
"""As many as fit into the database's 64 bits, whatever they are."""


def number(text: str | None) -> int | None:
    """A whole number that is not negative; None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def typed_credits(text: str, field: str) -> int:
    """Micro-credits of what people write: "1,500" and "60.5 " are amounts too; "12,5" is refused, because it could be
    12.5 or 125. Raises InvalidInput."""
    plain = text.strip()[:40]
    if _WITH_COMMAS.fullmatch(plain):
        plain = plain.replace(",", "")
    try:
        return parse_credits(plain, field=field)
    except InvalidInput:
        raise _no_amount(plain, "credits", "60 or 12.50", field) from None


def typed_cents(text: str, field: str) -> int:
    """US cents of what people write: "$1,500" and "20.50 " are amounts too. Raises InvalidInput."""
    plain = text.strip()[:40].removeprefix("$").strip()
    if _WITH_COMMAS.fullmatch(plain):
        plain = plain.replace(",", "")
    found = _DOLLARS.fullmatch(plain)
    if found is None:
        raise _no_amount(plain, "dollars", "20 or 20.50", field)
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _no_amount(plain: str, unit: str, examples: str, field: str) -> InvalidInput:
    if _HUGE.fullmatch(plain):
        return InvalidInput(f'"{plain}" is too much: an amount is below a billion {unit}.', field=field)
    return InvalidInput(f'"{plain}" is not an amount of {unit}. Write a number such as {examples}.', field=field)


def form_id(sent: str, prefix: str) -> str:
    """The form's own id names the change it makes; without one it gets one here. Raises InvalidInput."""
    if sent and not _FORM_ID.fullmatch(sent):
        raise InvalidInput("The form is damaged. Reload the page and send it again.", field="form")
    return sent or new_id(prefix)
