"""What becomes of somebody a provider vouches for: an account they have, a new one, or a page that says why not."""

import logging
from typing import Any, cast

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.http import HttpRequest
from django.shortcuts import render

from testkase.services.organizations.invitations import has_account
from testkase.services.organizations.models import User

_log = logging.getLogger(__name__)


class SsoAdapter(DefaultSocialAccountAdapter):
    """An account is found by the provider and its subject alone, never by an e-mail address: whoever can make a
    provider say an address must not thereby get into the account of that address. Its owner connects the two, signed
    in."""

    error_messages = {  # noqa: RUF012 - allauth's own is a plain dictionary
        **DefaultSocialAccountAdapter.error_messages,
        "no_password": "Nothing else lets you in. Set a password under Your account first, then disconnect it.",
    }

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            if not EmailAddress.objects.filter(user=request.user.pk, verified=True).exists():
                # Nobody opens a second way into an account under an address that may be a stranger's.
                self._refuse(request, sociallogin, "unconfirmed")
            return
        if sociallogin.is_existing:
            return
        address = next((one for one in sociallogin.email_addresses if one.verified), None)
        if address is None:
            self._refuse(request, sociallogin, "unverified")
        elif has_account(address.email):
            self._refuse(request, sociallogin, "taken", email=address.email)

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Never: a new person also names their organization."""
        return False

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        return False

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        person: User = super().populate_user(request, sociallogin, data)
        person.email = person.email.lower()
        person.display_name = str(data.get("name") or "")[:120]
        return person

    def get_signup_form_initial_data(self, sociallogin: SocialLogin) -> dict[str, Any]:
        """The verified address, which the form does not let anybody change, and the name."""
        address = next((one.email for one in sociallogin.email_addresses if one.verified), "")
        return {"email": address, "name": cast(User, sociallogin.user).display_name}

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """For the operator's log: which provider, and what went wrong. Never what was sent."""
        reason = type(exception.__cause__ or exception).__name__ if exception else str(error)
        _log.warning("Signing in through %s failed: %s.", provider.app.provider_id, reason)

    def _refuse(self, request: HttpRequest, sociallogin: SocialLogin, reason: str, email: str = "") -> None:
        facts = {"provider": sociallogin.provider, "reason": reason, "email": email}
        raise ImmediateHttpResponse(render(request, "socialaccount/refused.html", facts, status=403))
