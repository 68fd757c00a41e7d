"""The kinds of field the API accepts, each with its pattern for the decoder and for the OpenAPI document."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta

from testkase.foundation.problems import InvalidInput

LONGEST_ID = 128
ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._:~@-]{0,127}"
_AMOUNT = r"(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?"
_SLUG = r"[a-z][a-z0-9_-]{0,63}"
_MODEL = r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}"

_ID_RULE = "An id has 1 to 128 characters: letters, digits and . _ : ~ @ -, beginning with a letter or digit"
_SLUG_RULE = "A slug has 1 to 64 characters: a-z, 0-9, _ and -, beginning with a letter"
_MODEL_RULE = "A model has 1 to 128 characters: letters, digits and . _ : / @ -, beginning with a letter or digit"
AMOUNT_RULE = 'Amounts are decimal strings of at most a billion credits, with at most six decimals, such as "12.34"'
NO_CURSOR = "This is no cursor of ours: use `next_cursor` as it was given."


RULES: dict[str, str] = {}
"""What each pattern asks for, in words: nobody should have to read one to correct a field."""


def matching(pattern: str, rule: str, description: str, *examples: object) -> Meta:
    """Text of a pattern. Ends in `\\Z`, because Python's `$` lets a final line break through; the document says `$`
    (openapi.py). `rule`: a sentence without its full stop."""
    whole = f"^{pattern}\\Z"
    RULES[whole] = rule
    return Meta(pattern=whole, description=description, examples=list(examples) or None)


def line(most: int, description: str, *examples: object) -> Meta:
    """One line of text of at most so many characters."""
    rule = f"One line of text of 1 to {most} characters, without control characters"
    return matching(rf"[^\x00-\x1f\x7f]{{1,{most}}}", rule, description, *examples)


def cursor(pattern: str) -> Meta:
    """Where a page ended. `pattern`: what can be one of this list's."""
    return matching(pattern, NO_CURSOR.removesuffix("."), "`next_cursor` of the page before.")


Id = Annotated[
    str, matching(ID_PATTERN, _ID_RULE, "Made by the caller; unique in the organization for ever.", "call-7f3a")
]
Slug = Annotated[
    str, matching(_SLUG, _SLUG_RULE, "`test_generation`, `chat`, `report` or any slug of your own.", "chat")
]
Name = Annotated[str, line(200, "One line of text, kept as given.", "ada@example.com")]
ModelName = Annotated[str, matching(_MODEL, _MODEL_RULE, "A model of the rate card.", "testkase-demo")]
Credits = Annotated[
    str,
    matching(
        _AMOUNT,
        AMOUNT_RULE,
        "Credits as a decimal string with at most six decimals. A JSON number is refused.",
        "12.34",
    ),
]
SignedCredits = Annotated[
    str, matching(f"-?{_AMOUNT}", AMOUNT_RULE, "Credits as a decimal string; may be negative.", "-2.50")
]
TokenCount = Annotated[int, Meta(ge=0, le=100_000_000, description="Tokens, zero or more.", examples=[1200])]
TtlSeconds = Annotated[
    int, Meta(ge=1, le=86_400, description="Seconds until a hold nobody resolved returns its credits.", examples=[300])
]

_WHOLE_ID = re.compile(ID_PATTERN)
_WHOLE_SLUG = re.compile(_SLUG)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_id(text: str) -> bool:
    """Whether the text can be an id at all."""
    return _WHOLE_ID.fullmatch(text) is not None


def checked_id(text: str, field: str) -> str:
    """The id. Raises InvalidInput naming the field it came in."""
    if not is_id(text):
        raise InvalidInput(f"{_ID_RULE}.", field=field)
    return text


def checked_slug(text: str, field: str) -> None:
    """Raises InvalidInput naming the field it came in."""
    if _WHOLE_SLUG.fullmatch(text) is None:
        raise InvalidInput(f"{_SLUG_RULE}.", field=field)


def instant(microseconds: int) -> str:
    """RFC 3339 in UTC with six decimals, from the ledger's microseconds."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def microseconds(text: str, field: str) -> int:
    """The ledger's microseconds from RFC 3339 with an offset, of a query. Raises InvalidInput."""
    try:
        moment = datetime.fromisoformat(text.upper())  # RFC 3339 lets `t` and `z` be small
        if moment.tzinfo is None:
            raise ValueError("no offset")
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        words = "Times are RFC 3339 with an offset, such as 2026-11-01T00:00:00Z"
        blank = "; the + of an offset is written %2B in an address, where it means a space" if " " in text else ""
        raise InvalidInput(f"{words}{blank}.", field=field) from None


def now_microseconds() -> int:
    """The server's clock in the ledger's unit. For reading only: what is posted is timed by the database."""
    return (datetime.now(UTC) - _EPOCH) // timedelta(microseconds=1)
