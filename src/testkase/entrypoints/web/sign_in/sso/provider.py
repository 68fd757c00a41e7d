"""The kind of provider allauth finds by itself, because this module is called `provider`."""

import secrets
from typing import Any, cast

from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from django.http import HttpRequest, HttpResponse

from testkase.entrypoints.web.sign_in.sso.verified import VerifiedAdapter


class SsoProvider(OpenIDConnectProvider):
    """An identity provider of the operator's. Its id in addresses and tables is the operator's name for it."""

    pkce_enabled_default = True
    oauth2_adapter_class = VerifiedAdapter

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Where to go afterwards, and whether to sign in or to connect. Nothing else is taken from an address: a link
        somebody was sent must not choose what is asked of the provider."""
        asked: dict[str, Any] = super().get_redirect_from_request_kwargs(request)
        return {name: asked[name] for name in ("process", "next_url") if name in asked}

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **kwargs: Any
    ) -> HttpResponse:
        """To the provider, with a nonce that only this browser's session knows."""
        nonce = secrets.token_urlsafe(24)
        kwargs["auth_params"] = {**cast(Any, self).get_auth_params(), "nonce": nonce}
        answer: HttpResponse = super().redirect(request, process, next_url=next_url, data=data, nonce=nonce, **kwargs)
        return answer

    def serialize(self) -> dict[str, Any]:
        """How a sign-up that waits for its form names the provider: by the operator's id, because two providers may
        well know this application under the same client id."""
        return {**super().serialize(), "id": self.sub_id}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        """As allauth reads them; an address counts as verified only by a literal true, not by "false" or 1."""
        addresses = cast(Any, super()).extract_email_addresses(data)
        for address in addresses:
            address.email = address.email.lower()
            address.verified = address.verified is True
        return list(addresses)


provider_classes = [SsoProvider]
