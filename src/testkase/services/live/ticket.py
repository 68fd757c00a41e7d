"""The ticket that opens a page's stream: who may listen to which organization, for a minute, in one session.

Django writes it into pages it has let somebody see; the stream's door only checks the signature, the time and the
session's cookie, and asks nobody. Whoever signs out, is removed or moves to another organization gets no further one.
"""

import base64
import binascii
import hmac
from hashlib import blake2b

import msgspec

from testkase.foundation.problems import Forbidden

LIFE_SECONDS = 60
"""How long a stream outlives the right to it, at most."""

_PURPOSE = b"testkase live"  # the same secret signs other things: none of them can be taken for a ticket
_DIGEST_BYTES = 24


class TicketInvalid(Forbidden):
    """The ticket is forged, over, or another session's: ask for a new one."""

    code = "ticket_invalid"
    title = "The page's stream needs a new ticket"


class Ticket(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """`expires_at` in seconds since 1970."""

    org_id: int
    user_id: int
    session: bytes
    """A digest of the session's key: the ticket alone, read over somebody's shoulder or in a log, opens nothing."""
    expires_at: int


def issue(secret: str, *, org_id: int, user_id: int, session_key: str, now: float) -> str:
    """The text of a new ticket."""
    ticket = Ticket(
        org_id=org_id,
        user_id=user_id,
        session=session_digest(session_key),
        expires_at=int(now) + LIFE_SECONDS,
    )
    content = msgspec.msgpack.encode(ticket)
    return base64.urlsafe_b64encode(_signature(secret, content) + content).decode().rstrip("=")


def read(secret: str, text: str, *, session_key: str, now: float) -> Ticket:
    """The ticket, if it is one of ours, not over, and this session's. Raises TicketInvalid."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise TicketInvalid("This is not a ticket.") from error
    signature, content = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if not hmac.compare_digest(signature, _signature(secret, content)):
        raise TicketInvalid("This is not a ticket.")
    ticket = msgspec.msgpack.decode(content, type=Ticket)
    if ticket.expires_at <= now:
        raise TicketInvalid("The ticket is over.")
    if not hmac.compare_digest(ticket.session, session_digest(session_key)):
        raise TicketInvalid("The ticket belongs to another session.")
    return ticket


def session_digest(session_key: str) -> bytes:
    """What a ticket knows of a session."""
    return blake2b(session_key.encode(), digest_size=16, person=b"live session").digest()


def _signature(secret: str, content: bytes) -> bytes:
    key = blake2b(secret.encode(), digest_size=32, person=_PURPOSE).digest()
    return blake2b(content, digest_size=_DIGEST_BYTES, key=key).digest()
