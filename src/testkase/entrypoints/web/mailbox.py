"""Whether the mailbox of a trial run is there for somebody."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

from testkase.core.access import Action
from testkase.entrypoints.web.viewer import Viewer
from testkase.foundation.settings import Settings


def mailbox_open(viewer: Viewer) -> bool:
    """Only without a mail server, on an address of this machine alone, for those who manage the organization: whoever
    serves others and forgot the mail server must not show their letters to anybody."""
    return mail_stays_here(settings.VALUES) and viewer.can(Action.MANAGE_MEMBERS)


def mail_stays_here(values: Settings) -> bool:
    """Whether this is a trial run on one machine, whose e-mails are kept in a folder."""
    return values.email_url is None and is_loopback(values.host) and is_loopback(urlsplit(values.public_url).hostname)


def is_loopback(host: str | None) -> bool:
    """Whether an address or name can mean this machine alone."""
    if host is None:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
