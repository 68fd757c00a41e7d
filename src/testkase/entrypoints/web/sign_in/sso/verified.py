"""What a provider says is believed once proved: the ID token by signature and nonce, the rest by its subject."""

from typing import Any, cast
from urllib.parse import urlsplit

import jwt
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures with a key pair. Never "none", and never a shared secret that somebody could take the public key for."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
_KEPT = ("sub", "email", "email_verified", "name", "preferred_username")
"""Claims that are kept with the account. Pictures, groups and telephone numbers are not."""


class VerifiedAdapter(OpenIDConnectOAuth2Adapter):
    """One round trip with one provider. `nonce` is set by the callback, from the session's state."""

    nonce: str | None = None

    def get_provider(self) -> Any:
        """The operator's provider of this round trip. Raises SocialApp.DoesNotExist for one nobody has named."""
        return cast(Any, super()).get_provider()

    @property
    def openid_config(self) -> dict[str, Any]:
        """The provider's published configuration, once. Raises OAuth2Error when it is not that of the issuer named, or
        when anything of it would travel unprotected."""
        known = "_openid_config" in self.__dict__
        config: dict[str, Any] = super().openid_config
        if not known:
            self._check(config)
        return config

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        """Who has signed in at the provider. Raises OAuth2Error unless all of it is proved."""
        claims = self._verified(str(kwargs["response"].get("id_token") or ""), app.client_id)
        if "email" not in claims and "userinfo_endpoint" in self.openid_config:
            told = self._fetch_user_info(token.token)
            if told.get("sub") != claims["sub"]:
                raise OAuth2Error("The provider spoke of two different people.")
            claims = {**told, **claims}
        kept = {name: claims[name] for name in _KEPT if name in claims}
        found: SocialLogin = self.get_provider().sociallogin_from_response(request, {"id_token": kept})
        return found

    def _verified(self, id_token: str, client_id: str) -> dict[str, Any]:
        try:
            algorithm = jwt.get_unverified_header(id_token).get("alg")
            if algorithm not in _ALGORITHMS:
                raise OAuth2Error("The ID token is not signed with a key pair.")
            claims: dict[str, Any] = jwtkit.verify_and_decode(
                credential=id_token,
                keys_url=self.openid_config["jwks_uri"],
                issuer=self.openid_config["issuer"],
                audience=client_id,
                lookup_kid=jwtkit.lookup_kid_jwk,
            )
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise OAuth2Error("The ID token cannot be verified.") from error
        if not self.nonce or not constant_time_compare(str(claims.get("nonce", "")), self.nonce):
            raise OAuth2Error("The ID token answers another sign-in than this one.")
        if claims.get("azp", client_id) != client_id or not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise OAuth2Error("The ID token was made for somebody else.")
        if "exp" not in claims:
            raise OAuth2Error("The ID token never expires.")
        return claims

    def _check(self, config: dict[str, Any]) -> None:
        named = str(self.get_provider().app.settings["server_url"]).rstrip("/")
        if str(config.get("issuer", "")).rstrip("/") != named:
            raise OAuth2Error("The configuration published there is that of another issuer.")
        for name in _ENDPOINTS:
            url = urlsplit(str(config.get(name, "https://none")))
            if url.scheme != "https" and url.hostname not in _LOOPBACK:
                raise OAuth2Error(f"{name} is not https.")

    def _fetch_user_info(self, access_token: str) -> dict[str, Any]:
        with get_adapter().get_requests_session() as session:
            response = session.get(self.profile_url, headers={"Authorization": f"Bearer {access_token}"})
            response.raise_for_status()
            told = response.json()
        if not isinstance(told, dict):
            raise OAuth2Error("The provider's answer about the person is no object.")
        return told
