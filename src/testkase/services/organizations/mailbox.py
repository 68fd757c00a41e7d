"""The mailbox of a trial run: where e-mails go while no mail server is set up, and how they are found again.

It is for trying the product out on one's own machine. Letters hold links that let their reader in, so whoever opens
the mailbox finds in it only what their own organization has sent, and what went to their own address.
"""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage as ParsedMessage
from email.parser import BytesParser
from email.utils import getaddresses
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from testkase.foundation.ids import new_id

ORGANIZATION_HEADER = "X-TestKase-Organization"
"""On letters an organization sends: its id."""

KEPT = 500
"""Letters; older ones are removed."""

_SUFFIX = ".eml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A letter in the mailbox."""

    mail_id: str
    to: str
    subject: str
    sent_at: datetime | None
    text: str


class MailboxBackend(BaseEmailBackend):
    """Django's way out for e-mails: each becomes a file in `EMAIL_FILE_PATH`, for its owner's eyes only."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write them down; answers how many."""
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            _write(folder, message.message().as_bytes())
        _forget_old(folder)
        return len(email_messages)


def mails_for(folder: Path, *, org_id: int, address: str, limit: int = 50) -> list[Mail]:
    """The newest letters that organization has sent or that went to that address."""
    found: list[Mail] = []
    for path, message in _messages(folder):
        if len(found) == limit:
            break
        addresses = {found.lower() for _, found in getaddresses(message.get_all("To", []))}
        if message.get(ORGANIZATION_HEADER) == str(org_id) or address.lower() in addresses:
            found.append(_mail(path, message))
    return found


def _messages(folder: Path) -> Iterator[tuple[Path, ParsedMessage]]:
    """Newest first; a file that goes meanwhile is passed over."""
    parser = BytesParser(policy=policy.default)
    for path in sorted(folder.glob(f"*{_SUFFIX}"), reverse=True):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        message = parser.parsebytes(content)
        assert isinstance(message, ParsedMessage)
        yield path, message


def _mail(path: Path, message: ParsedMessage) -> Mail:
    body = message.get_body(("plain",))
    date = message["Date"]
    return Mail(
        mail_id=path.stem,
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        # Django dates letters "-0000": UTC, as far as a mail program knows.
        sent_at=date.datetime.replace(tzinfo=date.datetime.tzinfo or UTC) if date is not None else None,
        text=str(body.get_content()) if body is not None else "",
    )


def _write(folder: Path, content: bytes) -> None:
    """Whole or not at all; names sort by time."""
    name = new_id(f"{time.time_ns():020d}")
    draft = folder / f"{name}.draft"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.rename(folder / f"{name}{_SUFFIX}")


def _forget_old(folder: Path) -> None:
    for path in sorted(folder.glob(f"*{_SUFFIX}"), reverse=True)[KEPT:]:
        path.unlink(missing_ok=True)
