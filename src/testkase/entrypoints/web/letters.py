"""Letters to people: what an invitation says, and whether it could be sent."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.contrib import messages
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.template.loader import get_template
from django.urls import reverse

from testkase.entrypoints.web.mailbox import mail_stays_here
from testkase.services.organizations.invitations import Letter
from testkase.services.organizations.mailbox import ORGANIZATION_HEADER
from testkase.services.organizations.models import User

NOT_SENT = (SMTPException, OSError)
"""What a mail server that is away, or refuses, comes to."""

_log = logging.getLogger(__name__)


def send_invitation(request: HttpRequest, letter: Letter, sender: User) -> None:
    """Send it and tell the sender. To be called once the invitation is committed: a mail server may take seconds, and
    what it does cannot be rolled back."""
    invitation = letter.invitation
    facts = {
        "invitation": invitation,
        "organization": invitation.organization,
        "sender": sender,
        "link": settings.VALUES.public_url + reverse("invitation", args=[letter.token]),
    }
    text = get_template("testkase/email/invitation.txt").render(facts).strip() + "\n"
    subject = f"Join {invitation.organization.name} on TestKase"
    try:
        headers = {ORGANIZATION_HEADER: str(invitation.organization_id)}
        EmailMessage(subject, text, to=[invitation.email], headers=headers).send()
    except NOT_SENT:
        _log.exception("An invitation could not be sent.")
        messages.error(request, f"The e-mail to {invitation.email} could not be sent. Send it again in a moment.")
    else:
        messages.success(request, _sent(invitation.email))


def _sent(address: str) -> str:
    if mail_stays_here(settings.VALUES):
        return f"No mail server is set up: the invitation for {address} is in the Mailbox (menu at the top right)."
    return f"An invitation is on its way to {address}."
