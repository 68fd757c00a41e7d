"""The kinds of field the API accepts, each with its pattern for the decoder and for the OpenAPI document."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta

from testkase.foundation.problems import InvalidInput

LONGEST_ID = 128
ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._:~@-]{0,127}"
_LINE = r"[^\x00-\x1f\x7f]{1,200}"
_AMOUNT = r"(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?"
_SLUG = r"[a-z][a-z0-9_-]{0,63}"
_MODEL = r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}"


def _matching(pattern: str, description: str, *examples: object) -> Meta:
    """Ends in `\\Z`, because Python's `$` lets a final line break through; the document says `$` (openapi.py)."""
    return Meta(pattern=f"^{pattern}\\Z", description=description, examples=list(examples))


Id = Annotated[str, _matching(ID_PATTERN, "Made by the caller; unique in the organization for ever.", "call-7f3a")]
Slug = Annotated[str, _matching(_SLUG, "`test_generation`, `chat`, `report` or any slug of your own.", "chat")]
Name = Annotated[str, _matching(_LINE, "One line of text, kept as given.", "ada@example.com")]
ModelName = Annotated[str, _matching(_MODEL, "A model of the rate card.", "testkase-demo")]
Credits = Annotated[
    str, _matching(_AMOUNT, "Credits as a decimal string with at most six decimals. A JSON number is refused.", "12.34")
]
SignedCredits = Annotated[str, _matching(f"-?{_AMOUNT}", "Credits as a decimal string; may be negative.", "-2.50")]
TokenCount = Annotated[int, Meta(ge=0, le=100_000_000, description="Tokens, zero or more.", examples=[1200])]
TtlSeconds = Annotated[
    int, Meta(ge=1, le=86_400, description="Seconds until a hold nobody resolved returns its credits.", examples=[300])
]

_WHOLE_ID = re.compile(ID_PATTERN)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_id(text: str) -> bool:
    """Whether the text can be an id at all."""
    return _WHOLE_ID.fullmatch(text) is not None


def checked_id(text: str, field: str) -> str:
    """The id. Raises InvalidInput naming the field it came in."""
    if not is_id(text):
        raise InvalidInput(
            "An id has 1 to 128 characters: letters, digits and . _ : ~ @ -, beginning with a letter or digit.",
            field=field,
        )
    return text


def instant(microseconds: int) -> str:
    """RFC 3339 in UTC with six decimals, from the ledger's microseconds."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def microseconds(text: str, field: str) -> int:
    """The ledger's microseconds from RFC 3339 with an offset. Raises InvalidInput."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no offset")
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise InvalidInput("Times are RFC 3339 with an offset, such as 2026-11-01T00:00:00Z.", field=field) from None


def now_microseconds() -> int:
    """The server's clock in the ledger's unit. For reading only: what is posted is timed by the database."""
    return (datetime.now(UTC) - _EPOCH) // timedelta(microseconds=1)
