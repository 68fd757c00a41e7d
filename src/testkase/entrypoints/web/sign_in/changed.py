"""The letter about a change of somebody's account: what was changed, when and from where, and what to do if it was not
them. allauth's own speaks of "security precautions" and says neither which nor where.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.template.loader import get_template
from django.urls import reverse

from testkase.entrypoints.web.templatetags.testkase import browser

CHANGES = {
    "account/email/email_changed": "You sign in as {to_email} now",
    "account/email/email_confirm": "Your e-mail address is confirmed",
    "account/email/email_deleted": "{deleted_email} is no address of yours any more",
    "account/email/password_changed": "Your password was changed",
    "account/email/password_reset": "You have a new password",
    "account/email/password_set": "Your account has a password now",
    "mfa/email/recovery_codes_generated": "You have new recovery codes",
    "mfa/email/totp_activated": "Two-step sign-in by an authenticator app is on",
    "mfa/email/totp_deactivated": "Two-step sign-in by an authenticator app is off",
    "mfa/email/webauthn_added": "A passkey was added to your account",
    "mfa/email/webauthn_removed": "A passkey was removed from your account",
    "socialaccount/email/account_connected": "{provider.name} signs you in from now on",
    "socialaccount/email/account_disconnected": "{provider.name} does not sign you in any more",
}
"""What was changed, by the name under which allauth tells of it."""

WAYS_IN = {
    "mfa/email/webauthn_added": ("the passkey", "remove it", "mfa_list_webauthn"),
    "socialaccount/email/account_connected": ("{provider.name}", "disconnect it", "socialaccount_connections"),
}
"""Changes that let somebody in without a password: what does, and what ends it on which page."""


def subject_of(template_prefix: str, facts: Mapping[str, Any]) -> str | None:
    """The change in a sentence; None for a letter about something else."""
    changed = CHANGES.get(template_prefix)
    return None if changed is None else changed.format_map(facts)


def letter(template_prefix: str, changed: str, facts: Mapping[str, Any]) -> str:
    """The text of it. `facts` are those that allauth tells: `timestamp`, `ip`, `user_agent`."""
    words = {"changed": changed, "browser": browser(facts["user_agent"]), "page": _page("account_reset_password")}
    if template_prefix in WAYS_IN:
        what, end, page = WAYS_IN[template_prefix]
        words |= {"way_in": what.format_map(facts), "end": end, "ended_at": _page(page)}
    return get_template("testkase/email/account_changed.txt").render({**words, **facts}).strip() + "\n"


def _page(name: str) -> str:
    return str(settings.VALUES.public_url) + reverse(name)
