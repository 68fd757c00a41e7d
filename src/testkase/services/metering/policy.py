"""How patient and how generous metering is. Values only; the defaults suit a single server."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Durations in seconds, sizes in tokens or bytes as named."""

    hold_ttl_seconds: int = 60
    """A hold nobody renews (the process was killed) returns its credits after this long."""
    renew_every_seconds: float = 15.0
    """A quarter of the time to live: three renewals may fail before the hold lapses."""
    longest_call_seconds: float = 900.0
    """After this long the provider is cut off and what it delivered is charged."""
    stalled_reader_seconds: float = 60.0
    """A client that stays connected but reads nothing for this long is treated as gone."""
    drain_seconds: float = 20.0
    """How long the provider is read on after the client left, to learn the exact usage."""
    drain_bytes: int = 64 * 1024
    """How much is read on before the provider is cut off, events and all: hundreds of tokens where each comes in an
    event of its own, thousands where many share one."""
    max_drains: int = 32
    """How many calls may be read on at once; beyond that the provider is cut off at once."""
    max_open_calls_per_user: int = 256
    """Open calls of one user of one organization in this process; more are refused (429)."""
    settle_patience_seconds: float = 600.0
    """How long a settlement is tried again while the database cannot be reached."""
    note_patience_seconds: float = 10.0
    """How long an interaction that is settled waits for its failed attempts to be written down."""
    buffered_events: int = 64
    """Stream events kept for a slow reader before the provider is made to wait."""
