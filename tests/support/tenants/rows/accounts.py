"""The sign-in pages (allauth's) and the staff's: what is personal to an account, whatever the organization."""

from tests.support.tenants.roles import EVERYBODY, NOBODY, ROLES, SIGNED_IN
from tests.support.tenants.row import Place, Row

_PUBLIC = Row(get=EVERYBODY, post=EVERYBODY)
_PERSONAL = Row(get=SIGNED_IN, post=SIGNED_IN)
_WITHOUT_MFA = Row(get=NOBODY, refused=(404,))
"""Nobody here has a second factor: there is nothing to see or to end."""
_WITHOUT_PROVIDER = Row(
    get=EVERYBODY,
    post=EVERYBODY,
    but={f"{method} {role}": 404 for method in ("GET", "POST") for role in ROLES},
)
"""The operator has named no identity provider here."""

ROWS = {
    "accounts/login/": _PUBLIC,
    "accounts/logout/": _PUBLIC,
    "accounts/inactive/": Row(get=EVERYBODY),
    "accounts/signup/": _PUBLIC,
    "accounts/reauthenticate/": _PERSONAL,
    "accounts/email/": _PERSONAL,
    "accounts/confirm-email/": Row(get=EVERYBODY),
    "accounts/confirm-email/<str:key>/": Row(get=SIGNED_IN),
    "accounts/^confirm-email/(?P<key>[-:\\w]+)/$": Row(get=EVERYBODY),
    "accounts/password/change/": _PERSONAL,
    "accounts/password/set/": _PERSONAL,
    "accounts/password/reset/": _PUBLIC,
    "accounts/password/reset/done/": Row(get=EVERYBODY),
    "accounts/password/reset/key/done/": Row(get=EVERYBODY),
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": Row(get=EVERYBODY),
    "accounts/login/code/confirm/": Row(get=EVERYBODY),
    "accounts/2fa/": Row(get=SIGNED_IN),
    "accounts/2fa/authenticate/": Row(get=EVERYBODY),
    "accounts/2fa/reauthenticate/": _PERSONAL,
    "accounts/2fa/totp/activate/": _PERSONAL,
    "accounts/2fa/totp/deactivate/": _WITHOUT_MFA,
    "accounts/2fa/recovery-codes/": _WITHOUT_MFA,
    "accounts/2fa/recovery-codes/generate/": _PERSONAL,
    "accounts/2fa/recovery-codes/download/": _WITHOUT_MFA,
    "accounts/2fa/webauthn/": Row(get=SIGNED_IN),
    "accounts/2fa/webauthn/add/": _PERSONAL,
    "accounts/2fa/webauthn/reauthenticate/": _PERSONAL,
    "accounts/2fa/webauthn/keys/<int:pk>/remove/": _PERSONAL,
    "accounts/2fa/webauthn/keys/<int:pk>/edit/": _PERSONAL,
    "accounts/2fa/webauthn/login/": _PUBLIC,
    "accounts/sessions/": _PERSONAL,
    "accounts/3rdparty/": _PERSONAL,
    "accounts/3rdparty/signup/": _PUBLIC,
    "accounts/3rdparty/login/cancelled/": Row(get=EVERYBODY),
    "accounts/3rdparty/login/error/": Row(get=SIGNED_IN, but={f"GET {role}": 401 for role in SIGNED_IN}),
    "accounts/social/*": Row(get=EVERYBODY, post=EVERYBODY),
    "accounts/oidc/<slug:provider_id>/login/": _WITHOUT_PROVIDER,
    "accounts/oidc/<slug:provider_id>/login/callback/": _WITHOUT_PROVIDER,
    "staff/*": Row(get=NOBODY, post=NOBODY, refused=(302, 403, 404)),
}

PLACES = {
    "key": Place(make=lambda _: "none"),
    "pk": Place(make=lambda _: 1),
    "provider_id": Place(make=lambda _: "nobody"),
    "uidb36": Place(make=lambda _: "1"),
    "object_id": Place(make=lambda _: 1),
    "content_type_id": Place(make=lambda _: 1),
    "app_label": Place(make=lambda _: "auth"),
    "url": Place(make=lambda _: "anything"),
}
