"""Addresses of the pages people use. Programs' addresses (/api, /openai, /webhooks) never reach Django: see asgi.py."""

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import include, path
from django.views.generic import RedirectView

from testkase.entrypoints.web.billing import staff
from testkase.entrypoints.web.selfaudit import invariants
from testkase.entrypoints.web.sign_in.addresses import addresses, confirmation
from testkase.entrypoints.web.urls import handler400, handler403, handler404, handler500
from testkase.entrypoints.web.what_if.views import what_if

# Django's own sign-in asks for no second step and lets anybody guess: staff come in by the door of everybody else.
# And they look after payments and books: whoever could write these tables there could sign in as anybody.
admin.site.unregister([Authenticator, EmailAddress, Group, SocialAccount, SocialApp, SocialToken, UserSession])
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
urlpatterns = [
    path("accounts/email/", addresses, name="account_email"),  # before allauth's own
    path("accounts/confirm-email/<str:key>/", confirmation, name="account_confirm_email"),
    path("accounts/", include("allauth.urls")),
    path("staff/payments", staff.payments, name="staff_payments"),
    path("staff/invariants", invariants, name="staff_invariants"),
    path("staff/what-if", what_if, name="what_if"),
    path("staff/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("staff/", admin.site.urls),
    path("", include("testkase.entrypoints.web.urls")),
]
