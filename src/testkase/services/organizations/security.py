"""Changes of how somebody signs in, in the history of every organization they belong to; signing in, in the log.

allauth tells of them by signals, in the request that makes them. An organization's members trust each other's accounts:
those in charge see when somebody's second factor goes.
"""

import logging
from hashlib import sha256
from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_changed, email_confirmed, password_changed, password_reset, password_set
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from allauth.socialaccount.signals import social_account_added, social_account_removed
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver

from testkase.services.audit import Activity
from testkase.services.organizations.actors import person, record_here
from testkase.services.organizations.models import Membership, User

_log = logging.getLogger(__name__)

_METHODS = {"totp": "an authenticator app", "webauthn": "a security key", "recovery_codes": "recovery codes"}


@receiver(user_logged_in)
def _signed_in(request: Any, user: User, **_: Any) -> None:
    records = request.session.get("account_authentication_methods", ())
    steps = ", ".join(str(one.get("method")) for one in records if isinstance(one, dict))
    _log.info("signed in: account %s by %s", user.pk, steps or "a letter or a first sign-up")


@receiver(user_logged_out)
def _signed_out(user: User | None, **_: Any) -> None:
    if user is not None:
        _log.info("signed out: account %s", user.pk)


@receiver(user_login_failed)
def _refused(credentials: dict[str, Any], **_: Any) -> None:
    """By a digest of the address: the same account's failures stand together, and no address is in the log."""
    address = str(credentials.get("email") or credentials.get("username") or "").strip().lower()
    _log.warning("sign-in failed: address %s", sha256(address.encode()).hexdigest()[:16])


@receiver(authenticator_added)
def _added(user: User, authenticator: Any, **_: Any) -> None:
    _record(user, "mfa.enabled", method=_method(authenticator))


@receiver(authenticator_removed)
def _removed(user: User, authenticator: Any, **_: Any) -> None:
    _record(user, "mfa.disabled", method=_method(authenticator))


@receiver(authenticator_reset)
def _reset(user: User, authenticator: Any, **_: Any) -> None:
    _record(user, "mfa.codes_renewed", method=_method(authenticator))


@receiver([password_changed, password_set])
def _password_changed(user: User, **_: Any) -> None:
    _record(user, "password.changed")


@receiver(password_reset)
def _password_reset(user: User, **_: Any) -> None:
    _record(user, "password.reset")


@receiver(email_confirmed)
def _email_confirmed(email_address: EmailAddress, **_: Any) -> None:
    """An account is whose first confirmed address it is. One that was only claimed goes: else somebody who signs up
    under a stranger's address and confirms their own beside it keeps a way into whatever the stranger joins."""
    user = email_address.user
    with transaction.atomic():
        claimed = EmailAddress.objects.filter(user=user, primary=True, verified=False).first()
        if claimed is None:
            return
        email_address.set_as_primary()
        EmailAddress.objects.filter(user=user, verified=False).delete()
        email_changed.send(User, request=None, user=user, from_email_address=claimed, to_email_address=email_address)


@receiver(email_changed)
def _email_changed(user: User, from_email_address: Any, to_email_address: Any, **_: Any) -> None:
    # `from` is a word of Python's.
    addresses = {"from": str(from_email_address.email), "to": str(to_email_address.email)}
    if not from_email_address.verified:  # it was never theirs to be known by
        user.ref = ""
        user.save()
    _record(user, "email.changed", **addresses)


@receiver(social_account_added)
def _connected(sociallogin: Any, **_: Any) -> None:
    _record(sociallogin.user, "sso.connected", provider=str(sociallogin.account.provider))


@receiver(social_account_removed)
def _disconnected(socialaccount: Any, **_: Any) -> None:
    _record(socialaccount.user, "sso.disconnected", provider=str(socialaccount.provider))


def _method(authenticator: Any) -> str:
    return _METHODS.get(str(authenticator.type), str(authenticator.type))


def _record(user: User, action: str, **details: str) -> None:
    """In every organization of theirs, in one order: two at once must not wait for each other in a circle."""
    org_ids = Membership.objects.filter(user=user).order_by("organization").values_list("organization", flat=True)
    with transaction.atomic():
        for org_id in list(org_ids):
            record_here(org_id, Activity(action=action, actor=person(user), details=details))
