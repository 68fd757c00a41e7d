"""Addresses of the pages people use. Programs' addresses (/api, /openai, /webhooks) never reach Django: see asgi.py."""

from django.contrib import admin
from django.urls import include, path

from testkase.entrypoints.web.billing import staff
from testkase.entrypoints.web.selfaudit import invariants
from testkase.entrypoints.web.urls import handler400, handler403, handler404, handler500
from testkase.entrypoints.web.what_if.views import what_if

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("staff/payments", staff.payments, name="staff_payments"),
    path("staff/invariants", invariants, name="staff_invariants"),
    path("staff/what-if", what_if, name="what_if"),
    path("staff/", admin.site.urls),
    path("", include("testkase.entrypoints.web.urls")),
]
