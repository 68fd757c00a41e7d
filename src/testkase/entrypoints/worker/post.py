"""Sending e-mails that notifications left in the queue. No transaction is open while a mail server is spoken to."""

import asyncio
from email.utils import parseaddr

import structlog
from django.conf import settings as django_settings
from django.core.mail import EmailMultiAlternatives

from testkase.entrypoints.worker.repeating import keep_at
from testkase.foundation.database import Database
from testkase.services.notifications.letters import render
from testkase.services.notifications.outbox import DueMail, Letter, claim, letter, mark_failed, mark_sent
from testkase.services.organizations.mailbox import ORGANIZATION_HEADER

EVERY_SECONDS = 2.0
AT_ONCE = 20
AFTER_FAULT_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class Post:
    """One a worker process; several never send one letter at the same time."""

    def __init__(self, database: Database, public_url: str) -> None:
        self._database = database
        self._public_url = public_url
        self._host = parseaddr(django_settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"

    async def run(self) -> None:
        """Send until cancelled."""
        await keep_at(self._step, complaint="e-mails could not be sent", after_fault=AFTER_FAULT_SECONDS)

    async def _step(self) -> float:
        return 0 if await self.send_due() == AT_ONCE else EVERY_SECONDS

    async def send_due(self) -> int:
        """Send what is due; answers how many were taken. One is claimed at a time: with a slow mail server the last of
        many would be another worker's again before its turn came."""
        for taken in range(AT_ONCE):
            mails = await self._database.run(claim(limit=1))
            if not mails:
                return taken
            await self._send(mails[0])
        return AT_ONCE

    async def _send(self, mail: DueMail) -> None:
        found = await self._database.run(letter(mail), org_id=mail.org_id)
        if found is None:
            await self._database.run(mark_failed(mail, "nobody to send it to", give_up=True), org_id=mail.org_id)
            return
        try:
            await asyncio.to_thread(self._hand_over, found)
        except Exception as fault:  # noqa: BLE001 - a letter that cannot be sent must not keep the others
            kind = type(fault).__name__
            _log.warning("an e-mail was not taken", org_id=mail.org_id, fault=kind, attempts=mail.attempts)
            await self._database.run(mark_failed(mail, kind, give_up=mail.last_attempt), org_id=mail.org_id)
        else:
            await self._database.run(mark_sent(mail), org_id=mail.org_id)

    def _hand_over(self, found: Letter) -> None:
        rendered = render(found, self._public_url)
        message = EmailMultiAlternatives(
            rendered.subject,
            rendered.text,
            to=[found.email],
            headers={
                "Message-ID": found.message_id(self._host),
                "Auto-Submitted": "auto-generated",
                ORGANIZATION_HEADER: str(found.org_id),
            },
        )
        message.attach_alternative(rendered.html, "text/html")
        message.send()
