"""Time as a value. Rules take an instant as an argument; only the edges of the program ask what time it is."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The current instant. The ledger does not use it: there the database's clock decides, read under the row lock."""
    return datetime.now(UTC)


def rfc3339(instant: datetime) -> str:
    """`2026-11-01T00:00:00.000000Z`: UTC, always six decimals, so that text order is time order."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
